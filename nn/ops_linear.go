package nn

import (
	"slices"

	"mixmas/nn/device"
)

// Linear is act(x Wᵀ + b) + plus over the last dimension of x: weight is (out, in), or has any shape with in elements per
// row; bias and plus may be nil.
func (g *Graph) Linear(x, weight, bias *Value, activation device.Activation, plus *Value) *Value {
	if len(x.Shape) == 0 || len(weight.Shape) < 2 {
		return g.Fail(x.Shape, "linear: shapes %v and %v are too small", x.Shape, weight.Shape)
	}
	in, out := x.Shape[len(x.Shape)-1], weight.Shape[0]
	shape := append(slices.Clone(x.Shape[:len(x.Shape)-1]), out)
	if g.err != nil {
		return &Value{Shape: shape}
	}
	if want := size(weight.Shape[1:]); in != want {
		return g.Fail(shape, "linear %s: the input %v has %d features, the weight %v needs %d",
			g.buffers[weight.buffer-1].Name, x.Shape, in, weight.Shape, want)
	}
	if plus != nil && !slices.Equal(plus.Shape, shape) {
		return g.Fail(shape, "linear: the result %v cannot be added to %v, which has another shape", shape, plus.Shape)
	}
	return g.linear(overFeatures{rows: x.Size() / in, in: in, out: out}, shape, x, weight, bias, activation, plus)
}

// LinearTokens is W x + b + plus over the tokens of x (b, n, d), for each feature alike: weight is (out, n), bias (out) and the
// result (b, out, d); bias and plus may be nil.
func (g *Graph) LinearTokens(x, weight, bias, plus *Value) *Value {
	if len(x.Shape) != 3 || len(weight.Shape) != 2 {
		return g.Fail(x.Shape, "linear over tokens: want tokens (batch, tokens, features) and a matrix, got %v and %v", x.Shape, weight.Shape)
	}
	l := overTokens{batch: x.Shape[0], in: x.Shape[1], out: weight.Shape[0], width: x.Shape[2]}
	shape := []int{l.batch, l.out, l.width}
	if g.err != nil {
		return &Value{Shape: shape}
	}
	if l.in != weight.Shape[1] {
		return g.Fail(shape, "linear %s: the input %v has %d tokens, the weight %v needs %d",
			g.buffers[weight.buffer-1].Name, x.Shape, l.in, weight.Shape, weight.Shape[1])
	}
	if plus != nil && !slices.Equal(plus.Shape, shape) {
		return g.Fail(shape, "linear over tokens: the result %v cannot be added to %v, which has another shape", shape, plus.Shape)
	}
	return g.linear(l, shape, x, weight, bias, device.Identity, plus)
}

// linear records act(l(x)) + plus.
func (g *Graph) linear(l linear, shape []int, x, weight, bias *Value, activation device.Activation, plus *Value) *Value {
	y := g.value("linear", shape)
	y.kept = g.keepPre(activation, y.Size())
	op := l.product(weight, bias, x.buffer, y.buffer)
	op.Activation, op.Pre, op.Plus = activation, y.kept, plus.Buffer()
	return g.residual(plus, g.record(op, y, func(dy device.Buffer) {
		g.linearGradients(l, x, weight, bias, g.beforeActivation(activation, y.kept, dy))
	}, x, weight, bias, plus))
}

// linearGradients records the gradients of y = l(x).
func (g *Graph) linearGradients(l linear, x, weight, bias *Value, dy device.Buffer) {
	l.weightGradients(g, weight, bias, x.buffer, dy)
	if dx, plus := g.contribution(x); dx != 0 {
		op := l.inputGradient(weight, dy, dx)
		op.Plus = plus
		g.emit(op)
	}
}

// linear is a linear layer of given sizes as matrix products.
type linear interface {
	// product is the layer itself.
	product(weight, bias *Value, x, y device.Buffer) *device.MatMul
	// inputGradient computes dx from dy.
	inputGradient(weight *Value, dy, dx device.Buffer) *device.MatMul
	// weightGradients records the gradients of the weight and the bias.
	weightGradients(g *Graph, weight, bias *Value, x, dy device.Buffer)
}

