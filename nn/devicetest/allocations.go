package devicetest

import (
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
)

// NoAllocations checks that a training step, with writing its inputs and reading its loss, allocates nothing on the heap.
func NoAllocations(t *testing.T, open func(Options) device.Device) {
	for _, s := range smallModels(t) {
		t.Run(s.name, func(t *testing.T) {
			r := s.recorded(t, &nn.Optimiser{Name: "adam"})
			r.load(open(Options{Workers: 2}), s.weights())
			step, loss := device.Step{LearningRate: 0.001, Update: 1}, make([]float32, 1)
			allocations := testing.AllocsPerRun(5, func() {
				r.run(step)
				if err := r.runner.Read(r.loss.Buffer(), loss); err != nil {
					t.Fatal(err)
				}
			})
			if allocations != 0 {
				t.Errorf("a step makes %v allocations", allocations)
			}
		})
	}
}
