package nn

import (
	"slices"

	"mixmas/nn/device"
)

// MLPWeights are the two layers of an MLP: hidden (h, in) and (h), out (out, h) and (out). The biases may be nil.
type MLPWeights struct{ W1, B1, W2, B2 *Value }

// MLP is plus + drop(W2 drop(gelu(W1 x + b1)) + b2) over the last dimension of x (the channel MLP of Tolstikhin et al.
// 2021). plus may be nil. Its backward pass is recorded by hand: the gradient of the hidden layer is multiplied by gelu' as
// it comes out of the product.
func (g *Graph) MLP(x *Value, w MLPWeights, dropout float64, plus *Value) *Value {
	return g.mlp(x, w, dropout, plus, nil)
}

// mlp is MLP; mixing, which may be nil, makes a composite of its gradient.
func (g *Graph) mlp(x *Value, w MLPWeights, dropout float64, plus *Value, mixing gradientOf) *Value {
	if g.err != nil {
		return x
	}
	if g.mode != Training {
		dropout = 0
	}
	in, hidden, out := x.Shape[len(x.Shape)-1], w.W1.Shape[0], w.W2.Shape[0]
	shape := append(slices.Clone(x.Shape[:len(x.Shape)-1]), out)
	if w.W1.Shape[1] != in || w.W2.Shape[1] != hidden {
		return g.Fail(shape, "mlp %s: the input %v has %d features, the weights are %v and %v",
			g.buffers[w.W1.buffer-1].Name, x.Shape, in, w.W1.Shape, w.W2.Shape)
	}
	if dropout > 0 || !g.gradients {
		return g.layers(g.Linear(x, w.W1, w.B1, device.GELU, nil), dropout, plus, func(h, plus *Value) *Value {
			return g.Linear(h, w.W2, w.B2, device.Identity, plus)
		})
	}
	if plus != nil && !slices.Equal(plus.Shape, shape) {
		return g.Fail(shape, "mlp: the result %v does not fit %v, to which it is added", shape, plus.Shape)
	}
	rows := x.Size() / in
	pre, h, y := g.buffer("mlp pre-activation", rows, hidden), g.buffer("mlp hidden", rows, hidden), g.value("mlp", shape)
	g.emit(&device.MatMul{A: x.buffer, B: w.W1.buffer, C: h, Pre: pre, TransB: true, M: rows, N: hidden, K: in,
		LDA: in, LDB: in, LDC: hidden, Batch: [2]int{1, 1}, Bias: bufferOf(w.B1), Activation: device.GELU})
	last := &device.MatMul{A: h, B: w.W2.buffer, C: y.buffer, Plus: bufferOf(plus), TransB: true, M: rows, N: out, K: hidden,
		LDA: hidden, LDB: hidden, LDC: out, Batch: [2]int{1, 1}, Bias: bufferOf(w.B2)}
	return g.record(last, y, func(dy device.Buffer) {
		g.pass(plus, dy)
		g.composeGradient(mixing, dy, func() {
			kept := &Value{Shape: []int{rows, hidden}, buffer: h} // its gradient is not wanted as such: needed is false
			g.linearGradients(kept, w.W2, w.B2, dy, rows, hidden, out)
			d := g.buffer("mlp hidden gradient", rows, hidden)
			g.emit(&device.MatMul{A: dy, B: w.W2.buffer, C: d, Gate: pre, Activation: device.GELU, M: rows, N: hidden, K: out,
				LDA: out, LDB: hidden, LDC: hidden, Batch: [2]int{1, 1}})
			g.linearGradients(x, w.W1, w.B1, d, rows, in, hidden)
		})
	}, x, w.W1, w.B1, w.W2, w.B2, plus)
}

// layers is plus + drop(second(drop(h))), layer by layer.
func (g *Graph) layers(h *Value, dropout float64, plus *Value, second func(h, plus *Value) *Value) *Value {
	h = g.Dropout(h, dropout)
	if dropout == 0 {
		return second(h, plus)
	}
	y := g.Dropout(second(h, nil), dropout)
	if plus == nil {
		return y
	}
	return g.Add(plus, y)
}

// TokenMLP is the same MLP over the tokens of x (b, n, d): plus + W2 gelu(W1 x + b1) + b2 for each sample, with W1 (t, n)
// and W2 (n, t) applied from the left, so that nothing is transposed.
func (g *Graph) TokenMLP(x *Value, w MLPWeights, dropout float64, plus *Value) *Value {
	return g.tokenMLP(x, w, dropout, plus, nil)
}

