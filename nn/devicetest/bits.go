package devicetest

import (
	"math"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// bits compares trainings bit for bit: with poisoned memory, and with two and three workers instead of one. The presets are
// large; brief skips them.
func bits(t *testing.T, open func(Options) device.Device, brief bool) {
	compare := func(s subject, w nn.Weights, steps int, others ...Options) {
		t.Run(s.name, func(t *testing.T) {
			want := trained(t, s, w, steps, open(Options{Workers: 1}))
			for _, o := range others {
				if at := firstDifference(trained(t, s, w, steps, open(o)), want); at >= 0 {
					t.Errorf("%+v: the state after %d steps differs from element %d on", o, steps, at)
				}
			}
		})
	}
	for _, s := range append(smallModels(t), onInput(3, 5, 8, 16, 11), words(8, 40, 50, 24)) {
		compare(s, s.weights(), 2, Options{Workers: 1, Poison: true}, Options{Workers: 2}, Options{Workers: 3, Poison: true})
	}
	if brief {
		return
	}
	for _, p := range mixer.Presets() {
		s := modelSubject(t, p.Name, p.Specification(0.1), 2)
		compare(s, s.parameters.Initialise(5), 1, Options{Workers: 2, Poison: true})
	}
}

// trained returns the state after some training steps, followed by the losses.
func trained(t *testing.T, s subject, w nn.Weights, steps int, d device.Device) []float32 {
	t.Helper()
	r := s.recorded(t, &nn.Optimiser{Name: "adam"})
	r.load(d, w)
	var losses []float32
	for i := range steps {
		r.run(device.Step{LearningRate: 0.001, Update: i + 1, Seed: 42, Counter: uint32(i + 1)})
		losses = append(losses, r.read(r.loss)...)
	}
	state := make([]float32, r.program.StateSize)
	if err := r.session.ReadState(0, state); err != nil {
		t.Fatal(err)
	}
	state = append(state, losses...)
	for i, x := range state {
		if x != x {
			t.Fatalf("element %d of the state is not a number", i)
		}
	}
	return state
}

// firstDifference returns the first index at which the bits differ, or -1.
func firstDifference(a, b []float32) int {
	for i := range b {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return i
		}
	}
	return -1
}
