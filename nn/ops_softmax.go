package nn

import (
	"slices"

	"mixmas/nn/device"
)

// Softmax turns the last dimension of x into shares that add up to 1. A mask, which may be nil, is 1 where an element may have
// a share and 0 where its share is 0. It has the last dimension of x and the first ones, as many as it has others: (b, n) for x
// (b, heads, n, n) masks the same elements in all rows of a sample. Where it leaves nothing, all shares are 0. No gradient
// flows to the mask.
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
