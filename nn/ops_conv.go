package nn

import "mixmas/nn/device"

// Conv2D convolves channels-last maps x (b, H, W, in) with weight (out, in, k, k) to (b, H', W', out), as a product of
// gathered patches. bias (out) may be nil.
func (g *Graph) Conv2D(x, weight, bias *Value, stride, padding int) *Value {
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
