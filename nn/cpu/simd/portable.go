package simd

// portable is the set in Go and gonum's BLAS. Its elementwise functions with a transcendental function or a long sum
// compute in float64 and round once.
var portable = Set{
	Name:                "portable",
	Bits:                "portable",
	Gemm:                portableGemm,
	Gelu:                portableGelu,
	GeluGrad:            portableGeluGrad,
	GeluBoth:            portableGeluBoth,
	Relu:                portableRelu,
	ReluGrad:            portableReluGrad,
	SquaredRelu:         portableSquaredRelu,
	SquaredReluGrad:     portableSquaredReluGrad,
	Add:                 portableAdd,
	Mul:                 portableMul,
	Div:                 portableDiv,
	AddScalar:           portableAddScalar,
	Scale:               portableScale,
	Axpy:                portableAxpy,
	Max:                 portableMax,
	Sum:                 portableSum,
	Dot:                 portableDot,
	Pack:                portablePack,
	Transpose:           portableTranspose,
	LayerNorm:           portableLayerNorm,
	LayerNormGrad:       portableLayerNormGrad,
	ColumnSum:           portableColumnSum,
	ColumnSquares:       portableColumnSquares,
	ColumnDot:           portableColumnDot,
	Normalise:           portableNormalise,
	NormaliseGrad:       portableNormaliseGrad,
	Depthwise:           portableDepthwise,
	DepthwiseGrad:       portableDepthwiseGrad,
	SoftmaxCrossEntropy: portableSoftmaxCrossEntropy,
	SoftCrossEntropy:    portableSoftCrossEntropy,
	Softmax:             portableSoftmax,
	Exp:                 portableExp,
	Dropout:             portableDropout,
	Adam:                portableAdam,
}

// Portable returns the set that runs on every CPU.
func Portable() *Set { return &portable }
