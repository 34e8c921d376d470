package device

import (
	"fmt"
	"math"
)

// Windows are the sizes of a convolution over channels-last maps X (Batch, Height, Width, Channels) that gives Y (Batch,
// OutHeight, OutWidth, Out). Kernel, Stride, Padding and Dilation are those down and across the map. A sequence is a map of
// height 1.
type Windows struct {
	Batch, Height, Width, Channels, Out int
	Kernel, Stride, Padding, Dilation   [2]int
}

// Conv is a convolution (LeCun et al. 1989): P = conv(X) + Bias, Y = Plus + act(P). Weight is (Out, Channels, Kernel). Bias
// (Out) and Plus may be absent; Pre, if present, keeps P for the backward pass.
type Conv struct {
	X, Weight, Bias, Y, Plus, Pre Buffer
	Activation                    Activation
	Windows
}

// ConvInputGrad is the gradient of [Conv] with respect to X, given that of P: DX = Plus + the gradient.
type ConvInputGrad struct {
	DY, Weight, DX, Plus Buffer
	Windows
}

// ConvWeightGrad is the gradient of [Conv] with respect to Weight, given that of P: DWeight = Plus + the gradient.
type ConvWeightGrad struct {
	X, DY, DWeight, Plus Buffer
	Windows
}

// OutHeight returns the number of kernel positions down the map, below 1 if the kernel does not fit.
func (w *Windows) OutHeight() int { return w.positions(0, w.Height) }

// OutWidth returns the number of kernel positions across the map, below 1 if the kernel does not fit.
func (w *Windows) OutWidth() int { return w.positions(1, w.Width) }

func (w *Windows) positions(axis, n int) int {
	room := n + 2*w.Padding[axis] - w.Dilation[axis]*(w.Kernel[axis]-1) - 1
	if room < 0 {
		return 0
	}
	return room/w.Stride[axis] + 1
}

// Places returns the number of places of the kernel.
func (w *Windows) Places() int { return w.Kernel[0] * w.Kernel[1] }

// InSize returns the number of elements of X.
func (w *Windows) InSize() int { return w.Batch * w.Height * w.Width * w.Channels }

// OutSize returns the number of elements of Y.
func (w *Windows) OutSize() int { return w.Batch * w.OutHeight() * w.OutWidth() * w.Out }

// WeightSize returns the number of elements of Weight.
func (w *Windows) WeightSize() int { return w.Out * w.Channels * w.Places() }

func (w *Windows) check(c *Checker) {
	for _, list := range [][]int{{w.Batch, w.Height, w.Width, w.Channels, w.Out}, w.Kernel[:], w.Stride[:], w.Dilation[:]} {
		c.Positive("batch, height, width, channels, out, kernel, stride and dilation", list...)
		c.Counts(list...)
	}
	c.Counts(w.Padding[:]...)
	if c.OK() && (w.OutHeight() < 1 || w.OutWidth() < 1) {
		c.Fail("maps of %d×%d with padding %v do not hold a kernel of %v with dilation %v", w.Height, w.Width, w.Padding, w.Kernel, w.Dilation)
	}
	if c.OK() {
		_, fits := Elements(w.Batch, w.OutHeight(), w.OutWidth(), w.Out)
		if _, weight := Elements(w.Out, w.Channels, w.Kernel[0], w.Kernel[1]); !fits || !weight {
			c.Fail("the result or the weight has more than %d elements", MaxElements)
		}
	}
}

func (w *Windows) sizes() string {
	text := fmt.Sprintf("%s to %d kernel %s", sizes(w.Batch, w.Height, w.Width, w.Channels), w.Out, sizes(w.Kernel[:]...))
	for _, part := range []struct {
		name  string
		value [2]int
	}{{"stride", w.Stride}, {"dilation", w.Dilation}} {
		if part.value != [2]int{1, 1} {
			text += " " + part.name + " " + sizes(part.value[:]...)
		}
	}
	return text
}

// cost is that of one of the three products. The number of operations of an absurdly large kernel is cut off.
func (w *Windows) cost(extra int) Cost {
	flops, each := math.MaxInt, 2*w.Channels*w.Places()
	if n := w.OutSize(); n <= flops/each {
		flops = n * each
	}
	return traffic(flops, w.InSize(), w.OutSize(), w.WeightSize(), extra)
}

var _ = kind(&Conv{})

// Name implements [Operation].
func (o *Conv) Name() string { return "conv" }

// Buffers implements [Operation].
func (o *Conv) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X, o.Weight, o.Bias, o.Plus), present(w, o.Y, o.Pre)
}

// Cost implements [Operation].
func (o *Conv) Cost() Cost {
	extra := 0
	for _, b := range []Buffer{o.Pre, o.Plus} {
		if b != 0 {
			extra += o.OutSize()
		}
	}
	return o.cost(extra)
}

// Sizes implements [Operation].
func (o *Conv) Sizes() string {
	text := o.Windows.sizes()
	if o.Activation != Identity {
		text += " " + o.Activation.String()
	}
	return text + with("bias", o.Bias) + with("pre", o.Pre) + with("plus", o.Plus)
}

// Check implements [Operation].
func (o *Conv) Check(c *Checker) {
	if o.Windows.check(c); c.OK() {
		c.Need("X", o.X, o.InSize())
		c.Need("Weight", o.Weight, o.WeightSize())
		c.Maybe("Bias", o.Bias, o.Out)
		c.Need("Y", o.Y, o.OutSize())
		c.Maybe("Pre", o.Pre, o.OutSize())
		c.Maybe("Plus", o.Plus, o.OutSize())
		c.Share(o.Y, o.Plus)
	}
}

var _ = kind(&ConvInputGrad{})

// Name implements [Operation].
func (o *ConvInputGrad) Name() string { return "conv_input_grad" }

// Buffers implements [Operation].
func (o *ConvInputGrad) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.DY, o.Weight, o.Plus), present(w, o.DX)
}

// Cost implements [Operation].
func (o *ConvInputGrad) Cost() Cost {
	if o.Plus != 0 {
		return o.cost(o.InSize())
	}
	return o.cost(0)
}

// Sizes implements [Operation].
func (o *ConvInputGrad) Sizes() string { return o.Windows.sizes() + with("plus", o.Plus) }

// Check implements [Operation].
func (o *ConvInputGrad) Check(c *Checker) {
	if o.Windows.check(c); c.OK() {
		c.Need("DY", o.DY, o.OutSize())
		c.Need("Weight", o.Weight, o.WeightSize())
		c.Need("DX", o.DX, o.InSize())
		c.Maybe("Plus", o.Plus, o.InSize())
		c.Share(o.DX, o.Plus)
	}
}

var _ = kind(&ConvWeightGrad{})

// Name implements [Operation].
func (o *ConvWeightGrad) Name() string { return "conv_weight_grad" }

// Buffers implements [Operation].
func (o *ConvWeightGrad) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.X, o.DY, o.Plus), present(w, o.DWeight)
}

// Cost implements [Operation].
func (o *ConvWeightGrad) Cost() Cost { return o.cost(0) }

// Sizes implements [Operation].
func (o *ConvWeightGrad) Sizes() string { return o.Windows.sizes() + with("plus", o.Plus) }

// Check implements [Operation].
func (o *ConvWeightGrad) Check(c *Checker) {
	if o.Windows.check(c); c.OK() {
		c.Need("X", o.X, o.InSize())
		c.Need("DY", o.DY, o.OutSize())
		c.Need("DWeight", o.DWeight, o.WeightSize())
		c.Maybe("Plus", o.Plus, o.WeightSize())
		c.Share(o.DWeight, o.Plus)
	}
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
