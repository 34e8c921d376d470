package simd

import "testing"

func TestNoAllocation(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		const n = 300
		x := make([][]float32, 10)
		for i := range x {
			x[i] = make([]float32, n*n)
			random(seeded(uint64(i)), x[i], 1)
		}
		w := NewWorkspace()
		p := &Product{M: n, N: n, K: n, A: x[0], B: x[1], C: x[2], LDA: n, LDB: n, LDC: n, Done: func(i0, i1, j0, j1 int) {}}
		step := &AdamStep{Beta1: 0.9, Beta2: 0.999, Rate: 1e-3, Root: 1, Eps: 1e-8}
		convolutions := []*Depthwise{
			{Height: 9, Width: 9, Channels: 64, Kernel: 5, X: x[0], Y: x[3], Weight: x[1]},
			{Height: 9, Width: 9, Channels: 7, Kernel: 5, X: x[0], Y: x[3], Weight: x[1]},
		}
		allocations := testing.AllocsPerRun(3, func() {
			for form := range 4 {
				p.TransA, p.TransB = form&1 != 0, form&2 != 0
				s.Gemm(w, p)
			}
			for i := range elementwiseFunctions {
				elementwiseFunctions[i].call(s, x[3], x)
			}
			s.Max(x[3], x[4], x[5], 1)
			s.Sum(x[0])
			s.Dot(x[0], x[1])
			s.Pack(x[3], 16*n, x[0], n, n, n-12)
			s.Transpose(x[3], n, x[0], n, n, n)
			s.LayerNorm(x[3], x[0], x[1], x[2], x[4], x[5], n, n, normEps)
			s.LayerNormGrad(x[3], x[0], x[1], x[2], x[4], x[5], x[6], x[7], x[8], n, n)
			s.ColumnSum(x[3], x[0], n, n, n)
			s.ColumnSquares(x[3], x[0], x[1], n, n, n)
			s.ColumnDot(x[3], x[0], x[2], x[1], n, n)
			s.Normalise(x[3], x[0], x[1], x[2], x[4], n, n)
			s.NormaliseGrad(x[3], x[0], x[1], x[2], x[4], x[5], x[6], n, n)
			for _, d := range convolutions {
				s.Depthwise(w, d, 0, d.Height)
				s.DepthwiseGrad(w, d, 0, d.Height)
			}
			s.Softmax(x[3], x[0], x[1])
			s.Exp(x[3], x[0])
			s.SoftmaxCrossEntropy(x[3], x[0], 3, 1)
			s.SoftCrossEntropy(x[3], x[0], x[1], 1)
			s.Adam(x[3], x[0], x[1], x[2], step)
		})
		if allocations != 0 {
			t.Errorf("the functions allocate %v times", allocations)
		}
	})
}
