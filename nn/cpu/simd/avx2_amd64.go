//go:build amd64 && !purego

package simd

//go:generate go -C ../gen run . -folder ../simd

import "golang.org/x/sys/cpu"

// avx2 is the set of generated kernels for x86 CPUs with AVX2 and FMA.
var avx2 = Set{
	Name:                "avx2",
	Bits:                "avx2",
	Gemm:                avx2Product,
	Gelu:                unary(avx2Gelu),
	GeluGrad:            binary(avx2GeluGrad),
	GeluBoth:            nativeGeluBoth,
	Relu:                unary(avx2Relu),
	ReluGrad:            binary(avx2ReluGrad),
	SquaredRelu:         unary(avx2SquaredRelu),
	SquaredReluGrad:     binary(avx2SquaredReluGrad),
	Sigmoid:             unary(avx2Sigmoid),
	SigmoidGrad:         binary(avx2SigmoidGrad),
	Tanh:                unary(avx2Tanh),
	TanhGrad:            binary(avx2TanhGrad),
	Silu:                unary(avx2Silu),
	SiluGrad:            binary(avx2SiluGrad),
	Gru:                 nativeGru,
	GruGrad:             nativeGruGrad,
	Lstm:                nativeLstm,
	LstmGrad:            nativeLstmGrad,
	Add:                 binary(avx2Add),
	Mul:                 binary(avx2Mul),
	Div:                 binary(avx2Div),
	AddScalar:           scaled(avx2AddScalar),
	Scale:               scaled(avx2Scale),
	Axpy:                scaled(avx2Axpy),
	Max:                 nativeMax,
	Sum:                 nativeSum,
	Dot:                 nativeDot,
	Pack:                nativePack,
	Transpose:           nativeTranspose,
	LayerNorm:           nativeLayerNorm,
	LayerNormGrad:       nativeLayerNormGrad,
	ColumnSum:           nativeColumnSum,
	ColumnSquares:       nativeColumnSquares,
	ColumnDot:           nativeColumnDot,
	Normalise:           nativeNormalise,
	NormaliseGrad:       nativeNormaliseGrad,
	Depthwise:           nativeDepthwise,
	DepthwiseGrad:       nativeDepthwiseGrad,
	SoftmaxCrossEntropy: nativeSoftmaxCrossEntropy,
	SoftCrossEntropy:    nativeSoftCrossEntropy,
	Softmax:             nativeSoftmax,
	Exp:                 nativeExp,
	Dropout:             nativeDropout,
	Adam:                nativeAdam,
}

// avx512 has products with vectors of 16 elements. Everything else is memory-bound, or as fast with 8.
var avx512 = func() Set {
	s := avx2
	s.Name, s.Gemm = "avx512", avx512Product
	return s
}()

// native lists the native sets that this CPU can run, the best one last, and a phrase that says what the CPU has, or what
// is missing. The flags of x/sys/cpu are set only if the operating system saves the wide registers.
func native() ([]*Set, string) {
	switch {
	case !cpu.X86.HasAVX2 || !cpu.X86.HasFMA || !cpu.X86.HasBMI2:
		return nil, "the CPU or the operating system lacks AVX2, FMA or BMI2"
	case !cpu.X86.HasAVX512F:
		return []*Set{&avx2}, "the CPU has AVX2 and FMA"
	}
	return []*Set{&avx2, &avx512}, "the CPU has AVX-512"
}
