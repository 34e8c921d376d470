package cpu

import (
	"math/rand/v2"
	"testing"

	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// BenchmarkOperations times operations of the sizes of AV-MNIST's models.
func BenchmarkOperations(b *testing.B) {
	worthwhile = 1 << 15
	defer func() { worthwhile = 32 }()
	f := func(n int) *fixture {
		return &fixture{data: map[device.Buffer][]float32{}, random: rand.New(rand.NewPCG(uint64(n), 1)), step: device.Step{LearningRate: 0.001, Update: 2}}
	}
	cases := []struct {
		name string
		make func() *fixture
	}{
		{"channel mlp 256×128×3072 gelu", func() *fixture {
			f := f(1)
			f.op = &device.MatMul{M: 256, N: 3072, K: 128, TransB: true, LDA: 128, LDB: 128, LDC: 3072, Batch: [2]int{1, 1}, Activation: device.GELU,
				A: f.in("a", f.values(256*128)), B: f.in("b", f.values(128*3072)), Bias: f.in("bias", f.values(3072)), C: f.out("c", 256*3072), Pre: f.out("pre", 256*3072)}
			return f
		}},
		{"channel mlp 256×3072×128 gate in place", func() *fixture {
			f := f(1)
			f.op = &device.MatMul{M: 256, N: 3072, K: 128, TransB: true, LDA: 128, LDB: 128, LDC: 3072, Batch: [2]int{1, 1}, Activation: device.GELU,
				A: f.in("a", f.values(256*128)), B: f.in("b", f.values(128*3072)), Gate: f.in("gate", f.values(256*3072)), C: f.out("c", 256*3072)}
			f.program.Buffers[3].Offset = f.program.Buffers[2].Offset
			return f
		}},
		{"token mlp 64×(32×4×128) gelu", func() *fixture {
			f := f(2)
			f.op = &device.MatMul{M: 32, N: 128, K: 4, LDA: 4, LDB: 128, LDC: 128, Batch: [2]int{64, 1}, StrideB: [2]int{512}, StrideC: [2]int{4096}, Activation: device.GELU,
				A: f.in("a", f.values(32*4)), B: f.in("b", f.values(64*4*128)), Bias: f.in("bias", f.values(32)), BiasRows: true, C: f.out("c", 64*4096), Pre: f.out("pre", 64*4096)}
			return f
		}},
		{"token mlp 64×(4×32×128)", func() *fixture {
			f := f(2)
			f.op = &device.MatMul{M: 4, N: 128, K: 32, LDA: 32, LDB: 128, LDC: 128, Batch: [2]int{64, 1}, StrideB: [2]int{4096}, StrideC: [2]int{512},
				A: f.in("a", f.values(32*4)), B: f.in("b", f.values(64*32*128)), C: f.out("c", 64*512)}
			return f
		}},
		{"hyper mixing 64×(128×4×256) gelu", func() *fixture {
			f := f(2)
			f.op = &device.MatMul{M: 128, N: 256, K: 4, TransA: true, LDA: 128, LDB: 256, LDC: 256, Batch: [2]int{64, 1}, StrideA: [2]int{512}, StrideB: [2]int{1024}, StrideC: [2]int{128 * 256}, Activation: device.GELU,
				A: f.in("a", f.values(64*512)), B: f.in("b", f.values(64*1024)), C: f.out("c", 64*128*256), Pre: f.out("pre", 64*128*256)}
			return f
		}},
		{"transpose 64×(4×128)", func() *fixture {
			f := f(3)
			f.op = &device.Assemble{N: 64 * 512, Covered: true, Y: f.out("y", 64*512), Kind: "permute", Pieces: []device.Piece{{Source: f.in("x", f.values(64*512)), Shape: []int{64, 128, 4},
				SourceStrides: []int{512, 1, 128}, TargetStrides: []int{512, 4, 1}, Scale: 1}}}
			return f
		}},
		{"layer norm grad 12544×64", func() *fixture {
			f := f(4)
			n := 12544 * 64
			f.op = &device.LayerNormGrad{Rows: 12544, Width: 64, X: f.in("x", f.values(n)), Weight: f.in("w", f.values(64)), DY: f.in("dy", f.values(n)), Statistics: f.in("s", f.values(2*12544)),
				DX: f.out("dx", n), DWeight: f.out("dw", 64), DBias: f.out("db", 64)}
			return f
		}},
		{"batch norm 12544×64", func() *fixture {
			f := f(5)
			n := 12544 * 64
			f.op = &device.BatchNorm{Outer: 12544, Channels: 64, Inner: 1, Train: true, Eps: 1e-5, Momentum: 0.1, X: f.in("x", f.values(n)), Weight: f.in("w", f.values(64)), Bias: f.in("b", f.values(64)),
				Y: f.out("y", n), Statistics: f.out("s", 128), RunningMean: f.state("m", f.values(64)), RunningVariance: f.state("v", f.statistics(64)[64:])}
			return f
		}},
		{"batch norm grad 12544×64", func() *fixture {
			f := f(5)
			n := 12544 * 64
			f.op = &device.BatchNormGrad{Outer: 12544, Channels: 64, Inner: 1, Train: true, X: f.in("x", f.values(n)), Weight: f.in("w", f.values(64)), DY: f.in("dy", f.values(n)),
				Statistics: f.in("s", f.statistics(64)), DX: f.out("dx", n), DWeight: f.out("dw", 64), DBias: f.out("db", 64)}
			return f
		}},
		{"depthwise 16×28×28×64 k3", func() *fixture {
			f := f(6)
			m := device.Maps{Batch: 16, Height: 28, Width: 28, Channels: 64, Kernel: 3, Stride: 1, Padding: 1}
			f.op = &device.DepthwiseConv{Maps: m, X: f.in("x", f.values(m.Size())), Weight: f.in("w", f.values(9*64)), Y: f.out("y", m.Size())}
			return f
		}},
		{"depthwise grad 16×28×28×64 k3", func() *fixture {
			f := f(6)
			m := device.Maps{Batch: 16, Height: 28, Width: 28, Channels: 64, Kernel: 3, Stride: 1, Padding: 1}
			f.op = &device.DepthwiseConvGrad{Maps: m, X: f.in("x", f.values(m.Size())), DY: f.in("dy", f.values(m.Size())), DWeight: f.out("w", 9*64)}
			return f
		}},
		{"add row 12544×64", func() *fixture {
			f := f(7)
			n := 12544 * 64
			f.op = &device.Binary{Shape: []int{12544, 64}, StridesA: []int{64, 1}, StridesB: []int{0, 1}, A: f.in("a", f.values(n)), B: f.in("b", f.values(64)), Y: f.out("y", n)}
			return f
		}},
		{"bias gradient 12544×64", func() *fixture {
			f := f(8)
			f.op = &device.Reduce{Outer: 1, Axis: 12544, Inner: 64, Scale: 1, X: f.in("x", f.values(12544*64)), Y: f.out("y", 64)}
			return f
		}},
		{"sum 802816", func() *fixture {
			f := f(8)
			f.op = &device.Reduce{Outer: 1, Axis: 12544 * 64, Inner: 1, Scale: 1, X: f.in("x", f.values(12544*64)), Y: f.out("y", 1)}
			return f
		}},
		{"dropout 802816", func() *fixture {
			f := f(9)
			n := 12544 * 64
			f.op = &device.Dropout{N: n, P: 0.5, X: f.in("x", f.values(n)), Y: f.out("y", n)}
			return f
		}},
		{"adam 1000000", func() *fixture {
			f := f(10)
			n := 1000000
			f.op = &device.Adam{N: n, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Parameters: f.state("p", f.values(n)), Gradients: f.state("g", f.values(n)), Moments: f.state("m", f.values(n)), Variances: f.state("v", f.statistics(n)[n:])}
			return f
		}},
	}
	for _, c := range cases {
		for _, workers := range []int{1, 2} {
			b.Run(c.name+[]string{"", " alone", " two"}[workers], func(b *testing.B) {
				f := c.make()
				f.program.Operations = []device.Operation{f.op}
				d := New(Options{Workers: workers, Kernels: simd.Best()})
				s := must(d.Open(f.program.StateSize))(b)
				defer s.Close()
				r := must(s.Load(&f.program))(b)
				f.write(b, s, r)
				b.ReportAllocs()
				flops := f.op.Cost().FLOPs
				for b.Loop() {
					check(b, r.Run(f.step))
				}
				b.ReportMetric(float64(flops)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}
