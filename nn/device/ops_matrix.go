package device

// MatMul is the batched matrix product with a fused epilogue
//
//	P = op(A) op(B) + bias
//	C = plus + act(P)               when Gate is absent
//	C = plus + P * act'(Gate)       when Gate is present
//
// with op(A) M×K and op(B) K×N. Matrices are row-major with leading dimensions; the two batch dimensions have their own
// element strides. A batch dimension in which C does not move (stride 0, count above 1) is summed over, in order; such a
// product has no activation, gate or bias. Sub-matrices of one buffer are reached through the offsets.
type MatMul struct {
	A, B, C                   Buffer
	OffsetA, OffsetB, OffsetC int
	TransA, TransB            bool // A is stored K×M, B is stored N×K
	M, N, K                   int
	LDA, LDB, LDC             int
	Batch                     [2]int // counts, outer first; at least 1
	StrideA, StrideB, StrideC [2]int

	// Bias is absent, or holds N elements added to every row, or, with BiasRows, M elements added to every column.
	Bias     Buffer
	BiasRows bool
	// Activation is applied to P.
	Activation Activation
	// Pre, where present, keeps P for the backward pass. It is laid out as C.
	Pre Buffer
	// Gate is the kept pre-activation whose derivative multiplies P. It is laid out as C.
	Gate Buffer
	// Plus is added at the end. It is laid out as C, and may be C itself where C is state.
	Plus Buffer
}

// Activation is a function applied to single elements.
type Activation int

// The activations.
const (
	Identity Activation = iota
	// GELU is x Φ(x), with the exact normal distribution function (Hendrycks and Gimpel 2016).
	GELU
	// ReLU is max(x, 0).
	ReLU
	// SquaredReLU is max(x, 0)², the core of StarReLU (Yu et al. 2022).
	SquaredReLU
)

func (a Activation) String() string {
	return [...]string{"identity", "gelu", "relu", "squared_relu"}[a]
}

// Name implements [Operation].
func (o *MatMul) Name() string { return "matmul" }

// Buffers implements [Operation].
func (o *MatMul) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.A, o.B, o.Bias, o.Gate, o.Plus), present(w, o.C, o.Pre)
}

func (o *MatMul) counts() []int {
	return []int{o.M, o.N, o.K, o.LDA, o.LDB, o.LDC, o.Batch[0], o.Batch[1]}
}

// Cost implements [Operation]: 2MNK per product.
func (o *MatMul) Cost() Cost {
	n := o.Batch[0] * o.Batch[1]
	elements := func(rows, columns int, stride [2]int) int {
		count := rows * columns
		for i, s := range stride {
			if s != 0 {
				count *= o.Batch[i]
			}
		}
		return count
	}
	c := elements(o.M, o.N, o.StrideC)
	extra := 0
	for _, b := range []Buffer{o.Pre, o.Gate, o.Plus} {
		if b != 0 {
			extra += c
		}
	}
	return traffic(2*n*o.M*o.N*o.K, elements(o.M, o.K, o.StrideA), elements(o.K, o.N, o.StrideB), c, extra)
}

// Im2Col gathers the patches of channels-last maps: X (Batch, Height, Width, Channels) becomes Y (Batch, OutHeight,
// OutWidth, Kernel, Kernel, Channels), zero where a patch leaves the map.
type Im2Col struct {
	X, Y Buffer
	Maps
}

// Col2Im is the adjoint of [Im2Col]: it sums the patches Y back into the maps X.
type Col2Im struct {
	Y, X Buffer
	Maps
}

// Maps are the sizes of a convolution over channels-last maps with square kernels.
type Maps struct {
	Batch, Height, Width, Channels int
	Kernel, Stride, Padding        int
}

func (m Maps) counts() []int {
	return []int{m.Batch, m.Height, m.Width, m.Channels, m.Kernel, m.Stride, m.Padding}
}

// OutHeight is the number of kernel positions down the map; OutWidth across it.
func (m Maps) OutHeight() int { return (m.Height+2*m.Padding-m.Kernel)/m.Stride + 1 }

// OutWidth is the number of kernel positions across the map.
func (m Maps) OutWidth() int { return (m.Width+2*m.Padding-m.Kernel)/m.Stride + 1 }

// Size is the number of elements of the maps, Columns that of the patches.
func (m Maps) Size() int { return m.Batch * m.Height * m.Width * m.Channels }

// Columns is the number of elements of all patches.
func (m Maps) Columns() int {
	return m.Batch * m.OutHeight() * m.OutWidth() * m.Kernel * m.Kernel * m.Channels
}

// Name implements [Operation].
func (o *Im2Col) Name() string { return "im2col" }

// Buffers implements [Operation].
func (o *Im2Col) Buffers(r, w []Buffer) ([]Buffer, []Buffer) { return present(r, o.X), present(w, o.Y) }

// Cost implements [Operation].
func (o *Im2Col) Cost() Cost { return traffic(0, o.Size(), o.Columns()) }

// Name implements [Operation].
func (o *Col2Im) Name() string { return "col2im" }

// Buffers implements [Operation].
func (o *Col2Im) Buffers(r, w []Buffer) ([]Buffer, []Buffer) { return present(r, o.Y), present(w, o.X) }

// Cost implements [Operation].
func (o *Col2Im) Cost() Cost { return traffic(o.Columns(), o.Size(), o.Columns()) }

// DepthwiseConv convolves each channel of channels-last maps with its own kernel, with stride 1: X and Y are (Batch,
// Height, Width, Channels) (so Padding is (Kernel-1)/2), Weight is (Channels, Kernel, Kernel). Y = Plus + conv(X).
type DepthwiseConv struct {
	X, Weight, Y, Plus Buffer
	Maps
	// Flip turns the kernel by 180°: the gradient with respect to X.
	Flip bool
}

// DepthwiseConvGrad is the weight gradient of [DepthwiseConv]: DWeight = Plus + correlation of X and DY.
type DepthwiseConvGrad struct {
	X, DY, DWeight, Plus Buffer
	Maps
}

// Name implements [Operation].
func (o *DepthwiseConv) Name() string { return "depthwise_conv" }

// Buffers implements [Operation].
func (o *DepthwiseConv) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X, o.Weight, o.Plus), present(w, o.Y)
}

// Cost implements [Operation].
func (o *DepthwiseConv) Cost() Cost {
	k := o.Kernel * o.Kernel
	return traffic(2*k*o.Size(), o.Size(), o.Size(), k*o.Channels)
}

// Name implements [Operation].
func (o *DepthwiseConvGrad) Name() string { return "depthwise_conv_grad" }

// Buffers implements [Operation].
func (o *DepthwiseConvGrad) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X, o.DY, o.Plus), present(w, o.DWeight)
}

// Cost implements [Operation].
func (o *DepthwiseConvGrad) Cost() Cost {
	k := o.Kernel * o.Kernel
	return traffic(2*k*o.Size(), o.Size(), o.Size(), k*o.Channels)
}
