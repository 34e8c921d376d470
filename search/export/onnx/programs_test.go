package onnx_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/device"
	"mixmas/search/export/onnx"
)

// These operations are recorded by trainings alone; every other one needs a translation.
var trainings = []string{"Adam", "BCEWithLogits", "Col2Im", "CrossEntropy", "Dropout", "MaxGrad", "SGD", "SoftCrossEntropy"}

// Each operation that a prediction can record has a translation. Who adds one adds it to the translations, or to the list above.
func TestAllOperationsAreTranslated(t *testing.T) {
	for _, name := range onnx.Untranslated() {
		if !strings.HasSuffix(name, "Grad") && !slices.Contains(trainings, name) {
			t.Errorf("%s has no translation: add one to operations.go, or the name to the list of operations that only trainings record", name)
		}
	}
	for _, name := range trainings {
		if !slices.Contains(onnx.Untranslated(), name) {
			t.Errorf("%s is no operation, or it has a translation", name)
		}
	}
}

// network is a model of any operations.
type network struct {
	scope   *nn.Scope
	inputs  []nn.ModelInput
	classes int
	forward func(g *nn.Graph, inputs []*nn.Value) *nn.Value
}

func (n *network) Parameters() *nn.Parameters { return n.scope.Parameters() }
func (n *network) Inputs() []nn.ModelInput    { return n.inputs }
func (n *network) Classes() int               { return n.classes }
func (n *network) MultiLabel() bool           { return false }
func (n *network) Forward(g *nn.Graph, inputs []*nn.Value, _ *nn.Value) (logits, loss *nn.Value) {
	y := n.forward(g, inputs)
	b := inputs[0].Shape[0]
	return g.Reshape(y, b, y.Size()/b), nil
}

// predict runs a network on the CPU.
func (n *network) predict(weights nn.Weights, batch int, inputs [][]float32) ([]float32, error) {
	g := nn.NewGraph(n.Parameters(), nn.Evaluation, false)
	var values []*nn.Value
	for _, in := range n.inputs {
		values = append(values, g.Input(in.Name, append([]int{batch}, in.Shape...)...))
	}
	logits, _ := n.Forward(g, values, nil)
	g.Output("logits", logits)
	buffers := map[string]device.Buffer{}
	for _, p := range n.Parameters().All() {
		buffers[p.Name] = g.Parameter(p).Buffer()
	}
	p, err := g.Compile("test")
	if err != nil {
		return nil, err
	}
	s, err := cpu.New(cpu.Options{Workers: 1}).Open(p.StateSize)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for name, b := range buffers {
		if err := s.WriteState(p.Info(b).Offset, weights[name].Data); err != nil {
			return nil, err
		}
	}
	r, err := s.Load(p)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		if err := r.Write(v.Buffer(), inputs[i]); err != nil {
			return nil, err
		}
	}
	if err := r.Run(device.Step{}); err != nil {
		return nil, err
	}
	out := make([]float32, logits.Size())
	return out, r.Read(logits.Buffer(), out)
}

func normal(r *rand.Rand, n int) []float32 {
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(r.NormFloat64())
	}
	return list
}

// failer is a test, of package rapid as well.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// check requires that the exported network predicts as the network does, for several sizes of batches.
func (n *network) check(t failer) file {
	t.Helper()
	g := nn.NewGraph(n.Parameters(), nn.Evaluation, false)
	var values []*nn.Value
	for _, in := range n.inputs {
		values = append(values, g.Input(in.Name, append([]int{1}, in.Shape...)...))
	}
	logits, _ := n.Forward(g, values, nil)
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	n.classes = logits.Size()
	r := rand.New(rand.NewPCG(1, 2))
	weights := nn.Weights{}
	for _, p := range n.Parameters().All() {
		weights[p.Name] = nn.Tensor{Shape: p.Shape, Data: normal(r, p.Size())}
	}
	bytes, err := onnx.Network(n, weights)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parse(bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{1, 2, 4} {
		feed, inputs := map[string]array{}, [][]float32{}
		for _, in := range n.inputs {
			x := normal(r, batch*count(in.Shape))
			if in.Name == "mask" {
				for i := range x {
					x[i] = float32(r.IntN(2))
				}
			}
			a := array{kind: 1, dims: append([]int{batch}, in.Shape...)}
			for _, v := range x {
				a.data = append(a.data, float64(v))
			}
			feed[in.Name], inputs = a, append(inputs, x)
		}
		want, err := n.predict(weights, batch, inputs)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.run(feed)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, got["logits"], want, rounded)
	}
	return f
}

