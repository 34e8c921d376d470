package cpu

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/devicetest"
)

// BenchmarkOperations times every kind of operation on one core and on all.
func BenchmarkOperations(b *testing.B) {
	tests := worthwhile
	worthwhile = 1 << 15
	defer func() { worthwhile = tests }()
	for _, workers := range []int{1, runtime.GOMAXPROCS(0)} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			devicetest.BenchmarkOperations(b, New(Options{Workers: workers}))
		})
		if runtime.GOMAXPROCS(0) == 1 {
			break
		}
	}
}

// BenchmarkConvolution times a convolution with its gradients on one core: the least time of each of the three products, which other load
// disturbs little. testdata/peer/convolutions.py times PyTorch's.
func BenchmarkConvolution(b *testing.B) {
	for _, c := range []struct {
		name                                string
		height, width, in, out, kernel, far int
		steps                               nn.Conv
	}{
		{"28x28 1 to 32", 28, 28, 1, 32, 3, 3, nn.Conv{Padding: [2]int{1, 1}}},
		{"14x14 32 to 64 stride 2", 28, 28, 32, 64, 3, 3, nn.Conv{Padding: [2]int{1, 1}, Stride: [2]int{2, 2}}},
		{"14x14 64 to 64", 14, 14, 64, 64, 3, 3, nn.Conv{Padding: [2]int{1, 1}}},
		{"128 64 to 64 dilation 4", 1, 128, 64, 64, 1, 3, nn.Conv{Padding: [2]int{0, 4}, Dilation: [2]int{1, 4}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := nn.NewScope()
			weight := s.Parameter("weight", nn.Normal(0.1), c.out, c.in, c.kernel, c.far)
			g := nn.NewGraph(s.Parameters(), nn.Training, true)
			x := g.Input("x", 64, c.height, c.width, c.in)
			if c.in > 1 { // that of a picture is never needed
				g.RequireGradient(x)
			}
			y := g.Conv2D(x, g.Parameter(weight), nil, c.steps)
			dy := g.Input("dy", y.Shape...)
			g.Output("y", y)
			g.Backward(y, dy)
			if dx := g.Gradient(x); dx != nil {
				g.Output("dx", dx)
			}
			p := must(g.Compile("convolution"))(b)
			session := must(New(Options{Workers: 1}).Open(p.StateSize))(b)
			defer session.Close()
			r := must(session.Load(p))(b)
			check(b, session.WriteState(0, make([]float32, p.StateSize)))
			seconds, least := make([]float64, len(p.Operations)), slices.Repeat([]float64{math.Inf(1)}, len(p.Operations))
			b.ReportAllocs()
			for b.Loop() {
				check(b, r.(device.Profiler).Trace(device.Step{}, seconds))
				for i, t := range seconds {
					least[i] = min(least[i], t)
				}
			}
			sum := 0.0
			for i, op := range p.Operations {
				b.ReportMetric(1e3*least[i], op.Name()+"-ms")
				sum += least[i]
			}
			b.ReportMetric(1e3*sum, "least-ms")
			b.ReportMetric(float64(p.Cost().FLOPs)/sum/1e9, "GFLOP/s")
		})
	}
}
