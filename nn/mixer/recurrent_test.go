package mixer_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// states runs a recurrent encoder on one sequence with a mask, nil for none.
func states(t *testing.T, name string, o *mixer.RecurrentOptions, n, d int, x, mask []float32) []float32 {
	t.Helper()
	a, err := mixer.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	s := nn.NewScope()
	network, err := a.Build(s, mixer.Input{Kind: mixer.Sequence, Shape: []int{n, d}}, o)
	if err != nil {
		t.Fatal(err)
	}
	g := nn.NewGraph(s.Parameters(), nn.Evaluation, false)
	in := g.Input("x", 1, n, d)
	var masked *nn.Value
	if mask != nil {
		masked = g.Constant("mask", mask, 1, n)
	}
	y := network.Forward(g, in, masked)
	g.Output("y", y)
	p, err := g.Compile("states")
	if err != nil {
		t.Fatal(err)
	}
	session, err := cpu.New(cpu.Options{Workers: 1}).Open(p.StateSize)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	weights := s.Parameters().Initialise(3)
	for _, q := range s.Parameters().All() {
		if err := session.WriteState(p.Info(g.Parameter(q).Buffer()).Offset, weights[q.Name].Data); err != nil {
			t.Fatal(err)
		}
	}
	r, err := session.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, y.Size())
	if err := r.Write(in.Buffer(), x); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(device.Step{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Read(y.Buffer(), got); err != nil {
		t.Fatal(err)
	}
	return got
}

// Masked steps are left out: whatever they hold, the states of the others are those of a sequence without them, bit for bit.
func TestRecurrentEncodersLeaveOutMaskedSteps(t *testing.T) {
	const n, d = 7, 3
	mask := []float32{0, 1, 1, 0, 0, 1, 0}
	random := rand.New(rand.NewPCG(1, 2))
	var x, real []float32
	for _, m := range mask {
		for range d {
			v := float32(random.NormFloat64())
			if m == 0 {
				v = float32(math.NaN())
			} else {
				real = append(real, v)
			}
			x = append(x, v)
		}
	}
	for _, name := range []string{"gru", "lstm"} {
		for _, both := range []bool{false, true} {
			o := &mixer.RecurrentOptions{Width: 10, Depth: 2, Bidirectional: both}
			got, want := states(t, name, o, n, d, x, mask), states(t, name, o, len(real)/d, d, real, nil)
			for i, m := range mask {
				expected := make([]float32, o.Width)
				if m != 0 {
					expected, want = want[:o.Width], want[o.Width:]
				}
				if !slices.Equal(got[i*o.Width:][:o.Width], expected) {
					t.Errorf("%s in both directions %t: the states of step %d are %v, want %v", name, both, i, got[i*o.Width:][:o.Width], expected)
				}
			}
		}
	}
}

func TestRecurrentErrors(t *testing.T) {
	for want, m := range map[string]mixer.Modality{
		"option bidirectional: the width 7 is odd: each direction has half of it": {Kind: mixer.Sequence, Shape: []int{4, 3},
			Encoder: mixer.Choice{Architecture: "gru", Options: &mixer.RecurrentOptions{Width: 7, Depth: 1, Bidirectional: true}}},
		`lstm does not take inputs of kind "map": it takes sequence, text or tokens`: {Kind: mixer.Map, Shape: []int{1, 8, 8},
			Encoder: mixer.Choice{Architecture: "lstm"}},
	} {
		m.Name = "x"
		if _, err := mixer.Build(mixer.Specification{Modalities: []mixer.Modality{m}, Classes: 2}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want one with %q", err, want)
		}
	}
}