// overFeatures is y = x Wᵀ + b, with x (rows, in) and W (out, in).
type overFeatures struct{ rows, in, out int }

func (l overFeatures) product(weight, bias *Value, x, y device.Buffer) *device.MatMul {
	return &device.MatMul{A: x, B: weight.buffer, C: y, TransB: true, M: l.rows, N: l.out, K: l.in,
		LDA: l.in, LDB: l.in, LDC: l.out, Batch: [2]int{1, 1}, Bias: bias.Buffer()}
}

func (l overFeatures) inputGradient(weight *Value, dy, dx device.Buffer) *device.MatMul {
	return &device.MatMul{A: dy, B: weight.buffer, C: dx, M: l.rows, N: l.in, K: l.out,
		LDA: l.out, LDB: l.in, LDC: l.in, Batch: [2]int{1, 1}}
}

func (l overFeatures) weightGradients(g *Graph, weight, bias *Value, x, dy device.Buffer) {
	if dw, plus := g.contribution(weight); dw != 0 {
		g.emit(&device.MatMul{A: dy, B: x, C: dw, Plus: plus, TransA: true, M: l.out, N: l.in, K: l.rows,
			LDA: l.out, LDB: l.in, LDC: l.in, Batch: [2]int{1, 1}})
	}
	if db, plus := g.contribution(bias); db != 0 {
		g.emit(&device.Reduce{Reduction: device.Sum, X: dy, Y: db, Plus: plus, Outer: 1, Axis: l.rows, Inner: l.out, Scale: 1})
	}
}

// overTokens is y = W x + b for each of batch samples x (in, width), with W (out, in) and one element of b per row. The
// weight multiplies from the left, so that nothing has to be transposed.
type overTokens struct{ batch, in, out, width int }

func (l overTokens) product(weight, bias *Value, x, y device.Buffer) *device.MatMul {
	return &device.MatMul{A: weight.buffer, B: x, C: y, M: l.out, N: l.width, K: l.in, LDA: l.in, LDB: l.width, LDC: l.width,
		Batch: [2]int{l.batch, 1}, StrideB: [2]int{l.in * l.width}, StrideC: [2]int{l.out * l.width}, Bias: bias.Buffer(), BiasRows: true}
}

func (l overTokens) inputGradient(weight *Value, dy, dx device.Buffer) *device.MatMul {
	return &device.MatMul{A: weight.buffer, B: dy, C: dx, TransA: true, M: l.in, N: l.width, K: l.out,
		LDA: l.in, LDB: l.width, LDC: l.width, Batch: [2]int{l.batch, 1}, StrideB: [2]int{l.out * l.width}, StrideC: [2]int{l.in * l.width}}
}

func (l overTokens) weightGradients(g *Graph, weight, bias *Value, x, dy device.Buffer) {
	if dw, plus := g.contribution(weight); dw != 0 {
		g.emit(&device.MatMul{A: dy, B: x, C: dw, Plus: plus, TransB: true, M: l.out, N: l.in, K: l.width,
			LDA: l.width, LDB: l.width, LDC: l.in, Batch: [2]int{l.batch, 1}, StrideA: [2]int{l.out * l.width}, StrideB: [2]int{l.in * l.width}})
	}
	if db, plus := g.contribution(bias); db != 0 {
		rows := g.buffer("token bias gradient", l.batch, l.out)
		g.emit(&device.Reduce{Reduction: device.Sum, X: dy, Y: rows, Outer: l.batch * l.out, Axis: l.width, Inner: 1, Scale: 1})
		g.emit(&device.Reduce{Reduction: device.Sum, X: rows, Y: db, Plus: plus, Outer: 1, Axis: l.batch, Inner: l.out, Scale: 1})
	}
}
