package device

import "fmt"

// MatMul is the batched matrix product with a fused epilogue
//
//	P = op(A) op(B) + bias
//	C = plus + act(P)               when Gate is absent
//	C = plus + P * act'(Gate)       when Gate is present
//
// with op(A) M×K and op(B) K×N. Matrices are row-major with leading dimensions. Each of the two batch dimensions has its
// own strides, in elements. A batch dimension in which C has stride 0 and the count is above 1 is summed over, in order;
// such a product has no activation, gate or bias. Offsets select sub-matrices of a buffer.
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
	// Pre, if present, keeps P for the backward pass. It has the layout of C.
	Pre Buffer
	// Gate is the kept pre-activation; P is multiplied by the activation's derivative there. It has the layout of C.
	Gate Buffer
	// Plus is added at the end. It has the layout of C, and may be C itself if C is state, or if an earlier part of the same
	// composite wrote it.
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
	// Sigmoid is σ(x) = 1/(1 + e⁻ˣ).
	Sigmoid
	// Tanh is the hyperbolic tangent.
	Tanh
	// SiLU is x σ(x) (Elfwing et al. 2018).
	SiLU
)

func (a Activation) String() string {
	return [...]string{"identity", "gelu", "relu", "squared_relu", "sigmoid", "tanh", "silu"}[a]
}

var _ = kind(&MatMul{})

// Name implements [Operation].
func (o *MatMul) Name() string { return "matmul" }

// Buffers implements [Operation].
func (o *MatMul) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.A, o.B, o.Bias, o.Gate, o.Plus), present(w, o.C, o.Pre)
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

// Sizes implements [Operation].
func (o *MatMul) Sizes() string {
	// M×N×K, the batch if there is one, how A and B are stored (N: as they are, T: transposed), and the epilogue.
	text := sizes(o.M, o.N, o.K)
	if n := o.Batch[0] * o.Batch[1]; n > 1 {
		text = fmt.Sprintf("%d of %s", n, text)
		for i, stride := range o.StrideC {
			if stride == 0 && o.Batch[i] > 1 {
				text += " summed"
				break
			}
		}
	}
	letters := map[bool]string{false: "N", true: "T"}
	text += " " + letters[o.TransA] + letters[o.TransB]
	if o.Activation != Identity {
		text += " " + o.Activation.String()
	}
	return text + with("bias", o.Bias) + with("pre", o.Pre) + with("gate", o.Gate) + with("plus", o.Plus)
}

// Check implements [Operation].
func (o *MatMul) Check(c *Checker) {
	c.Positive("sizes M, N, K and batch", o.M, o.N, o.K, o.Batch[0], o.Batch[1])
	c.Counts(o.M, o.N, o.K, o.LDA, o.LDB, o.LDC, o.Batch[0], o.Batch[1])
	o.matrix(c, "A", o.A, o.OffsetA, o.M, o.K, o.TransA, o.LDA, o.StrideA)
	o.matrix(c, "B", o.B, o.OffsetB, o.K, o.N, o.TransB, o.LDB, o.StrideB)
	o.matrix(c, "C", o.C, o.OffsetC, o.M, o.N, false, o.LDC, o.StrideC)
	for _, like := range []struct {
		role string
		b    Buffer
	}{{"Pre", o.Pre}, {"Gate", o.Gate}, {"Plus", o.Plus}} {
		if like.b != 0 {
			o.matrix(c, like.role, like.b, o.OffsetC, o.M, o.N, false, o.LDC, o.StrideC)
		}
	}
	if o.BiasRows {
		c.Maybe("Bias", o.Bias, o.M)
	} else {
		c.Maybe("Bias", o.Bias, o.N)
	}
	summed := false
	for i, count := range o.Batch {
		summed = summed || count > 1 && o.StrideC[i] == 0
	}
	if summed && (o.Bias != 0 || o.Activation != Identity || o.Gate != 0 || o.Pre != 0) {
		c.Fail("a product that is summed over a batch dimension takes no bias, activation, gate or pre-activation")
	}
	c.Share(o.C, o.Gate, o.Plus)
}

