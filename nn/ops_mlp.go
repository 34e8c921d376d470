package nn

import (
	"slices"

	"mixmas/nn/device"
)

// MLPWeights are the two layers of an MLP: W1 (h, in), B1 (h), W2 (out, h) and B2 (out). The biases may be nil.
type MLPWeights struct{ W1, B1, W2, B2 *Value }

// MLP is plus + drop(W2 drop(gelu(W1 x + b1)) + b2) over the last dimension of x (the channel MLP of Tolstikhin et al.
// 2021). plus may be nil.
func (g *Graph) MLP(x *Value, w MLPWeights, dropout float64, plus *Value) *Value {
	if dropout > 0 && g.mode == Training {
		h := g.Dropout(g.Linear(x, w.W1, w.B1, device.GELU, nil), dropout)
		return g.addTo(plus, g.Dropout(g.Linear(h, w.W2, w.B2, device.Identity, nil), dropout))
	}
	_, y := g.channelMLP(x, w, plus)
	return g.residual(plus, y)
}

// TokenMLP is the same MLP over the tokens of x (b, n, d): plus + W2 gelu(W1 x + b1) + b2 for each sample, with W1 (t, n)
// and W2 (n, t) multiplying from the left, so that nothing has to be transposed.
func (g *Graph) TokenMLP(x *Value, w MLPWeights, dropout float64, plus *Value) *Value {
	if !g.fitsTokens(x, w) {
		return x
	}
	if dropout > 0 && g.mode == Training {
		first, second := tokenLayers(x, w)
		h := g.Dropout(g.linear(first, []int{first.batch, first.out, first.width}, x, w.W1, w.B1, device.GELU, nil), dropout)
		return g.addTo(plus, g.Dropout(g.linear(second, x.Shape, h, w.W2, w.B2, device.Identity, nil), dropout))
	}
	_, y := g.tokenMLP(x, w, plus)
	return g.residual(plus, y)
}

// channelMLP is plus + mlp(x) without dropout. The gradient of plus is left to the caller ([Graph.residual]).
func (g *Graph) channelMLP(x *Value, w MLPWeights, plus *Value) (hidden, y *Value) {
	if g.err != nil {
		return x, x
	}
	in, width, out := x.Shape[len(x.Shape)-1], w.W1.Shape[0], w.W2.Shape[0]
	shape := append(slices.Clone(x.Shape[:len(x.Shape)-1]), out)
	if w.W1.Shape[1] != in || w.W2.Shape[1] != width {
		y = g.Fail(shape, "mlp %s: the input %v has %d features, the weights are %v and %v",
			g.buffers[w.W1.buffer-1].Name, x.Shape, in, w.W1.Shape, w.W2.Shape)
		return y, y
	}
	if plus != nil && !slices.Equal(plus.Shape, shape) {
		y = g.Fail(shape, "mlp: the result %v cannot be added to %v, which has another shape", shape, plus.Shape)
		return y, y
	}
	rows := x.Size() / in
	return g.mlp(overFeatures{rows, in, width}, overFeatures{rows, width, out}, []int{rows, width}, shape, x, w, plus)
}

// tokenMLP is channelMLP over the tokens.
func (g *Graph) tokenMLP(x *Value, w MLPWeights, plus *Value) (hidden, y *Value) {
	if !g.fitsTokens(x, w) {
		return x, x
	}
	first, second := tokenLayers(x, w)
	return g.mlp(first, second, []int{first.batch, first.out, first.width}, x.Shape, x, w, plus)
}

// fitsTokens reports whether the weights fit the tokens of x, and records an error if they do not.
func (g *Graph) fitsTokens(x *Value, w MLPWeights) bool {
	if g.err == nil && (len(x.Shape) != 3 || w.W1.Shape[1] != x.Shape[1] || w.W2.Shape[0] != x.Shape[1]) {
		g.Fail(x.Shape, "token mlp %s: the input %v does not have the %d tokens that the weights need",
			g.buffers[w.W1.buffer-1].Name, x.Shape, w.W1.Shape[1])
	}
	return g.err == nil
}

func tokenLayers(x *Value, w MLPWeights) (first, second overTokens) {
	b, n, width, hidden := x.Shape[0], x.Shape[1], x.Shape[2], w.W1.Shape[0]
	return overTokens{b, n, hidden, width}, overTokens{b, hidden, n, width}
}

// mlp is plus + second(gelu(first(x))). Its backward pass is recorded by hand: the gradient of the hidden layer is
// multiplied by gelu' in the epilogue of its product.
func (g *Graph) mlp(first, second linear, hiddenShape, shape []int, x *Value, w MLPWeights, plus *Value) (hidden, y *Value) {
	pre := g.keepPre(device.GELU, size(hiddenShape))
	hidden, y = g.value("mlp hidden", hiddenShape), g.value("mlp", shape)
	hidden.kept = pre
	op := first.product(w.W1, w.B1, x.buffer, hidden.buffer)
	op.Activation, op.Pre = device.GELU, pre
	g.emit(op)
	last := second.product(w.W2, w.B2, hidden.buffer, y.buffer)
	last.Plus = plus.Buffer()
	return hidden, g.record(last, y, func(dy device.Buffer) {
		second.weightGradients(g, w.W2, w.B2, hidden.buffer, dy)
		d := g.buffer("mlp hidden gradient", hiddenShape...)
		back := second.inputGradient(w.W2, dy, d)
		back.Activation, back.Gate = device.GELU, pre
		g.emit(back)
		g.linearGradients(first, x, w.W1, w.B1, d)
	}, x, w.W1, w.B1, w.W2, w.B2, plus)
}

// addTo returns plus + x, or x if plus is nil.
func (g *Graph) addTo(plus, x *Value) *Value {
	if plus == nil {
		return x
	}
	return g.Add(plus, x)
}
