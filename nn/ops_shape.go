package nn

import (
	"fmt"
	"slices"

	"mixmas/nn/device"
)

// strides returns the strides of a contiguous tensor.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

// whole returns the piece that copies all n elements of a buffer, multiplied by scale.
func whole(source device.Buffer, n int, scale float32) device.Piece {
	return device.Piece{Source: source, Shape: []int{n}, SourceStrides: []int{1}, TargetStrides: []int{1}, Scale: scale}
}

func assemble(kind string, y device.Buffer, n int, base device.Buffer, pieces ...device.Piece) *device.Assemble {
	covered := 0
	for _, p := range pieces {
		covered += size(p.Shape)
	}
	return &device.Assemble{Kind: kind, Y: y, N: n, Base: base, Pieces: pieces, Covered: covered == n}
}

// reversed returns the piece that carries a gradient back from p's target to p's source.
func reversed(p device.Piece, dy device.Buffer) device.Piece {
	return device.Piece{Source: dy, Shape: p.Shape, Scale: p.Scale,
		SourceOffset: p.TargetOffset, SourceStrides: p.TargetStrides,
		TargetOffset: p.SourceOffset, TargetStrides: p.SourceStrides}
}

// gather records y, assembled from one piece of each of the values xs, and their gradients as the reversed pieces.
func (g *Graph) gather(kind string, shape []int, xs []*Value, pieces []device.Piece) *Value {
	if g.err != nil {
		return &Value{Shape: shape}
	}
	y := g.value(kind, shape)
	if g.err != nil {
		return y
	}
	for i := range pieces {
		pieces[i].Source, pieces[i].Scale = xs[i].buffer, 1
	}
	return g.record(assemble(kind, y.buffer, y.Size(), 0, pieces...), y, func(dy device.Buffer) {
		for i, x := range xs {
			if dx, plus := g.contribution(x); dx != 0 {
				g.emit(assemble(kind+"_grad", dx, x.Size(), plus, reversed(pieces[i], dy)))
			}
		}
	}, xs...)
}

// Permute reorders dimensions: dimension i of the result is dimension axes[i] of x.
func (g *Graph) Permute(x *Value, axes ...int) *Value {
	shape := make([]int, len(axes))
	source := make([]int, len(axes))
	if sorted := slices.Sorted(slices.Values(axes)); len(axes) != len(x.Shape) || sorted[0] != 0 || sorted[len(axes)-1] != len(axes)-1 {
		return g.Fail(x.Shape, "permute: axes %v do not order the dimensions of %v", fmt.Sprint(axes), x.Shape)
	}
	from := strides(x.Shape)
	for i, a := range axes {
		shape[i], source[i] = x.Shape[a], from[a]
	}
	return g.gather("permute", shape, []*Value{x}, []device.Piece{
		{Shape: shape, SourceStrides: source, TargetStrides: strides(shape)}})
}

// Transpose swaps the last two dimensions.
func (g *Graph) Transpose(x *Value) *Value {
	axes := make([]int, len(x.Shape))
	for i := range axes {
		axes[i] = i
	}
	n := len(axes)
	if n < 2 {
		return g.Fail(x.Shape, "transpose: %v has fewer than two dimensions", x.Shape)
	}
	axes[n-2], axes[n-1] = n-1, n-2
	return g.Permute(x, axes...)
}

// Pad appends zeros to the end of an axis until it has length n.
func (g *Graph) Pad(x *Value, axis, n int) *Value {
	shape := slices.Clone(x.Shape)
	if axis >= len(shape) || n < shape[axis] {
		return g.Fail(x.Shape, "pad: axis %d of %v cannot grow to %d", axis, x.Shape, n)
	}
	if n == shape[axis] {
		return x
	}
	shape[axis] = n
	return g.gather("pad", shape, []*Value{x}, []device.Piece{
		{Shape: x.Shape, SourceStrides: strides(x.Shape), TargetStrides: strides(shape)}})
}

// Slice keeps the indices from ≤ i < to of an axis.
func (g *Graph) Slice(x *Value, axis, from, to int) *Value {
	shape := slices.Clone(x.Shape)
	if axis >= len(shape) || from < 0 || to > shape[axis] || from >= to {
		return g.Fail(x.Shape, "slice: %d..%d of axis %d does not fit %v", from, to, axis, x.Shape)
	}
	if to-from == shape[axis] {
		return x
	}
	shape[axis] = to - from
	source := strides(x.Shape)
	return g.gather("slice", shape, []*Value{x}, []device.Piece{
		{Shape: shape, SourceOffset: from * source[axis], SourceStrides: source, TargetStrides: strides(shape)}})
}

// Concat joins values along an axis. Their other dimensions must agree.
func (g *Graph) Concat(axis int, xs ...*Value) *Value {
	shape := slices.Clone(xs[0].Shape)
	if axis >= len(shape) {
		return g.Fail(shape, "concat: %v has no axis %d", shape, axis)
	}
	shape[axis] = 0
	for _, x := range xs {
		want := slices.Clone(x.Shape)
		if len(want) == len(shape) {
			want[axis] = shape[axis]
		}
		if !slices.Equal(want, shape) {
			return g.Fail(xs[0].Shape, "concat along axis %d: %v does not fit %v", axis, x.Shape, xs[0].Shape)
		}
		shape[axis] += x.Shape[axis]
	}
	target := strides(shape)
	pieces := make([]device.Piece, len(xs))
	at := 0
	for i, x := range xs {
		pieces[i] = device.Piece{Shape: x.Shape, SourceStrides: strides(x.Shape),
			TargetOffset: at * target[axis], TargetStrides: target}
		at += x.Shape[axis]
	}
	return g.gather("concat", shape, xs, pieces)
}

// Scale multiplies by a constant.
func (g *Graph) Scale(x *Value, c float64) *Value {
	if g.err != nil {
		return x
	}
	y, n := g.value("scale", x.Shape), x.Size()
	return g.record(assemble("scale", y.buffer, n, 0, whole(x.buffer, n, float32(c))), y, func(dy device.Buffer) {
		if dx, plus := g.contribution(x); dx != 0 {
			g.emit(assemble("scale_grad", dx, n, plus, whole(dy, n, float32(c))))
		}
	}, x)
}
