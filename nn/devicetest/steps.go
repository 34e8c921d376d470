package devicetest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
)

// steps checks that the values of [device.Step] take effect in every run of a program that was loaded once.
func steps(t *testing.T, d device.Device) {
	s := matrices(2, 5, 6, 3, 7)
	// moved returns how far a run moves the state.
	moved := func(r *recording, from []float32, step device.Step) []float64 {
		t.Helper()
		if err := r.session.WriteState(0, from); err != nil {
			t.Fatal(err)
		}
		r.run(step)
		to := make([]float32, len(from))
		if err := r.session.ReadState(0, to); err != nil {
			t.Fatal(err)
		}
		by := make([]float64, r.parameterCount())
		for i := range by {
			by[i] = float64(to[i]) - float64(from[i])
		}
		return by
	}
	start := func(o nn.Optimiser) (*recording, []float32) {
		r := s.recorded(t, &o)
		r.load(d, s.weights())
		state := make([]float32, r.program.StateSize)
		if err := r.session.ReadState(0, state); err != nil {
			t.Fatal(err)
		}
		return r, state
	}
	// scaled requires that got is want times factor, within a fraction of the largest element.
	scaled := func(what string, got, want []float64, factor, within float64) {
		t.Helper()
		for i := range got {
			if e := math.Abs(got[i] - factor*want[i]); !(e <= within*peak(want)*(1+factor)) {
				t.Errorf("%s: element %d moves by %g, want %g times %g", what, i, got[i], factor, want[i])
				return
			}
		}
	}

	// The learning rate, changed in mid-training.
	r, state := start(nn.Optimiser{Name: "sgd"})
	base := moved(r, state, device.Step{LearningRate: 1, Update: 1})
	if peak(base) == 0 {
		t.Fatal("nothing moves")
	}
	for i, rate := range []float64{0.5, 0, 2, 1} {
		scaled("learning rate", moved(r, state, device.Step{LearningRate: rate, Update: i + 2}), base, rate, 1e-4)
	}

	// The number of updates: Adam's corrections.
	r, state = start(nn.Optimiser{Name: "adam"})
	base = moved(r, state, device.Step{LearningRate: 1, Update: 1})
	scaled("second update", moved(r, state, device.Step{LearningRate: 1, Update: 2}), base, 0.1/0.19*math.Sqrt(0.001999/0.001), 1e-2)

	// The seed and the counter: dropout.
	r = record(t, nn.NewScope().Parameters(), nn.Training)
	const n = 300
	y := r.Dropout(r.random("x", rand.New(rand.NewPCG(1, 1)), n), 0.5)
	r.Output("y", y)
	r.load(d, nn.Weights{})
	var masks [][]float32
	for _, step := range []device.Step{{Seed: 1, Counter: 1}, {Seed: 1, Counter: 2}, {Seed: 1 << 32, Counter: 1}, {Seed: 1, Counter: 1}} {
		r.run(step)
		masks = append(masks, r.read(y))
	}
	if !slices.Equal(masks[0], masks[3]) || slices.Equal(masks[0], masks[1]) || slices.Equal(masks[0], masks[2]) || slices.Equal(masks[1], masks[2]) {
		t.Error("dropout does not follow the seed and the counter")
	}
}

// parameterCount returns the number of elements of the trained parameters, with which the state begins.
func (r *recording) parameterCount() int {
	n := 0
	for _, p := range r.parameters.All() {
		if p.Trainable {
			n += p.Size()
		}
	}
	return n
}
