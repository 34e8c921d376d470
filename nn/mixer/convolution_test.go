package mixer_test

import (
	"math"
	"slices"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// Maps of any size become at most 64 tokens, and 16 at least where they have so many cells.
func TestResidualCNNTokens(t *testing.T) {
	for _, c := range []struct {
		shape  []int
		tokens int
	}{{[]int{1, 1, 1}, 1}, {[]int{3, 5, 7}, 35}, {[]int{1, 28, 28}, 49}, {[]int{3, 32, 32}, 64}, {[]int{3, 33, 33}, 25}, {[]int{1, 112, 112}, 49},
		{[]int{3, 160, 256}, 40}, {[]int{1, 80, 400}, 39}, {[]int{1, 97, 89}, 42}, {[]int{1, 1, 1000}, 63}} {
		for _, stages := range []int{1, 3, 5} {
			n := buildNetwork(t, "residual_cnn", mixer.Input{Kind: mixer.Map, Shape: c.shape},
				&mixer.ResidualCNNOptions{Width: 6, Stages: stages, Blocks: 1, Kernel: 3, Tokens: 64})
			if n.network.Tokens() != c.tokens {
				t.Errorf("maps of %v and %d stages give %d tokens, want %d", c.shape, stages, n.network.Tokens(), c.tokens)
			}
			if shape, err := n.shape(append([]int{2}, c.shape...)); err != nil || !slices.Equal(shape, []int{2, c.tokens, 6}) {
				t.Errorf("maps of %v and %d stages give %v (%v), want 2×%d×6", c.shape, stages, shape, err, c.tokens)
			}
		}
	}
}

// Dilations double and begin again at 1 before they exceed the sequence.
func TestDilations(t *testing.T) {
	for _, c := range []struct {
		n    int
		want []int
	}{{1, []int{1, 1, 1}}, {2, []int{1, 1, 1}}, {5, []int{1, 2, 4, 1}}, {128, []int{1, 2, 4, 8, 16, 32, 64, 1}}, {129, []int{1, 2, 4, 8, 16, 32, 64, 128, 1}}} {
		for i, want := range c.want {
			if got := mixer.Dilation(i, c.n); got != want {
				t.Errorf("block %d of a sequence of %d: dilation %d, want %d", i, c.n, got, want)
			}
		}
	}
}

// What is in masked steps has no effect on the tokens of others, and the tokens of masked steps are zeros.
func TestDilatedCNNMasksSteps(t *testing.T) {
	n := buildNetwork(t, "dilated_cnn", mixer.Input{Kind: mixer.Sequence, Shape: []int{7, 3}}, &mixer.DilatedCNNOptions{Width: 4, Depth: 3, Kernel: 3})
	mask := []float32{1, 1, 1, 1, 0, 0, 0}
	x := make([]float32, 21)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)))
	}
	want := n.run(t, x, mask, 7, 3)
	for i := 12; i < 21; i++ {
		x[i] = 1e6
	}
	got := n.run(t, x, mask, 7, 3)
	if !slices.Equal(got, want) {
		t.Errorf("with other values in masked steps got %v, want %v", got, want)
	}
	if slices.ContainsFunc(got[16:], func(x float32) bool { return x != 0 }) || got[0] == 0 {
		t.Errorf("got %v, want zeros for the last three steps alone", got)
	}
}

// A causal network's tokens depend on no later step; others do.
func TestDilatedCNNCausal(t *testing.T) {
	for _, causal := range []bool{true, false} {
		n := buildNetwork(t, "dilated_cnn", mixer.Input{Kind: mixer.Sequence, Shape: []int{6, 2}}, &mixer.DilatedCNNOptions{Width: 3, Depth: 3, Kernel: 3, Causal: causal})
		x := make([]float32, 12)
		before := n.run(t, x, nil, 6, 2)
		x[10] = 5
		if after := n.run(t, x, nil, 6, 2); slices.Equal(after[:15], before[:15]) != causal || slices.Equal(after, before) {
			t.Errorf("causal %t: a change of the last step turns %v into %v", causal, before, after)
		}
	}
}

// built is a network with its parameters.
type built struct {
	nn.Model // nil: only its parameters are used
	scope    *nn.Scope
	network  mixer.Network
}

func (n built) Parameters() *nn.Parameters { return n.scope.Parameters() }

func buildNetwork(t *testing.T, architecture string, in mixer.Input, options any) built {
	t.Helper()
	a, err := mixer.Lookup(architecture)
	if err != nil {
		t.Fatal(err)
	}
	s := nn.NewScope()
	n, err := a.Build(s, in, options)
	if err != nil {
		t.Fatal(err)
	}
	return built{scope: s, network: n}
}

// shape returns the shape of the tokens of a batch.
func (n built) shape(batch []int) ([]int, error) {
	g := nn.NewGraph(n.scope.Parameters(), nn.Evaluation, false)
	y := n.network.Forward(g, g.Input("x", batch...), nil)
	return y.Shape, g.Err()
}

// run predicts the tokens of one sample; mask may be nil.
func (n built) run(t *testing.T, x, mask []float32, shape ...int) []float32 {
	t.Helper()
	g := nn.NewGraph(n.scope.Parameters(), nn.Evaluation, false)
	in := g.Input("x", append([]int{1}, shape...)...)
	var m *nn.Value
	if mask != nil {
		m = g.Constant("mask", mask, 1, len(mask))
	}
	y := n.network.Forward(g, in, m)
	g.Output("y", y)
	places := map[string]*nn.Value{}
	for _, p := range n.scope.Parameters().All() {
		places[p.Name] = g.Parameter(p)
	}
	r := onReference(t, n, g, "tokens", places)
	got := make([]float32, y.Size())
	for _, err := range []error{r.Write(in.Buffer(), x), r.Run(device.Step{}), r.Read(y.Buffer(), got)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return got
}
