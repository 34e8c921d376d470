package devicetest

import (
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
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

// Benchmark times a training step of each preset and of each model of the PyTorch comparison.
func Benchmark(b *testing.B, d device.Device) {
	cases := mixer.PeerCases()
	batches := map[string]int{"m2mixer-avmnist": 32, "m2mixer-mimic": 128, "searched-avmnist": 32}
	for _, p := range mixer.Presets() {
		cases = append(cases, mixer.PeerCase{Name: p.Name, Specification: p.Specification(0), Batch: batches[p.Name]})
	}
	for _, c := range cases {
		b.Run(c.Name, func(b *testing.B) {
			s := modelSubject(b, c.Name, c.Specification, c.Batch)
			r := s.recorded(b, &nn.Optimiser{Name: "adam"})
			r.load(d, s.parameters.Initialise(1))
			step := device.Step{LearningRate: 0.001, Update: 1}
			r.run(step)
			b.ReportAllocs()
			for b.Loop() {
				r.run(step)
			}
			b.ReportMetric(float64(r.program.Cost().FLOPs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			b.ReportMetric(float64(4*r.program.ArenaSize)/(1<<20), "arena-MiB")
			b.ReportMetric(float64(r.program.Activations)/float64(r.program.ArenaSize), "activations/arena")
		})
	}
}
