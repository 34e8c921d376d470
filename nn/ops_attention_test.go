package nn

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn/device"
	"mixmas/nn/devicetest/reference"
)

// Parts that have few scores at a time compute what those with all at once do, whatever a chunk is: samples, heads or queries.
func TestChunksOfParts(t *testing.T) {
	const b, n, m, d, heads = 3, 5, 7, 6, 2
	defer func(most int) { mostScores = most }(mostScores)
	run := func(most int) (values [4][]float64, parts int) {
		mostScores = most
		g := NewGraph(NewScope().Parameters(), Training, true)
		inputs := []*Value{g.Input("q", b, n, d), g.Input("k", b, m, d), g.Input("v", b, m, d), g.Input("mask", b, m), g.Input("dy", b, n, d)}
		for _, x := range inputs[:3] {
			g.RequireGradient(x)
		}
		y := g.Attention(inputs[0], inputs[1], inputs[2], inputs[3], heads)
		z := g.Add(y, g.Reshape(g.Mean(g.Mul(inputs[1], inputs[2]), 1), b, 1, d)) // so that keys and values have other gradients
		g.Backward(z, inputs[4])
		results := []*Value{y, g.Gradient(inputs[0]), g.Gradient(inputs[1]), g.Gradient(inputs[2])}
		for _, r := range results {
			g.Output("result", r)
		}
		p, err := g.Compile("chunks")
		if err != nil {
			t.Fatal(err)
		}
		s, err := reference.Device{}.Open(p.StateSize)
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Load(p)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range inputs {
			data := make([]float32, x.Size())
			for k := range data {
				if data[k] = float32(math.Sin(float64(3*k + i))); x == inputs[3] {
					data[k] = float32((k + k/m) % 3)
				}
			}
			if err := r.Write(x.Buffer(), data); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Run(device.Step{}); err != nil {
			t.Fatal(err)
		}
		for i, v := range results {
			values[i] = r.(*reference.Runner).Values(v.Buffer())
		}
		for _, op := range p.Operations {
			if c, ok := op.(device.Composite); ok {
				parts += len(c.Operations())
			}
		}
		return values, parts
	}
	want, few := run(1 << 22)
	for _, most := range []int{2 * heads * n * m, heads*n*m + 1, n*m + 1, 2*m + 1, 1} {
		got, parts := run(most)
		if parts <= few {
			t.Errorf("%d scores at a time: %d parts, all at once %d", most, parts, few)
		}
		for i := range got {
			for k, w := range want[i] {
				if math.Abs(got[i][k]-w) > 1e-12 {
					t.Fatalf("%d scores at a time: element %d of result %d is %v, want %v", most, k, i, got[i][k], w)
				}
			}
		}
	}
}

// The chunks of an attention cover each score once, none is larger than the first, and none has many more scores than the limit.
func TestChunks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(1, 9), rapid.IntRange(1, 3000))
		o := &device.Attention{Batch: rapid.IntRange(1, 300).Draw(t, "batch"), Heads: rapid.IntRange(1, 9).Draw(t, "heads"),
			Queries: size.Draw(t, "queries"), Keys: size.Draw(t, "keys")}
		list := chunksOf(o)
		total, first := 0, list[0]
		for i, c := range list {
			total += c.samples * c.heads * c.queries * o.Keys
			if c.samples > first.samples || c.heads > first.heads || c.queries > first.queries || c.samples*c.heads*c.queries < 1 {
				t.Fatalf("chunk %d is %+v, the first one %+v", i, c, first)
			}
			if i > 0 {
				if p := list[i-1]; c.sample < p.sample || c.sample == p.sample && (c.head < p.head || c.head == p.head && c.query <= p.query) {
					t.Fatalf("%+v follows %+v", c, p)
				}
			}
		}
		if scores := first.samples * first.heads * first.queries * o.Keys; scores > max(mostScores, o.Scores()/mostChunks, o.Keys) || total != o.Scores() {
			t.Fatalf("%d chunks of %d scores have %d of %d", len(list), scores, total, o.Scores())
		}
		if most := 2*o.Batch*o.Heads*o.Queries*o.Keys/max(mostScores, o.Scores()/mostChunks) + o.Batch*o.Heads; len(list) > most+1 {
			t.Fatalf("%d chunks, want at most %d", len(list), most)
		}
	})
}

// Long attentions take little memory, and are recorded in little time.
func TestLongAttention(t *testing.T) {
	const b, n, d = 4, 3000, 8
	g := NewGraph(NewScope().Parameters(), Training, true)
	x := g.Input("x", b, n, d)
	g.RequireGradient(x)
	y := g.Attention(x, x, x, g.Input("mask", b, n), 2)
	g.Output("y", y)
	g.Backward(y, g.Input("dy", b, n, d))
	p, err := g.Compile("long")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(math.MaxInt); err != nil {
		t.Fatal(err)
	}
	if full := b * 2 * n * n; p.ArenaSize > full/4 {
		t.Errorf("the arena has %d elements, the scores would be %d", p.ArenaSize, full)
	}
	if len(p.Operations) > 6 {
		t.Errorf("%d operations", len(p.Operations))
	}
}

// Operands that do not fit are an error that says what does not.
func TestAttentionErrors(t *testing.T) {
	for _, c := range []struct {
		q, k, v, mask []int
		heads         int
		want          string
	}{
		{[]int{2, 3, 4}, []int{2, 5, 4}, []int{2, 5, 4}, []int{2, 5}, 2, ""},
		{[]int{2, 3, 4}, []int{2, 5, 4}, []int{2, 5, 4}, nil, 4, ""},
		{[]int{2, 3, 4}, []int{3, 5, 4}, []int{3, 5, 4}, nil, 2, "queries 2×3×4, keys 3×5×4 and values 3×5×4 do not fit"},
		{[]int{2, 3, 4}, []int{2, 5, 4}, []int{2, 6, 4}, nil, 2, "do not fit"},
		{[]int{2, 3, 4}, []int{2, 5, 6}, []int{2, 5, 6}, nil, 2, "do not fit"},
		{[]int{3, 4}, []int{5, 4}, []int{5, 4}, nil, 2, "do not fit"},
		{[]int{2, 3, 4}, []int{2, 5, 4}, []int{2, 5, 4}, []int{2, 3}, 2, "a mask 2×3 does not fit keys 2×5×4"},
		{[]int{2, 3, 4}, []int{2, 5, 4}, []int{2, 5, 4}, nil, 3, "3 heads do not divide the width 4"},
		{[]int{2, 3, 4}, []int{2, 5, 4}, []int{2, 5, 4}, nil, 0, "0 heads"},
		{[]int{1 << 12, 1 << 12, 1}, []int{1 << 12, 1 << 13, 1}, []int{1 << 12, 1 << 13, 1}, nil, 1, "more than 68719476736 scores"},
	} {
		g := NewGraph(NewScope().Parameters(), Evaluation, false)
		var mask *Value
		if c.mask != nil {
			mask = g.Input("mask", c.mask...)
		}
		y := g.Attention(g.Input("q", c.q...), g.Input("k", c.k...), g.Input("v", c.v...), mask, c.heads)
		if err := g.Err(); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(fmt.Sprint(err), c.want)) {
			t.Errorf("%v: got error %v, want %q", c, err, c.want)
		}
		if !slices.Equal(y.Shape, c.q) {
			t.Errorf("%v: the result has shape %v", c, y.Shape)
		}
	}
}