// matrix checks a batch of matrices of op(rows×columns).
func (o *MatMul) matrix(c *Checker, role string, b Buffer, offset, rows, columns int, trans bool, ld int, strides [2]int) {
	if trans {
		rows, columns = columns, rows
	}
	if ld < columns || offset < 0 || strides[0] < 0 || strides[1] < 0 {
		c.Fail("%s: leading dimension %d of rows of %d, offset %d, strides %v", role, ld, columns, offset, strides)
	}
	c.Need(role, b, offset+(o.Batch[0]-1)*strides[0]+(o.Batch[1]-1)*strides[1]+(rows-1)*ld+columns)
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

// check requires that at least one patch fits into the maps.
func (m Maps) check(c *Checker) {
	c.Positive("batch, height, width, channels, kernel and stride", m.Batch, m.Height, m.Width, m.Channels, m.Kernel, m.Stride)
	c.Counts(m.Batch, m.Height, m.Width, m.Channels, m.Kernel, m.Stride)
	if m.Padding < 0 || m.Height+2*m.Padding < m.Kernel || m.Width+2*m.Padding < m.Kernel {
		c.Fail("maps of %d×%d with padding %d do not hold a kernel of %d", m.Height, m.Width, m.Padding, m.Kernel)
	}
	c.Counts(m.Padding)
}

// checkDepthwise requires a convolution that keeps the size of the maps.
func (m Maps) checkDepthwise(c *Checker) {
	m.check(c)
	if m.Stride != 1 || m.Kernel%2 == 0 || m.Padding != m.Kernel/2 {
		c.Fail("kernel %d, stride %d, padding %d: a depthwise convolution has an odd kernel, stride 1 and padding kernel/2", m.Kernel, m.Stride, m.Padding)
	}
}

func (m Maps) sizes() string {
	return fmt.Sprintf("%s kernel %d stride %d", sizes(m.Batch, m.Height, m.Width, m.Channels), m.Kernel, m.Stride)
}

// OutHeight returns the number of kernel positions down the map.
func (m Maps) OutHeight() int { return (m.Height+2*m.Padding-m.Kernel)/m.Stride + 1 }

// OutWidth returns the number of kernel positions across the map.
func (m Maps) OutWidth() int { return (m.Width+2*m.Padding-m.Kernel)/m.Stride + 1 }

// Size returns the number of elements of the maps.
func (m Maps) Size() int { return m.Batch * m.Height * m.Width * m.Channels }

// Columns returns the number of elements of all patches.
func (m Maps) Columns() int {
	return m.Batch * m.OutHeight() * m.OutWidth() * m.Kernel * m.Kernel * m.Channels
}

var _ = kind(&Im2Col{})

// Name implements [Operation].
func (o *Im2Col) Name() string { return "im2col" }

// Buffers implements [Operation].
func (o *Im2Col) Buffers(r, w []Buffer) ([]Buffer, []Buffer) { return present(r, o.X), present(w, o.Y) }

// Cost implements [Operation].
func (o *Im2Col) Cost() Cost { return traffic(0, o.Size(), o.Columns()) }

// Sizes implements [Operation].
func (o *Im2Col) Sizes() string {
	return o.Maps.sizes()
}

// Check implements [Operation].
func (o *Im2Col) Check(c *Checker) {
	if o.Maps.check(c); c.OK() {
		c.Need("X", o.X, o.Size())
		c.Need("Y", o.Y, o.Columns())
	}
}

var _ = kind(&Col2Im{})

// Name implements [Operation].
func (o *Col2Im) Name() string { return "col2im" }

// Buffers implements [Operation].
func (o *Col2Im) Buffers(r, w []Buffer) ([]Buffer, []Buffer) { return present(r, o.Y), present(w, o.X) }

// Cost implements [Operation].
func (o *Col2Im) Cost() Cost { return traffic(o.Columns(), o.Size(), o.Columns()) }

// Sizes implements [Operation].
func (o *Col2Im) Sizes() string {
	return o.Maps.sizes()
}

// Check implements [Operation].
func (o *Col2Im) Check(c *Checker) {
	if o.Maps.check(c); c.OK() {
		c.Need("Y", o.Y, o.Columns())
		c.Need("X", o.X, o.Size())
	}
}

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

var _ = kind(&DepthwiseConv{})

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

// Sizes implements [Operation].
func (o *DepthwiseConv) Sizes() string {
	return o.Maps.sizes() + when("flip", o.Flip) + with("plus", o.Plus)
}

// Check implements [Operation].
func (o *DepthwiseConv) Check(c *Checker) {
	if o.Maps.checkDepthwise(c); c.OK() {
		c.Need("X", o.X, o.Size())
		c.Need("Weight", o.Weight, o.Channels*o.Kernel*o.Kernel)
		c.Need("Y", o.Y, o.Size())
		c.Maybe("Plus", o.Plus, o.Size())
		c.Share(o.Y, o.Plus)
	}
}

var _ = kind(&DepthwiseConvGrad{})

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

// Sizes implements [Operation].
func (o *DepthwiseConvGrad) Sizes() string {
	return o.Maps.sizes()
}

// Check implements [Operation].
func (o *DepthwiseConvGrad) Check(c *Checker) {
	if o.Maps.checkDepthwise(c); c.OK() {
		n := o.Channels * o.Kernel * o.Kernel
		c.Need("X", o.X, o.Size())
		c.Need("DY", o.DY, o.Size())
		c.Need("DWeight", o.DWeight, n)
		c.Maybe("Plus", o.Plus, n)
		c.Share(o.DWeight, o.Plus)
	}
}
