package nn

import (
	"slices"

	"mixmas/nn/device"
)

// Softmax turns the last dimension of x into shares that add up to 1. mask may be nil; it is 1 for elements that take part
// and 0 for those whose share is 0. Its last dimension is that of x, and its other dimensions are the first ones of x: a
// mask (b, n) for x (b, heads, n, n) masks the same elements in all rows of a sample. If all elements of a row are masked,
// all its shares are 0. No gradient flows to the mask.
func (g *Graph) Softmax(x, mask *Value) *Value {
	last := len(x.Shape) - 1
	if last < 0 {
		return g.Fail(x.Shape, "softmax: a value without dimensions has no last axis")
	}
	batch, repeat, width := 1, size(x.Shape[:last]), x.Shape[last]
	if mask != nil {
		n := len(mask.Shape) - 1
		if n < 0 || n > last || mask.Shape[n] != width || !slices.Equal(mask.Shape[:n], x.Shape[:n]) {
			return g.Fail(x.Shape, "softmax: a mask %v does not fit %v: want its first dimensions and its last one", mask.Shape, x.Shape)
		}
		batch, repeat = size(x.Shape[:n]), size(x.Shape[n:last])
	}
	if g.err != nil {
		return &Value{Shape: x.Shape}
	}
	y := g.value("softmax", x.Shape)
	op := &device.Softmax{X: x.buffer, Mask: mask.Buffer(), Y: y.buffer, Batch: batch, Repeat: repeat, Width: width}
	return g.record(op, y, func(dy device.Buffer) {
		if dx, plus := g.contribution(x); dx != 0 {
			g.emit(&device.SoftmaxGrad{Y: y.buffer, DY: dy, DX: dx, Plus: plus, Rows: batch * repeat, Width: width})
		}
	}, x)
}
