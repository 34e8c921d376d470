package mixer_test

import (
	"math/rand/v2"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
)

// noise is a fixed random batch.
type noise struct {
	inputs [][]float32 // one sample an input
}

func newNoise(m nn.Model) *noise {
	rng := rand.New(rand.NewPCG(1, 2))
	n := &noise{}
	for _, in := range m.Inputs() {
		size := 1
		for _, d := range in.Shape {
			size *= d
		}
		sample := make([]float32, size)
		for i := range sample {
			sample[i] = float32(rng.NormFloat64())
		}
		n.inputs = append(n.inputs, sample)
	}
	return n
}

func (n *noise) Len() int { return 1 << 20 }
func (n *noise) Read(_, input int, dst []float32) error {
	copy(dst, n.inputs[input])
	return nil
}
func (n *noise) Label(row int, dst []float32) error {
	for i := range dst {
		dst[i] = float32((row + i) % 2)
	}
	return nil
}

// BenchmarkTrainStep is one update of each model of the PyTorch comparison, on one core. It must not allocate.
func BenchmarkTrainStep(b *testing.B) {
	for _, c := range mixer.PeerCases() {
		b.Run(c.Name, func(b *testing.B) {
			model, err := mixer.Build(c.Specification)
			if err != nil {
				b.Fatal(err)
			}
			t, err := nn.NewTrainer(cpu.New(cpu.Options{Workers: 1}), model,
				nn.Recipe{Batch: c.Batch, Optimiser: nn.Optimiser{Name: "adam"}})
			if err != nil {
				b.Fatal(err)
			}
			defer t.Close()
			if err := t.Load(model.Parameters().Initialise(1)); err != nil {
				b.Fatal(err)
			}
			samples, rows := newNoise(model), make([]int, c.Batch)
			for i := range rows {
				rows[i] = i
			}
			step := func() {
				if _, err := t.Step(samples, rows, 1e-3); err != nil {
					b.Fatal(err)
				}
			}
			step()
			p, err := t.Program(c.Batch)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
			b.ReportMetric(float64(p.Cost().FLOPs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			b.ReportMetric(float64(4*p.ArenaSize)/(1<<20), "arena-MiB")
			b.ReportMetric(float64(p.Activations)/float64(p.ArenaSize), "activations/arena")
		})
	}
}
