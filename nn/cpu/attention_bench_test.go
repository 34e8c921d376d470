package cpu_test

import (
	"fmt"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/device"
)

// Attention forward, and forward and backward, at the sizes at which it is compared with PyTorch's.
func BenchmarkAttention(b *testing.B) {
	for _, c := range []struct{ batch, n, d, heads int }{{64, 49, 128, 4}, {64, 128, 64, 4}, {8, 512, 256, 8}, {2, 2048, 128, 4}, {64, 17, 32, 4}} {
		for _, gradients := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d×%d×%d heads %d gradients %t", c.batch, c.n, c.d, c.heads, gradients), func(b *testing.B) {
				g := nn.NewGraph(nn.NewScope().Parameters(), nn.Training, gradients)
				var xs [3]*nn.Value
				for i := range xs {
					xs[i] = g.Input("x", c.batch, c.n, c.d)
					if gradients {
						g.RequireGradient(xs[i])
					}
				}
				y := g.Attention(xs[0], xs[1], xs[2], nil, c.heads)
				g.Output("y", y)
				if gradients {
					g.Backward(y, g.Input("dy", c.batch, c.n, c.d))
				}
				p, err := g.Compile("attention")
				if err != nil {
					b.Fatal(err)
				}
				s, err := cpu.New(cpu.Options{Workers: 1}).Open(p.StateSize)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				r, err := s.Load(p)
				if err != nil {
					b.Fatal(err)
				}
				data := make([]float32, c.batch*c.n*c.d)
				for i := range data {
					data[i] = float32(i*7919%1000)/500 - 1
				}
				for i := range p.Buffers {
					if p.Buffers[i].First == -1 {
						_ = r.Write(device.Buffer(i+1), data)
					}
				}
				_ = r.Run(device.Step{})
				for b.Loop() {
					if err := r.Run(device.Step{}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(p.Cost().FLOPs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