func (g *Graph) tokenMLP(x *Value, w MLPWeights, dropout float64, plus *Value, mixing gradientOf) *Value {
	if g.err != nil {
		return x
	}
	if len(x.Shape) != 3 || w.W1.Shape[1] != x.Shape[1] || w.W2.Shape[0] != x.Shape[1] {
		return g.Fail(x.Shape, "token mlp %s: the input %v does not have the %d tokens that the weights want",
			g.buffers[w.W1.buffer-1].Name, x.Shape, w.W1.Shape[1])
	}
	if g.mode != Training {
		dropout = 0
	}
	if dropout > 0 || !g.gradients {
		return g.layers(g.leftLinear(w.W1, w.B1, x, device.GELU, nil), dropout, plus, func(h, plus *Value) *Value {
			return g.leftLinear(w.W2, w.B2, h, device.Identity, plus)
		})
	}
	b, n, d := x.Shape[0], x.Shape[1], x.Shape[2]
	t := w.W1.Shape[0]
	pre, h, y := g.buffer("token mlp pre-activation", b, t, d), g.buffer("token mlp hidden", b, t, d), g.value("token mlp", x.Shape)
	first := g.left(w.W1, w.B1, x.buffer, h, b, t, n, d)
	first.Pre, first.Activation = pre, device.GELU
	g.emit(first)
	last := g.left(w.W2, w.B2, h, y.buffer, b, n, t, d)
	last.Plus = bufferOf(plus)
	return g.record(last, y, func(dy device.Buffer) {
		g.pass(plus, dy)
		g.composeGradient(mixing, dy, func() {
			kept := &Value{Shape: []int{b, t, d}, buffer: h}
			g.leftGradients(w.W2, w.B2, kept, dy, b, n, t, d)
			dh := g.buffer("token mlp hidden gradient", b, t, d)
			g.emit(&device.MatMul{A: w.W2.buffer, B: dy, C: dh, Gate: pre, Activation: device.GELU, TransA: true, M: t, N: d, K: n,
				LDA: t, LDB: d, LDC: d, Batch: [2]int{b, 1}, StrideB: [2]int{n * d}, StrideC: [2]int{t * d}})
			g.leftGradients(w.W1, w.B1, x, dh, b, t, n, d)
		})
	}, x, w.W1, w.B1, w.W2, w.B2, plus)
}

// left is the product of an m×k weight with each of b k×d matrices, plus a bias a row.
func (g *Graph) left(w, bias *Value, x, y device.Buffer, b, m, k, d int) *device.MatMul {
	return &device.MatMul{A: w.buffer, B: x, C: y, M: m, N: d, K: k, LDA: k, LDB: d, LDC: d,
		Batch: [2]int{b, 1}, StrideB: [2]int{k * d}, StrideC: [2]int{m * d}, Bias: bufferOf(bias), BiasRows: true}
}

// leftLinear is act(W x + b) + plus for each sample of x (b, k, d).
func (g *Graph) leftLinear(w, bias, x *Value, activation device.Activation, plus *Value) *Value {
	b, k, d, m := x.Shape[0], x.Shape[1], x.Shape[2], w.Shape[0]
	if g.err != nil {
		return &Value{Shape: []int{b, m, d}}
	}
	y := g.value("token linear", []int{b, m, d})
	op := g.left(w, bias, x.buffer, y.buffer, b, m, k, d)
	op.Activation, op.Pre, op.Plus = activation, g.keepPre(activation, y.Size()), bufferOf(plus)
	return g.record(op, y, func(dy device.Buffer) {
		g.pass(plus, dy)
		g.leftGradients(w, bias, x, g.beforeActivation(activation, op.Pre, dy), b, m, k, d)
	}, w, bias, x, plus)
}

// leftGradients records the gradients of y = W x + b for each of b samples: W is m×k, x k×d.
func (g *Graph) leftGradients(w, bias, x *Value, dy device.Buffer, b, m, k, d int) {
	if dw, plus := g.contribution(w); dw != 0 {
		g.emit(&device.MatMul{A: dy, B: x.buffer, C: dw, Plus: plus, TransB: true, M: m, N: k, K: d,
			LDA: d, LDB: d, LDC: k, Batch: [2]int{b, 1}, StrideA: [2]int{m * d}, StrideB: [2]int{k * d}})
	}
	if db, plus := g.contribution(bias); db != 0 {
		rows := g.buffer("token bias gradient", b, m)
		g.emit(&device.Reduce{Reduction: device.Sum, X: dy, Y: rows, Outer: b * m, Axis: d, Inner: 1, Scale: 1})
		g.emit(&device.Reduce{Reduction: device.Sum, X: rows, Y: db, Plus: plus, Outer: 1, Axis: b, Inner: m, Scale: 1})
	}
	if dx, plus := g.contribution(x); dx != 0 {
		g.emit(&device.MatMul{A: w.buffer, B: dy, C: dx, Plus: plus, TransA: true, M: k, N: d, K: m,
			LDA: k, LDB: d, LDC: d, Batch: [2]int{b, 1}, StrideB: [2]int{m * d}, StrideC: [2]int{k * d}})
	}
}
