package nn

import (
	"math"

	"mixmas/nn/device"
)

// MultiHeadAttention is attention between linear layers (Vaswani et al. 2017): output(attention(query(x), key(y), value(y))).
type MultiHeadAttention struct {
	Query, Key, Value, Output *Linear
	Heads                     int
}

// NewMultiHeadAttention creates query, key, value and output, each with weight (d, d) and bias (d). The weights of the first three
// are uniform after Glorot, as parts of one matrix (3d, d), and all biases are 0, like those of PyTorch's layer. heads must divide
// d.
func NewMultiHeadAttention(s *Scope, d, heads int) *MultiHeadAttention {
	layer := func(name string, weight Initialiser) *Linear {
		l := NewLinearWithoutBias(s.In(name), weight, d, d)
		l.Bias = s.In(name).Parameter("bias", Constant(0), d)
		return l
	}
	in := Uniform(math.Sqrt(6 / float64(d+3*d)))
	return &MultiHeadAttention{Query: layer("query", in), Key: layer("key", in), Value: layer("value", in), Output: layer("output", FanIn(d)), Heads: heads}
}

// Forward records the attention of x (b, n, d) to y (b, m, d), which is x in self-attention, and adds plus (b, n, d), which may be
// nil. mask is nil or marks the real tokens of y (b, m); a sample without any gets the bias of output.
func (a *MultiHeadAttention) Forward(g *Graph, x, y, mask, plus *Value) *Value {
	z := g.Attention(a.Query.Forward(g, x), a.Key.Forward(g, y), a.Value.Forward(g, y), mask, a.Heads)
	return a.Output.ForwardWith(g, z, device.Identity, plus)
}