// Operations that no registered architecture records, or not in this form.
func TestOtherOperations(t *testing.T) {
	image, row := []nn.ModelInput{{Name: "x", Shape: []int{4, 5, 3}}}, []nn.ModelInput{{Name: "x", Shape: []int{6}}}
	parameter := func(s *nn.Scope, shape ...int) *nn.Parameter {
		return s.Parameter(fmt.Sprint("p", len(s.Parameters().All())), nn.Normal(1), shape...)
	}
	for name, c := range map[string]struct {
		inputs  []nn.ModelInput
		forward func(s *nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value
	}{
		"softmax": {image, func(*nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			return func(g *nn.Graph, x []*nn.Value) *nn.Value { return g.Softmax(x[0], nil) }
		}},
		"masked softmax": {[]nn.ModelInput{{Name: "x", Shape: []int{3, 4, 4}}, {Name: "mask", Shape: []int{4}}}, func(*nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			return func(g *nn.Graph, x []*nn.Value) *nn.Value { return g.Softmax(x[0], x[1]) }
		}},
		"softmax over one row's parameters": {row, func(s *nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			p := parameter(s, 6)
			return func(g *nn.Graph, x []*nn.Value) *nn.Value {
				return g.Mul(x[0], g.Softmax(g.Activate(g.Parameter(p), device.SquaredReLU), nil))
			}
		}},
		"convolution of any kind": {image, func(s *nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			w, b, again := parameter(s, 2, 3, 2, 3), parameter(s, 2), parameter(s, 2, 2, 1, 3)
			return func(g *nn.Graph, x []*nn.Value) *nn.Value {
				y := g.Conv2D(x[0], g.Parameter(w), g.Parameter(b), nn.Conv{Stride: [2]int{2, 1}, Padding: [2]int{1, 3}, Dilation: [2]int{1, 2}})
				return g.Conv2DWith(y, g.Parameter(again), nil, nn.Conv{Padding: [2]int{0, 1}}, device.GELU, y)
			}
		}},
		"convolution and its patches": {image, func(s *nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			w, b := parameter(s, 2, 3, 3, 3), parameter(s, 2)
			return func(g *nn.Graph, x []*nn.Value) *nn.Value {
				return g.PatchConv2D(x[0], g.Parameter(w), g.Parameter(b), 2, 1)
			}
		}},
		"depthwise convolution that is added": {image, func(s *nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			w := parameter(s, 3, 1, 3, 3)
			return func(g *nn.Graph, x []*nn.Value) *nn.Value { return g.DepthwiseConv(x[0], g.Parameter(w), x[0]) }
		}},
		"windows that overlap": {row, func(*nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			return func(g *nn.Graph, x []*nn.Value) *nn.Value { // sums of 4 neighbours, by a product with ones
				b := x[0].Shape[0]
				ones := g.ConstantOf("ones", nn.Ones, 4, 1)
				return g.StridedMatMul(nn.StridedMatMul{A: nn.Layout{LD: 4, Stride: [2]int{6, 1}}.Of(x[0]), B: nn.Layout{LD: 1}.Of(ones),
					C: nn.Layout{LD: 1, Stride: [2]int{3, 1}}, M: 1, N: 1, K: 4, Batch: [2]int{b, 3}, Shape: []int{b, 3, 1}})
			}
		}},
		"windows of all rows": {image, func(*nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			return func(g *nn.Graph, x []*nn.Value) *nn.Value {
				rows := x[0].Shape[0] * 20
				return g.StridedMatMul(nn.StridedMatMul{A: nn.Layout{LD: 2, Stride: [2]int{3, 1}}.Of(x[0]), B: nn.Layout{LD: 1}.Of(g.ConstantOf("ones", nn.Ones, 2, 1)),
					C: nn.Layout{LD: 1, Stride: [2]int{2, 1}}, M: 1, N: 1, K: 2, Batch: [2]int{rows, 2}, Shape: []int{x[0].Shape[0], 40}})
			}
		}},
		"the largest of some": {image, func(*nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			return func(g *nn.Graph, x []*nn.Value) *nn.Value {
				return g.Add(g.Max(x[0], 2), g.Max(g.Permute(x[0], 0, 2, 1, 3), 1))
			}
		}},
		"a constant per batch": {image, func(*nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			return func(g *nn.Graph, x []*nn.Value) *nn.Value {
				b := x[0].Shape[0]
				c := g.ConstantOf("ramp", func(data []float32) {
					for i := range data {
						data[i] = float32(i % 60)
					}
				}, b, 4, 5, 3)
				return g.Concat(1, x[0], c, g.ConstantOf("ones", nn.Ones, b, 1, 5, 3))
			}
		}},
		"weights in two forms": {row, func(s *nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			w := parameter(s, 6, 6)
			return func(g *nn.Graph, x []*nn.Value) *nn.Value {
				y := g.Reshape(x[0], x[0].Shape[0], 1, 6)
				y = g.Linear(g.Linear(y, g.Parameter(w), nil, device.GELU, nil), g.Permute(g.Parameter(w), 1, 0), nil, device.ReLU, nil)
				return g.MatMul(y, g.Slice(g.Parameter(w), 1, 2, 5))
			}
		}},
		"batch norm of any axis": {image, func(s *nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			p := [3]*nn.Parameter{parameter(s, 5), parameter(s, 5), parameter(s, 5)}
			return func(g *nn.Graph, x []*nn.Value) *nn.Value {
				v := func(i int) *nn.Value { return g.Parameter(p[i]) }
				return g.BatchNorm(x[0], 2, nn.BatchNormState{Weight: v(0), Bias: v(1), RunningMean: v(2), RunningVariance: g.Mul(v(0), v(0))}, 1e-5, 0.1)
			}
		}},
		"activations of gates": {row, func(s *nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			p := parameter(s, 6)
			return func(g *nn.Graph, x []*nn.Value) *nn.Value {
				y := g.Mul(g.Sigmoid(x[0]), g.Add(g.Tanh(x[0]), g.SiLU(x[0])))
				return g.Mul(y, g.Add(g.Sigmoid(g.Parameter(p)), g.Add(g.Tanh(g.Parameter(p)), g.SiLU(g.Parameter(p)))))
			}
		}},
		"recurrent cells": {[]nn.ModelInput{{Name: "x", Shape: []int{5, 3}}}, func(s *nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			gru, lstm := nn.NewRecurrent(s.In("gru"), device.GRU, 3, 4, ""), nn.NewRecurrent(s.In("lstm"), device.LSTM, 4, 2, "")
			return func(g *nn.Graph, x []*nn.Value) *nn.Value {
				y := gru.Forward(g, x[0], nil, false)
				return g.Concat(2, gru.Forward(g, x[0], nil, true), lstm.Forward(g, y, nil, false), lstm.Forward(g, y, nil, true))
			}
		}},
		"recurrent cells with gaps": {[]nn.ModelInput{{Name: "x", Shape: []int{5, 3}}, {Name: "mask", Shape: []int{5}}}, func(s *nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			gru, lstm := nn.NewRecurrent(s.In("gru"), device.GRU, 3, 4, ""), nn.NewRecurrent(s.In("lstm"), device.LSTM, 4, 2, "")
			return func(g *nn.Graph, x []*nn.Value) *nn.Value {
				y := gru.Forward(g, x[0], x[1], false)
				return g.Concat(2, gru.Forward(g, x[0], x[1], true), lstm.Forward(g, y, x[1], false), lstm.Forward(g, y, x[1], true))
			}
		}},
		"an embedding of computed numbers": {row, func(s *nn.Scope) func(g *nn.Graph, x []*nn.Value) *nn.Value {
			p := parameter(s, 5, 3)
			return func(g *nn.Graph, x []*nn.Value) *nn.Value {
				return g.Embedding(g.Scale(x[0], 3), g.Scale(g.Parameter(p), 2))
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := nn.NewScope()
			n := &network{scope: s, inputs: c.inputs}
			n.forward = c.forward(s)
			f := n.check(t)
			if name == "weights in two forms" {
				elements := 0
				for _, a := range f.constants {
					if a.kind == 1 {
						elements += len(a.data)
					}
				}
				if elements > 36+18+3 { // the matrix once, its slice, and the numbers of GELU
					t.Errorf("%d numbers for a matrix of 36", elements)
				}
			}
		})
	}
}

// Errors name the operation, its sizes and what is wrong with it.
func TestWhatCannotBeExportedIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		forward func(g *nn.Graph, x *nn.Value) *nn.Value
		want    string
	}{
		"operation": {func(g *nn.Graph, x *nn.Value) *nn.Value {
			return g.Mul(x, g.CrossEntropy(x, g.Sum(x, 1)))
		}, "the operation CrossEntropy (3×6) cannot be exported: it has no translation"},
		"over the batch": {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Add(x, g.Sum(x, 0)) },
			"the operation Reduce (1×3×6) cannot be exported: it reduces over the batch"},
		"part of the batch": {func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Add(x, g.Slice(x, 0, 1, 2)) },
			"the operation Assemble (1×6) cannot be exported: elements are read across the samples of a batch"},
		"constant": {func(g *nn.Graph, x *nn.Value) *nn.Value {
			return g.Add(x, g.ConstantOf("ramp", func(data []float32) {
				for i := range data {
					data[i] = float32(i)
				}
			}, x.Shape[0], 1))
		}, "the operation Binary (3×6 b over 1) cannot be exported: the constant ramp is not the same for all samples of a batch"},
		"other operations": {func(g *nn.Graph, x *nn.Value) *nn.Value {
			if x.Shape[0] == 3 {
				x = g.ReLU(x)
			}
			return g.GELU(x)
		}, "the model records 2 operations for a batch of 3 and 1 for one of 5"},
	} {
		t.Run(name, func(t *testing.T) {
			n := &network{scope: nn.NewScope(), inputs: []nn.ModelInput{{Name: "x", Shape: []int{6}}}, classes: 6,
				forward: func(g *nn.Graph, x []*nn.Value) *nn.Value { return c.forward(g, x[0]) }}
			if _, err := onnx.Network(n, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
		})
	}
}

