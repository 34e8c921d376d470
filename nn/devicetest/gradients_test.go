package devicetest

import (
	"math"
	"math/rand/v2"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
)

// The gradients that are recorded, computed in float64, are those of the loss that is recorded: central differences of it
// agree at random elements of every parameter and of every input that asks for its gradient.
func TestGradients(t *testing.T) {
	step := device.Step{Seed: 99, Counter: 5}
	subjects := append(smallModels(t), matrices(2, 5, 6, 3, 7), rows(3, 4, 5), maps(2, 5, 6, 3, 4), losses(5, 4), shares(3, 2, 4, 4), words(2, 5, 7, 3), gates(5), recurrent(2, 4, 3, 5))
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			backward := s.recorded(t, nil)
			run := onReference(backward, s.weights())
			if err := run.Run(step); err != nil {
				t.Fatal(err)
			}
			forward := record(t, s.parameters, nn.Training)
			loss := s.record(forward, rand.New(rand.NewPCG(1, 2)))
			forward.Output("loss", loss)
			again := onReference(forward, s.weights())
			random := rand.New(rand.NewPCG(5, 6))
			check := func(name string, x, gradient []float64) {
				for range 4 {
					i := random.IntN(len(x))
					const h = 1e-5
					at := x[i]
					var losses [2]float64
					for k, moved := range []float64{at + h, at - h} {
						x[i] = moved
						if err := again.Run(step); err != nil {
							t.Fatal(err)
						}
						losses[k] = again.Values(loss.Buffer())[0]
					}
					x[i] = at
					want := (losses[0] - losses[1]) / (2 * h)
					if e := math.Abs(gradient[i] - want); !(e <= 1e-7*(1+math.Abs(losses[0]))+1e-5*math.Abs(want)) {
						t.Errorf("%s: the gradient at element %d is %v, differences say %v", name, i, gradient[i], want)
					}
				}
			}
			for _, p := range s.parameters.All() {
				switch d := backward.gradients[p.Name]; {
				case !p.Trainable:
				case d == nil:
					t.Errorf("%s has no gradient", p.Name)
				default:
					check(p.Name, again.Values(forward.places[p.Name].Buffer()), run.Values(d.Buffer()))
				}
			}
			for i, in := range backward.inputs {
				if d := backward.Gradient(in.value); d != nil {
					check("an input", again.Values(forward.inputs[i].value.Buffer()), run.Values(d.Buffer()))
				}
			}
		})
	}
}
