package device_test

import (
	"math"
	"strings"
	"testing"

	"mixmas/nn/device"
)

func TestElements(t *testing.T) {
	for _, c := range []struct {
		shape []int
		n     int
		ok    bool
	}{
		{nil, 1, true}, {[]int{3, 4}, 12, true}, {[]int{0, 5}, 0, true}, {[]int{device.MaxElements}, device.MaxElements, true},
		{[]int{device.MaxElements, 2}, 0, false}, {[]int{-1, -1}, 0, false}, {[]int{0, math.MaxInt}, 0, false},
		{[]int{1 << 32, 1 << 32}, 0, false}, {[]int{math.MinInt}, 0, false}, {[]int{math.MaxInt, math.MaxInt}, 0, false},
	} {
		if n, ok := device.Elements(c.shape...); n != c.n || ok != c.ok {
			t.Errorf("%v: got %d, %t, want %d, %t", c.shape, n, ok, c.n, c.ok)
		}
	}
}

// Kernels count rows and columns with 32 bits: no size reaches them that would wrap.
func TestProgramsWithWrappingSizesAreRefused(t *testing.T) {
	wide := &device.MatMul{M: 1, N: 1, K: 1, LDA: 1 << 32, LDB: 1, LDC: 1, Batch: [2]int{1, 1}}
	for name, op := range map[string]device.Operation{
		"operation": wide,
		"composite": &device.Monarch{Parts: device.Parts{wide}, Batch: 1, P: 1, Q: 1, Width: 1},
		"maps":      &device.Im2Col{Maps: device.Maps{Batch: 1 << 31, Height: 1, Width: 1, Channels: 1, Kernel: 1, Stride: 1}},
	} {
		p := &device.Program{Operations: []device.Operation{op}}
		if err := p.Check(math.MaxInt); err == nil || !strings.Contains(err.Error(), "want at most 2147483647") {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

// A program's operations are checked once, for every device: each case is wrong in one thing.
func TestCheck(t *testing.T) {
	type program = device.Program
	one := func(op device.Operation, sizes ...int) *program {
		p := &program{Operations: []device.Operation{op}}
		for i, n := range sizes {
			p.Buffers = append(p.Buffers, device.BufferInfo{Name: string(rune('a' + i)), Size: n, Offset: p.ArenaSize})
			p.ArenaSize += n
		}
		return p
	}
	at := func(p *program, buffer, offset int) *program {
		p.Buffers[buffer-1].Offset = offset
		return p
	}
	strided := func(a, b []int) *device.Binary {
		return &device.Binary{A: 1, B: 2, Y: 3, Shape: []int{2, 2}, StridesA: a, StridesB: b}
	}
	whole := []int{2, 1}
	piece := func(p device.Piece) *device.Assemble {
		return &device.Assemble{Y: 2, N: 4, Kind: "copy", Pieces: []device.Piece{p}}
	}
	norm := &device.LayerNormGrad{X: 1, Weight: 2, Statistics: 3, DY: 4, DX: 5, Rows: 1, Width: 4}
	for name, c := range map[string]struct {
		program *program
		want    string
	}{
		"absent":                    {one(&device.Map{Activation: device.GELU, X: 1, N: 4}, 4), "operation 0 (gelu): Y is absent"},
		"no buffer":                 {one(&device.Map{Activation: device.GELU, X: 1, Y: 3, N: 4}, 4, 4), "Y is buffer 3 of 2"},
		"too small":                 {one(&device.Map{Activation: device.GELU, X: 1, Y: 2, N: 4}, 4, 3), "Y needs 4 elements, buffer 2 (b) has 3"},
		"no size":                   {one(&device.Map{Activation: device.GELU, X: 1, Y: 2}, 4, 4), "size [0]: every size must be at least 1"},
		"too large":                 {one(&device.Map{Activation: device.GELU, X: 1, Y: 2, N: 101}, 101, 101), "size [101]: every size must be at most 100"},
		"in place":                  {at(one(&device.Map{Activation: device.GELU, X: 1, Y: 2, N: 4}, 4, 4), 2, 0), ""},
		"half in place":             {at(one(&device.Map{Activation: device.GELU, X: 1, Y: 2, N: 4}, 4, 4), 2, 2), "it writes buffer 2 (b) over buffer 1 (a), which it reads"},
		"rank":                      {one(strided([]int{1}, whole), 4, 4, 4), "want the same rank, at most 8"},
		"negative stride":           {one(strided([]int{2, -1}, whole), 4, 4, 4), "A: strides [2 -1], want 0 or more"},
		"short operand":             {one(strided([]int{8, 1}, whole), 4, 4, 4), "A needs 10 elements"},
		"over a operand":            {at(one(strided(whole, whole), 4, 4, 4), 3, 0), ""},
		"over a transposed operand": {at(one(strided([]int{1, 2}, whole), 4, 4, 4), 3, 0), "over buffer 1 (a)"},
		"piece outside": {one(piece(device.Piece{Source: 1, Shape: []int{2}, SourceStrides: []int{-1}, TargetStrides: []int{1}}), 4, 4),
			"reaches from element -1 of its source"},
		"piece over itself": {one(piece(device.Piece{Source: 1, Shape: []int{2}, SourceStrides: []int{1}, TargetStrides: []int{0}}), 4, 4),
			"target strides [0], want 1 or more"},
		"maximum":     {one(&device.Reduce{Reduction: device.Max, X: 1, Y: 2, Outer: 1, Axis: 4, Inner: 1}, 4, 1), "a maximum needs Index"},
		"probability": {one(&device.Dropout{X: 1, Y: 2, N: 4, P: 1}, 4, 4), "probability 1, want 0 or more and less than 1"},
		"leading dimension": {one(&device.MatMul{A: 1, B: 2, C: 3, M: 2, N: 2, K: 2, LDA: 1, LDB: 2, LDC: 2, Batch: [2]int{1, 1}}, 4, 4, 4),
			"A: leading dimension 1 of rows of 2"},
		"summed": {one(&device.MatMul{A: 1, B: 2, C: 3, Bias: 4, M: 2, N: 2, K: 2, LDA: 2, LDB: 2, LDC: 2, Batch: [2]int{2, 1}}, 4, 4, 4, 2),
			"takes no bias"},
		"kernel":       {one(&device.Im2Col{X: 1, Y: 2, Maps: device.Maps{Batch: 1, Height: 2, Width: 2, Channels: 1, Kernel: 3, Stride: 1}}, 4, 9), "do not hold a kernel of 3"},
		"momentum":     {one(&device.SGD{Parameters: 1, Gradients: 2, N: 1, Momentum: 0.9}, 1, 1), "want Velocity if and only if"},
		"one value":    {one(&device.BatchNorm{Outer: 1, Channels: 2, Inner: 1, Train: true}, 1), "at least 2 values per channel, got 1"},
		"norm over dy": {at(one(norm, 4, 4, 2, 4, 4), 5, 10), "it writes buffer 5 (e) over buffer 4 (d), which it reads"},
		"mask":         {one(&device.Softmax{X: 1, Mask: 2, Y: 3, Batch: 2, Repeat: 3, Width: 4}, 24, 7, 24), "Mask needs 8 elements, buffer 2 (b) has 7"},
		"part": {one(&device.Monarch{Parts: device.Parts{&device.Map{Activation: device.GELU, X: 1, Y: 2, N: 4}}}, 4, 3),
			"operation 0 (monarch): gelu: Y needs 4 elements"},
		"constant": {&program{Operations: []device.Operation{&device.Map{X: 1, Y: 2, N: 1}}, ArenaSize: 1, Buffers: []device.BufferInfo{
			{Size: 1}, {Name: "c", Size: 1, Space: device.Constant, Data: []float32{0}}}}, "it writes buffer 2 (c), which is constant"},
		"composite": {one(&device.Monarch{Parts: device.Parts{&device.Map{Activation: device.GELU, X: 1, Y: 2, N: 4}}, X: 1, Y: 2, L: 3, R: 3,
			Batch: 1, P: 2, Q: 2, Width: 1}, 4, 4, 8), "it names buffer 3 (c), which it does not touch"},
		"short composite": {one(&device.Monarch{Parts: device.Parts{&device.Map{Activation: device.GELU, X: 1, Y: 2, N: 4}}, X: 1, Y: 2, L: 3, R: 3,
			Batch: 1, P: 2, Q: 2, Width: 2}, 4, 4, 8), "operation 0 (monarch): X needs 8 elements, buffer 1 (a) has 4"},
		"heads": {one(&device.GeneratedMLP{X: 1, W1: 1, W2: 1, Z: 2, Batch: 1, Tokens: 1, Width: 2, Hidden: 4, Heads: 4}, 4, 4),
			"4 heads do not divide the width 2 and the hidden width 4"},
		"table":    {one(&device.Embedding{IDs: 1, Table: 2, Y: 3, Rows: 3, Width: 2, Vocabulary: 4}, 3, 7, 6), "Table needs 8 elements, buffer 2 (b) has 7"},
		"ids":      {one(&device.EmbeddingGrad{IDs: 1, DY: 2, DTable: 3, Rows: 3, Width: 2, Vocabulary: 4}, 2, 6, 8), "IDs needs 3 elements, buffer 1 (a) has 2"},
		"unknown":  {one(&device.Embedding{IDs: 1, Table: 2, Y: 3, Rows: 3, Width: 2, Vocabulary: 1}, 3, 2, 6), "a vocabulary of 1: want 2 to 16777216"},
		"left out": {one(careless{&device.Map{X: 1, Y: 2, N: 1}}, 1, 1), "its Check omits buffer 1"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.program.Check(100)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
		})
	}
}

// careless checks nothing.
type careless struct{ *device.Map }

func (careless) Check(*device.Checker) {}