// Programs of random operations predict from their files as they do themselves.
func TestRandomPrograms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := nn.NewScope()
		dim := rapid.IntRange(1, 4)
		shape := []int{dim.Draw(t, "d0"), dim.Draw(t, "d1"), dim.Draw(t, "d2")}
		seed := rapid.Uint64().Draw(t, "seed")
		length := rapid.IntRange(1, 8).Draw(t, "length")
		parameters := map[string]*nn.Parameter{}
		n := &network{scope: s, inputs: []nn.ModelInput{{Name: "x", Shape: shape}}}
		n.forward = func(g *nn.Graph, inputs []*nn.Value) *nn.Value {
			r := rand.New(rand.NewPCG(seed, 3))
			parameter := func(shape ...int) *nn.Value { // the same one in each recording
				name := fmt.Sprint("p", r.Uint64())
				if parameters[name] == nil {
					parameters[name] = s.Parameter(name, nn.Normal(1), shape...)
				}
				return g.Parameter(parameters[name])
			}
			x := g.Scale(inputs[0], 1.25) // a program has an operation
			for range length {
				x = step(g, x, r, parameter)
			}
			return x
		}
		n.check(t)
	})
}

// step records a random operation on x, whose first axis is the batch.
func step(g *nn.Graph, x *nn.Value, r *rand.Rand, parameter func(shape ...int) *nn.Value) *nn.Value {
	rank := len(x.Shape)
	last := x.Shape[rank-1]
	axis := 1 + r.IntN(rank-1)
	switch r.IntN(16) {
	case 0: // the batch stays in front
		axes := []int{0}
		for _, a := range r.Perm(rank - 1) {
			axes = append(axes, a+1)
		}
		return g.Permute(x, axes...)
	case 1: // the batch moves, and comes back
		axes := r.Perm(rank)
		back := make([]int, rank)
		for i, a := range axes {
			back[a] = i
		}
		return g.Permute(g.Scale(g.Permute(x, axes...), 1.5), back...)
	case 2:
		from := r.IntN(x.Shape[axis])
		return g.Slice(x, axis, from, from+1+r.IntN(x.Shape[axis]-from))
	case 3:
		return g.Pad(x, axis, x.Shape[axis]+r.IntN(3))
	case 4:
		return g.Concat(axis, x, g.ReLU(x), g.Pad(x, axis, x.Shape[axis]+1))
	case 5:
		return g.Add(x, parameter(x.Shape[1:]...))
	case 6:
		return g.Mul(x, parameter(append([]int{x.Shape[1]}, slices.Repeat([]int{1}, rank-2)...)...))
	case 7:
		square := g.Add(g.Mul(x, x), g.Constant("one", []float32{1}, 1))
		return g.Div(x, square)
	case 8:
		if rank > 2 {
			return []func(x *nn.Value, axis int) *nn.Value{g.Sum, g.Mean, g.Max}[r.IntN(3)](x, axis)
		}
		return g.GELU(x)
	case 9:
		plus := x
		return g.Linear(x, parameter(last, last), parameter(last), device.GELU, plus)
	case 10:
		return g.LayerNorm(x, parameter(last), parameter(last), 1e-2)
	case 11:
		return g.Softmax(x, nil)
	case 12: // the axes in one, or one axis in two
		if rank > 2 && r.IntN(2) == 0 {
			return g.Reshape(x, x.Shape[0], x.Size()/x.Shape[0])
		}
		if last%2 == 0 && rank < 5 {
			return g.Reshape(x, append(slices.Clone(x.Shape[:rank-1]), last/2, 2)...)
		}
		return x
	case 13:
		if rank == 3 {
			return g.MatMul(x, g.Transpose(x))
		}
		return g.Linear(x, parameter(1+r.IntN(4), last), nil, device.SquaredReLU, nil)
	case 14:
		if rank == 3 {
			n, h := x.Shape[1], 1+r.IntN(4)
			w := nn.MLPWeights{W1: parameter(h, n), B1: parameter(h), W2: parameter(n, h), B2: parameter(n)}
			return g.TokenMLP(x, w, 0, x)
		}
		return g.Scale(x, 0.5)
	}
	if rank == 4 {
		return g.DepthwiseConv(x, parameter(last, 1, 3, 3), x)
	}
	return g.ReLU(x)
}

