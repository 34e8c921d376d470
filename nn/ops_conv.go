package nn

import (
	"math"
	"slices"

	"mixmas/nn/device"
)

// Conv are the steps of a convolution, down and across the maps: between the places of the kernel (Stride), around the maps
// (Padding, with zeros on both sides) and within the kernel (Dilation). A Stride or Dilation of 0 is read as 1.
type Conv struct{ Stride, Padding, Dilation [2]int }

// SamePadding are the steps of a convolution with stride 1 that keeps the size of the maps, for a kernel with odd sides.
func SamePadding(kernel, dilation [2]int) Conv {
	return Conv{Dilation: dilation, Padding: [2]int{dilation[0] * (kernel[0] / 2), dilation[1] * (kernel[1] / 2)}}
}

// Conv2D convolves channels-last maps x (b, H, W, in) with weight (out, in, kh, kw) to (b, H', W', out). bias (out) may be
// nil. A sequence (b, n, d) is convolved as maps (b, 1, n, d) with a kernel of height 1.
func (g *Graph) Conv2D(x, weight, bias *Value, c Conv) *Value {
	return g.Conv2DWith(x, weight, bias, c, device.Identity, nil)
}

// Conv2DWith is plus + act(conv(x) + bias), see [Graph.Conv2D]; plus has the shape of the result and may be nil.
func (g *Graph) Conv2DWith(x, weight, bias *Value, c Conv, activation device.Activation, plus *Value) *Value {
	if len(x.Shape) != 4 || len(weight.Shape) != 4 || weight.Shape[1] != x.Shape[3] || bias != nil && bias.Size() != weight.Shape[0] {
		return g.Fail(x.Shape, "convolution: maps %v (batch, height, width, channels) do not fit the weight %v", x.Shape, weight.Shape)
	}
	for i := range 2 {
		c.Stride[i], c.Dilation[i] = max(c.Stride[i], 1), max(c.Dilation[i], 1)
	}
	w := device.Windows{Batch: x.Shape[0], Height: x.Shape[1], Width: x.Shape[2], Channels: x.Shape[3], Out: weight.Shape[0],
		Kernel: [2]int(weight.Shape[2:]), Stride: c.Stride, Padding: c.Padding, Dilation: c.Dilation}
	for _, n := range slices.Concat(x.Shape, weight.Shape, c.Stride[:], c.Padding[:], c.Dilation[:]) {
		if n < 0 || n > math.MaxInt32 {
			return g.Fail(x.Shape, "convolution: a size is %d, want at most %d: maps %v, weight %v, stride %v, padding %v, dilation %v", n, math.MaxInt32,
				x.Shape, weight.Shape, c.Stride[:], c.Padding[:], c.Dilation[:])
		}
	}
	shape := []int{w.Batch, w.OutHeight(), w.OutWidth(), w.Out}
	if shape[1] < 1 || shape[2] < 1 {
		return g.Fail(x.Shape, "convolution: maps of %d×%d with padding %v are smaller than the kernel %v with dilation %v",
			w.Height, w.Width, c.Padding[:], w.Kernel[:], c.Dilation[:])
	}
	if plus != nil && !slices.Equal(plus.Shape, shape) {
		return g.Fail(shape, "convolution: the result %v cannot be added to %v, which has another shape", shape, plus.Shape)
	}
	if g.err != nil {
		return &Value{Shape: shape}
	}
	y := g.value("convolution", shape)
	if g.err != nil {
		return y
	}
	y.kept = g.keepPre(activation, y.Size())
	op := &device.Conv{X: x.buffer, Weight: weight.buffer, Bias: bias.Buffer(), Y: y.buffer, Plus: plus.Buffer(), Pre: y.kept,
		Activation: activation, Windows: w}
	return g.residual(plus, g.record(op, y, func(dy device.Buffer) {
		dy = g.beforeActivation(activation, y.kept, dy)
		if dw, sum := g.contribution(weight); dw != 0 {
			g.emit(&device.ConvWeightGrad{X: x.buffer, DY: dy, DWeight: dw, Plus: sum, Windows: w})
		}
		if db, sum := g.contribution(bias); db != 0 {
			g.emit(&device.Reduce{Reduction: device.Sum, X: dy, Y: db, Plus: sum, Outer: 1, Axis: w.OutSize() / w.Out, Inner: w.Out, Scale: 1})
		}
		if dx, sum := g.contribution(x); dx != 0 {
			g.emit(&device.ConvInputGrad{DY: dy, Weight: weight.buffer, DX: dx, Plus: sum, Windows: w})
		}
	}, x, weight, bias, plus))
}

