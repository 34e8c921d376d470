package nn

import (
	"slices"

	"mixmas/nn/device"
)

// Activate applies an activation to each element.
func (g *Graph) Activate(x *Value, a device.Activation) *Value {
	if g.err != nil || a == device.Identity {
		return x
	}
	y, n := g.value(a.String(), x.Shape), x.Size()
	return g.record(&device.Map{Activation: a, X: x.buffer, Y: y.buffer, N: n}, y, func(dy device.Buffer) {
		if dx, plus := g.contribution(x); dx != 0 {
			g.emit(&device.MapGrad{Activation: a, X: x.buffer, DY: dy, DX: dx, Plus: plus, N: n})
		}
	}, x)
}

// GELU is x Φ(x), exact.
func (g *Graph) GELU(x *Value) *Value { return g.Activate(x, device.GELU) }

// ReLU is max(x, 0).
func (g *Graph) ReLU(x *Value) *Value { return g.Activate(x, device.ReLU) }

// Sigmoid is 1/(1 + e⁻ˣ).
func (g *Graph) Sigmoid(x *Value) *Value { return g.Activate(x, device.Sigmoid) }

// Tanh is the hyperbolic tangent of x.
func (g *Graph) Tanh(x *Value) *Value { return g.Activate(x, device.Tanh) }

// SiLU is x/(1 + e⁻ˣ).
func (g *Graph) SiLU(x *Value) *Value { return g.Activate(x, device.SiLU) }

// Dropout drops elements with probability p in training; in evaluation it returns x itself.
func (g *Graph) Dropout(x *Value, p float64) *Value {
	if g.err != nil || p == 0 || g.mode != Training {
		return x
	}
	y, n, number := g.value("dropout", x.Shape), x.Size(), g.dropouts
	g.dropouts++
	return g.record(&device.Dropout{X: x.buffer, Y: y.buffer, N: n, P: p, Number: number}, y, func(dy device.Buffer) {
		if g.needed[x.buffer-1] {
			d := g.buffer("dropout gradient", n)
			g.emit(&device.Dropout{X: dy, Y: d, N: n, P: p, Number: number})
			g.pass(x, d)
		}
	}, x)
}

// Add is a + b, with broadcasting: dimensions are aligned at the end, and one of length 1 is repeated.
func (g *Graph) Add(a, b *Value) *Value { return g.binary(device.Add, a, b) }

// Mul is a b element by element, with broadcasting.
func (g *Graph) Mul(a, b *Value) *Value { return g.binary(device.Mul, a, b) }

// Div is a / b element by element, with broadcasting. No gradient flows to b.
func (g *Graph) Div(a, b *Value) *Value { return g.binary(device.Div, a, b) }

// broadcast returns the common shape of two shapes, or false if there is none.
func broadcast(a, b []int) ([]int, bool) {
	shape := make([]int, max(len(a), len(b)))
	for i := range shape {
		da, db := 1, 1
		if j := i - len(shape) + len(a); j >= 0 {
			da = a[j]
		}
		if j := i - len(shape) + len(b); j >= 0 {
			db = b[j]
		}
		if da != db && da != 1 && db != 1 {
			return nil, false
		}
		shape[i] = max(da, db)
	}
	return shape, true
}

// broadcastStrides returns the strides with which a tensor of shape from is read as one of shape to.
func broadcastStrides(from, to []int) []int {
	s := make([]int, len(to))
	own := strides(from)
	for i := range s {
		if j := i - len(to) + len(from); j >= 0 && from[j] != 1 {
			s[i] = own[j]
		}
	}
	return s
}

func (g *Graph) binary(op device.Arithmetic, a, b *Value) *Value {
	shape, ok := broadcast(a.Shape, b.Shape)
	if !ok {
		return g.Fail(a.Shape, "%s: shapes %v and %v do not fit", op, a.Shape, b.Shape)
	}
	if g.err != nil {
		return &Value{Shape: shape}
	}
	y := g.value(op.String(), shape)
	sa, sb := broadcastStrides(a.Shape, shape), broadcastStrides(b.Shape, shape)
	forward := &device.Binary{Arithmetic: op, A: a.buffer, B: b.buffer, Y: y.buffer, Shape: shape, StridesA: sa, StridesB: sb}
	return g.record(forward, y, func(dy device.Buffer) {
		switch op {
		case device.Add:
			g.reduceTo(a, dy, shape)
			g.reduceTo(b, dy, shape)
		case device.Mul:
			g.factorGradient(device.Mul, a, b, dy, shape, sb)
			g.factorGradient(device.Mul, b, a, dy, shape, sa)
		case device.Div:
			g.factorGradient(device.Div, a, b, dy, shape, sb)
		}
	}, a, b)
}