// Messages are read as they are written.
func TestMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []field
		var build func(depth int) (*onnx.Message, []field)
		build = func(depth int) (*onnx.Message, []field) {
			m := &onnx.Message{}
			var list []field
			for range rapid.IntRange(0, 5).Draw(t, "fields") {
				number := rapid.IntRange(1, 1<<20).Draw(t, "number")
				switch rapid.IntRange(0, 5).Draw(t, "kind") {
				case 0:
					v := rapid.Int64().Draw(t, "integer")
					m.Integer(number, v)
					list = append(list, field{number, 0, uint64(v), nil})
				case 1:
					v := rapid.Float32().Draw(t, "float")
					m.Float(number, v)
					list = append(list, field{number, 5, uint64(math.Float32bits(v)), nil})
				case 2:
					v := rapid.String().Draw(t, "text")
					m.Text(number, v)
					list = append(list, field{number, 2, 0, []byte(v)})
				case 3:
					v := rapid.SliceOf(rapid.Float32()).Draw(t, "raw")
					m.Raw(number, v)
					var b []byte
					for _, x := range v {
						b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
					}
					list = append(list, field{number, 2, 0, b})
				case 4:
					v := rapid.SliceOf(rapid.Int64()).Draw(t, "packed")
					m.Integers(number, v)
					var b []byte
					for _, x := range v {
						b = binary.AppendUvarint(b, uint64(x))
					}
					list = append(list, field{number, 2, 0, b})
				case 5:
					if depth < 3 {
						inner, _ := build(depth + 1)
						m.Message(number, inner)
						var b bytes.Buffer
						inner.WriteTo(&b)
						list = append(list, field{number, 2, 0, b.Bytes()})
					}
				}
			}
			return m, list
		}
		m, list := build(0)
		want = list
		var b bytes.Buffer
		if n, err := m.WriteTo(&b); err != nil || int(n) != m.Size() || b.Len() != m.Size() {
			t.Fatalf("%d bytes of %d, %v", n, m.Size(), err)
		}
		got, err := fields(b.Bytes())
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d fields, want %d, %v", len(got), len(want), err)
		}
		for i := range got {
			if got[i].number != want[i].number || got[i].wire != want[i].wire || got[i].integer != want[i].integer || !bytes.Equal(got[i].bytes, want[i].bytes) {
				t.Fatalf("field %d is %+v, want %+v", i, got[i], want[i])
			}
		}
	})
}