// PatchConv2D is [Graph.Conv2D] with a square kernel, recorded as a product of gathered patches, which are kept in memory for
// the gradient. It adds in another order, so that RaMLP, whose scores and weights people have, is still recorded with it.
func (g *Graph) PatchConv2D(x, weight, bias *Value, stride, padding int) *Value {
	if len(x.Shape) != 4 || len(weight.Shape) != 4 || weight.Shape[1] != x.Shape[3] || weight.Shape[2] != weight.Shape[3] {
		return g.Fail(x.Shape, "convolution: maps %v (batch, height, width, channels) do not fit the weight %v", x.Shape, weight.Shape)
	}
	m := device.Maps{Batch: x.Shape[0], Height: x.Shape[1], Width: x.Shape[2], Channels: x.Shape[3],
		Kernel: weight.Shape[2], Stride: stride, Padding: padding}
	if m.Height+2*padding < m.Kernel || m.Width+2*padding < m.Kernel {
		return g.Fail(x.Shape, "convolution: maps of %d×%d are smaller than the kernel of %d", m.Height, m.Width, m.Kernel)
	}
	shape := []int{m.Batch, m.OutHeight(), m.OutWidth(), m.Kernel * m.Kernel * m.Channels}
	if g.err != nil {
		shape[3] = weight.Shape[0]
		return &Value{Shape: shape}
	}
	columns := g.value("patches", shape)
	g.record(&device.Im2Col{X: x.buffer, Y: columns.buffer, Maps: m}, columns, func(dy device.Buffer) {
		if g.needed[x.buffer-1] {
			d := g.buffer("maps gradient", x.Size())
			g.emit(&device.Col2Im{Y: dy, X: d, Maps: m})
			g.pass(x, d)
		}
	}, x)
	return g.Linear(columns, g.Permute(weight, 0, 2, 3, 1), bias, device.Identity, nil)
}

// DepthwiseConv convolves each channel of channels-last maps x (b, H, W, c) with its own kernel of weight (c, 1, k, k),
// k odd, keeping the maps' size, and adds plus, which may be nil.
func (g *Graph) DepthwiseConv(x, weight, plus *Value) *Value {
	if len(x.Shape) != 4 || len(weight.Shape) != 4 || weight.Shape[0] != x.Shape[3] || weight.Shape[2] != weight.Shape[3] || weight.Shape[2]%2 == 0 {
		return g.Fail(x.Shape, "depthwise convolution: maps %v (batch, height, width, channels) do not fit the weight %v", x.Shape, weight.Shape)
	}
	if g.err != nil {
		return x
	}
	k := weight.Shape[2]
	m := device.Maps{Batch: x.Shape[0], Height: x.Shape[1], Width: x.Shape[2], Channels: x.Shape[3], Kernel: k, Stride: 1, Padding: k / 2}
	y := g.value("depthwise convolution", x.Shape)
	op := &device.DepthwiseConv{X: x.buffer, Weight: weight.buffer, Y: y.buffer, Plus: plus.Buffer(), Maps: m}
	return g.residual(plus, g.record(op, y, func(dy device.Buffer) {
		if dw, sum := g.contribution(weight); dw != 0 {
			g.emit(&device.DepthwiseConvGrad{X: x.buffer, DY: dy, DWeight: dw, Plus: sum, Maps: m})
		}
		if dx, sum := g.contribution(x); dx != 0 {
			g.emit(&device.DepthwiseConv{X: dy, Weight: weight.buffer, Y: dx, Plus: sum, Maps: m, Flip: true})
		}
	}, x, weight, plus))
}