// factorGradient adds dy ∘ other to the gradient of x; other has the given strides over shape.
func (g *Graph) factorGradient(op device.Arithmetic, x, other *Value, dy device.Buffer, shape, stride []int) {
	if !g.needed[x.buffer-1] {
		return
	}
	product := &device.Binary{Arithmetic: op, A: dy, B: other.buffer, Shape: shape, StridesA: strides(shape), StridesB: stride}
	if x.Size() == size(shape) {
		product.Y, product.Plus = g.contribution(x)
		g.emit(product)
		return
	}
	product.Y = g.buffer(op.String()+" gradient", size(shape))
	g.emit(product)
	g.reduceTo(x, product.Y, shape)
}

// reduceTo adds to the gradient of x the sum of d, a gradient of the given shape, over the dimensions along which x was
// broadcast.
func (g *Graph) reduceTo(x *Value, d device.Buffer, shape []int) {
	if !g.needed[x.buffer-1] {
		return
	}
	own := make([]int, len(shape)-len(x.Shape), len(shape))
	for i := range own {
		own[i] = 1
	}
	own = append(own, x.Shape...)
	shape = slices.Clone(shape)
	for i := 0; i < len(shape); i++ {
		if own[i] == shape[i] {
			continue
		}
		j := i // the run of repeated dimensions i ≤ k < j
		for j < len(shape) && own[j] == 1 {
			j++
		}
		sum := &device.Reduce{Reduction: device.Sum, X: d, Outer: size(shape[:i]), Axis: size(shape[i:j]), Inner: size(shape[j:]), Scale: 1}
		for k := i; k < j; k++ {
			shape[k] = 1
		}
		if slices.Equal(shape, own) {
			sum.Y, sum.Plus = g.contribution(x)
			g.emit(sum)
			return
		}
		sum.Y = g.buffer("broadcast gradient", size(shape))
		g.emit(sum)
		d = sum.Y
	}
	g.pass(x, d)
}

// Sum adds up the elements along an axis and removes the axis.
func (g *Graph) Sum(x *Value, axis int) *Value { return g.sum(x, axis, 1) }

// Mean averages the elements along an axis and removes the axis.
func (g *Graph) Mean(x *Value, axis int) *Value {
	if axis >= len(x.Shape) {
		return g.sum(x, axis, 1)
	}
	return g.sum(x, axis, 1/float32(x.Shape[axis]))
}

// split returns the sizes before, of and after an axis, and the shape without it.
func split(shape []int, axis int) (outer, n, inner int, rest []int) {
	rest = slices.Delete(slices.Clone(shape), axis, axis+1)
	return size(shape[:axis]), shape[axis], size(shape[axis+1:]), rest
}

func (g *Graph) sum(x *Value, axis int, scale float32) *Value {
	if axis >= len(x.Shape) {
		return g.Fail(x.Shape, "sum: %v has no axis %d", x.Shape, axis)
	}
	outer, n, inner, rest := split(x.Shape, axis)
	if g.err != nil {
		return &Value{Shape: rest}
	}
	y := g.value("sum", rest)
	op := &device.Reduce{Reduction: device.Sum, X: x.buffer, Y: y.buffer, Outer: outer, Axis: n, Inner: inner, Scale: scale}
	return g.record(op, y, func(dy device.Buffer) {
		if dx, plus := g.contribution(x); dx != 0 {
			g.emit(assemble("sum_grad", dx, x.Size(), plus, device.Piece{Source: dy, Scale: scale, Shape: []int{outer, n, inner},
				SourceStrides: []int{inner, 0, 1}, TargetStrides: []int{n * inner, inner, 1}}))
		}
	}, x)
}

// Max takes the largest element along an axis and removes the axis. The gradient goes to the first of equal elements.
func (g *Graph) Max(x *Value, axis int) *Value {
	if axis >= len(x.Shape) {
		return g.Fail(x.Shape, "max: %v has no axis %d", x.Shape, axis)
	}
	outer, n, inner, rest := split(x.Shape, axis)
	if g.err != nil {
		return &Value{Shape: rest}
	}
	y := g.value("max", rest)
	y.kept = g.buffer("max index", y.Size())
	op := &device.Reduce{Reduction: device.Max, X: x.buffer, Y: y.buffer, Index: y.kept, Outer: outer, Axis: n, Inner: inner}
	return g.record(op, y, func(dy device.Buffer) {
		if g.needed[x.buffer-1] {
			d := g.buffer("max gradient", x.Size())
			g.emit(&device.MaxGrad{DY: dy, Index: y.kept, DX: d, Outer: outer, Axis: n, Inner: inner})
			g.pass(x, d)
		}
	}, x)
}
