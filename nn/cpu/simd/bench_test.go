package simd

import (
	"fmt"
	"testing"
)

// productBenchmarks are products of the presets at batch 64: AV-MNIST's channel MLP (4 tokens of 128 features, 3072 wide)
// forward and backward, its token MLP sample by sample, and HyperMixing's small products.
var productBenchmarks = []struct {
	name           string
	transA, transB bool
	m, n, k, batch int
}{
	{"square", false, false, 512, 512, 512, 1},
	{"channel", false, false, 256, 3072, 128, 1},
	{"channel", false, true, 256, 3072, 128, 1},
	{"channel", true, false, 256, 3072, 128, 1},
	{"channel", false, false, 256, 128, 3072, 1},
	{"channel", false, true, 256, 128, 3072, 1},
	{"channel", true, false, 256, 128, 3072, 1},
	{"channel weights", true, false, 3072, 128, 256, 1},
	{"channel weights", true, false, 128, 3072, 256, 1},
	{"token", false, false, 32, 128, 4, 64},
	{"token", false, false, 4, 128, 32, 64},
	{"token", true, false, 4, 128, 32, 64},
	{"token weights", false, true, 32, 4, 128, 64},
	{"token weights", false, true, 4, 32, 128, 64},
	{"hyper", true, false, 128, 256, 4, 64},
	{"hyper", false, false, 4, 256, 128, 64},
	{"hyper", false, true, 4, 128, 256, 64},
	{"monarch", false, true, 256, 16, 16, 8},
	{"monarch weights", false, true, 16, 16, 128, 8},
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range sets() {
		for _, c := range productBenchmarks {
			p := &Product{TransA: c.transA, TransB: c.transB, M: c.m, N: c.n, K: c.k, LDA: c.k, LDB: c.n, LDC: c.n,
				A: make([]float32, c.m*c.k), B: make([]float32, c.k*c.n), C: make([]float32, c.m*c.n)}
			if c.transA {
				p.LDA = c.m
			}
			if c.transB {
				p.LDB = c.k
			}
			random(seeded(1), p.A, 1)
			random(seeded(2), p.B, 1)
			p.Dots = c.transB && !c.transA && min(c.m, c.n) <= 16
			w := NewWorkspace()
			b.Run(fmt.Sprintf("%s/%s %s", s.Name, c.name, productName(p)), func(b *testing.B) {
				for b.Loop() {
					for range c.batch {
						s.Gemm(w, p)
					}
				}
				flops := 2 * float64(c.m*c.n*c.k*c.batch)
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

// BenchmarkFunctions reports the elementwise functions and reductions at the size of AV-MNIST's channel MLP.
func BenchmarkFunctions(b *testing.B) {
	const rows, width = 256, 3072
	const n = rows * width
	x := make([][]float32, 9)
	for i := range x {
		x[i] = make([]float32, n)
		random(seeded(uint64(i)), x[i], 1)
	}
	step := &AdamStep{Beta1: 0.9, Beta2: 0.999, Rate: 1e-3, Root: 1, Eps: 1e-8}
	w, depthwise := NewWorkspace(), &Depthwise{Height: 64, Width: 64, Channels: 192, Kernel: 5, X: x[1], Y: x[0], Weight: x[2]}
	for _, s := range sets() {
		functions := []struct {
			name    string
			streams int // slices read or written
			call    func()
		}{
			{"Gelu", 2, func() { s.Gelu(x[0], x[1]) }},
			{"GeluGrad", 3, func() { s.GeluGrad(x[0], x[1], x[2]) }},
			{"GeluBoth", 4, func() { s.GeluBoth(x[0], x[3], x[1], x[2]) }},
			{"Relu", 2, func() { s.Relu(x[0], x[1]) }},
			{"Sigmoid", 2, func() { s.Sigmoid(x[0], x[1]) }},
			{"SigmoidGrad", 3, func() { s.SigmoidGrad(x[0], x[1], x[2]) }},
			{"Tanh", 2, func() { s.Tanh(x[0], x[1]) }},
			{"TanhGrad", 3, func() { s.TanhGrad(x[0], x[1], x[2]) }},
			{"Silu", 2, func() { s.Silu(x[0], x[1]) }},
			{"SiluGrad", 3, func() { s.SiluGrad(x[0], x[1], x[2]) }},
			{"Gru 64", 8, func() {
				for i := 0; i+256 <= n; i += 256 {
					s.Gru(x[0][:64], x[3][i:], x[1][i:], x[2][:192], x[4])
				}
			}},
			{"GruGrad 64", 12, func() {
				for i := 0; i+256 <= n; i += 256 {
					s.GruGrad(x[0][:64], x[3][i:], x[5][i:], x[1][i:], x[2][i:])
				}
			}},
			{"Lstm 64", 9, func() {
				for i := 0; i+256 <= n; i += 256 {
					s.Lstm(x[0][:64], x[6][:64], x[3][i:], x[1][i:], x[2][:256], x[4])
				}
			}},
			{"LstmGrad 64", 9, func() {
				for i := 0; i+256 <= n; i += 256 {
					s.LstmGrad(x[0][:64], x[6][:64], x[3][i:], x[1][i:], x[2][i:])
				}
			}},
			{"Add", 3, func() { s.Add(x[0], x[1], x[2]) }},
			{"Div", 3, func() { s.Div(x[0], x[1], x[2]) }},
			{"Axpy", 3, func() { s.Axpy(x[0], x[1], 1e-9) }},
			{"Max", 5, func() { s.Max(x[0], x[1], x[2], 3) }},
			{"Sum", 1, func() { s.Sum(x[1]) }},
			{"Dot", 2, func() { s.Dot(x[1], x[2]) }},
			{"Transpose", 2, func() { s.Transpose(x[0], rows, x[1], width, rows, width) }},
			{"LayerNorm 128", 2, func() { s.LayerNorm(x[0], x[1], x[2], x[3], x[4], x[5], n/128, 128, 1e-5) }},
			{"LayerNormGrad 128", 4, func() { s.LayerNormGrad(x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7], x[8], n/128, 128) }},
			{"ColumnSum", 1, func() { s.ColumnSum(x[0], x[1], rows, width, width) }},
			{"ColumnSquares", 1, func() { s.ColumnSquares(x[0], x[1], x[2], rows, width, width) }},
			{"ColumnDot", 2, func() { s.ColumnDot(x[0], x[1], x[3], x[2], rows, width) }},
			{"Normalise 192", 2, func() { s.Normalise(x[0], x[1], x[2], x[3], x[4], n/192, 192) }},
			{"NormaliseGrad 192", 3, func() { s.NormaliseGrad(x[0], x[1], x[2], x[3], x[4], x[5], x[6], n/192, 192) }},
			{"Depthwise 5×5", 2, func() { s.Depthwise(w, depthwise, 0, depthwise.Height) }},
			{"DepthwiseGrad 5×5", 2, func() { s.DepthwiseGrad(w, depthwise, 0, depthwise.Height) }},
			{"Softmax 64", 3, func() {
				for i := 0; i+64 <= n; i += 64 {
					s.Softmax(x[0][i:i+64], x[1][i:i+64], x[2][i:i+64])
				}
			}},
			{"SoftmaxCrossEntropy 1000", 2, func() {
				for i := 0; i+1000 <= n; i += 1000 {
					s.SoftmaxCrossEntropy(x[0][i:i+1000], x[1][i:i+1000], 3, 1)
				}
			}},
			{"SoftmaxCrossEntropy 10", 2, func() {
				for i := 0; i+10 <= n; i += 10 {
					s.SoftmaxCrossEntropy(x[0][i:i+10], x[1][i:i+10], 3, 1)
				}
			}},
			{"SoftCrossEntropy 1000", 3, func() {
				for i := 0; i+1000 <= n; i += 1000 {
					s.SoftCrossEntropy(x[0][i:i+1000], x[1][i:i+1000], x[2][i:i+1000], 1)
				}
			}},
			{"SoftCrossEntropy 10", 3, func() {
				for i := 0; i+10 <= n; i += 10 {
					s.SoftCrossEntropy(x[0][i:i+10], x[1][i:i+10], x[2][i:i+10], 1)
				}
			}},
			{"Adam", 7, func() { s.Adam(x[0], x[1], x[2], x[3], step) }},
		}
		clear(x[3]) // Adam's second moment is not negative
		for _, f := range functions {
			b.Run(s.Name+"/"+f.name, func(b *testing.B) {
				for b.Loop() {
					f.call()
				}
				seconds := b.Elapsed().Seconds() / float64(b.N)
				b.ReportMetric(seconds/n*1e9, "ns/element")
				b.ReportMetric(float64(4*n*f.streams)/seconds/1e9, "GB/s")
			})
		}
	}
}
