package nn

import "mixmas/nn/device"

// Linear is a layer y = x Wᵀ + b with weight (out, in) and bias (out).
type Linear struct{ Weight, Bias *Parameter }

// NewLinear creates a layer with weight and bias uniform in ±1/√in.
func NewLinear(s *Scope, in, out int) *Linear {
	l := NewLinearWithoutBias(s, FanIn(in), in, out)
	l.Bias = s.Parameter("bias", FanIn(in), out)
	return l
}

// NewLinearWithoutBias creates a layer without a bias, with the given initialiser.
func NewLinearWithoutBias(s *Scope, init Initialiser, in, out int) *Linear {
	return &Linear{Weight: s.Parameter("weight", init, out, in)}
}

// Forward records the layer on the last dimension of x.
func (l *Linear) Forward(g *Graph, x *Value) *Value { return l.ForwardWith(g, x, device.Identity, nil) }

// ForwardWith records act(x Wᵀ + b) + plus; plus may be nil.
func (l *Linear) ForwardWith(g *Graph, x *Value, activation device.Activation, plus *Value) *Value {
	return g.Linear(x, g.Parameter(l.Weight), g.optional(l.Bias), activation, plus)
}

// ForwardTokens records W x + b + plus over the tokens of x (b, in, d); plus (b, out, d) may be nil.
func (l *Linear) ForwardTokens(g *Graph, x, plus *Value) *Value {
	return g.LinearTokens(x, g.Parameter(l.Weight), g.optional(l.Bias), plus)
}

func (g *Graph) optional(p *Parameter) *Value {
	if p == nil {
		return nil
	}
	return g.Parameter(p)
}

// MLP is drop(fc2(drop(gelu(fc1 x)))), with dropout after each layer.
type MLP struct {
	FC1, FC2 *Linear
	Dropout  float64
}

// NewMLP creates an MLP from in to hidden to out features, or tokens.
func NewMLP(s *Scope, in, hidden, out int, dropout float64) *MLP {
	return &MLP{FC1: NewLinear(s.In("fc1"), in, hidden), FC2: NewLinear(s.In("fc2"), hidden, out), Dropout: dropout}
}

func (m *MLP) weights(g *Graph) MLPWeights {
	return MLPWeights{W1: g.Parameter(m.FC1.Weight), B1: g.optional(m.FC1.Bias),
		W2: g.Parameter(m.FC2.Weight), B2: g.optional(m.FC2.Bias)}
}

// Forward records plus + mlp(x) over the last dimension of x; plus may be nil.
func (m *MLP) Forward(g *Graph, x, plus *Value) *Value {
	return g.MLP(x, m.weights(g), m.Dropout, plus)
}

// ForwardTokens records plus + mlp(xᵀ)ᵀ over the tokens of x (b, n, d); plus may be nil.
func (m *MLP) ForwardTokens(g *Graph, x, plus *Value) *Value {
	return g.TokenMLP(x, m.weights(g), m.Dropout, plus)
}

// Mix records x + mlp(norm x) over the last dimension of x.
func (m *MLP) Mix(g *Graph, norm *LayerNorm, x *Value) *Value {
	return g.ChannelMixing(x, norm.values(g), m.weights(g), m.Dropout)
}

// MixTokens records x + mlp((norm x)ᵀ)ᵀ over the tokens of x (b, n, d).
func (m *MLP) MixTokens(g *Graph, norm *LayerNorm, x *Value) *Value {
	return g.TokenMixing(x, norm.values(g), m.weights(g), m.Dropout)
}

// LayerNorm normalises the last dimension.
type LayerNorm struct {
	Weight, Bias *Parameter
	Eps          float64
}

// NewLayerNorm creates a layer with gain 1 and bias 0. The usual eps is 1e-5.
func NewLayerNorm(s *Scope, width int, eps float64) *LayerNorm {
	return &LayerNorm{Weight: s.Parameter("weight", Constant(1), width), Bias: s.Parameter("bias", Constant(0), width), Eps: eps}
}

// Forward records the layer on x.
func (l *LayerNorm) Forward(g *Graph, x *Value) *Value {
	return g.layerNorm(x, l.values(g))
}

func (l *LayerNorm) values(g *Graph) Norm {
	return Norm{Weight: g.Parameter(l.Weight), Bias: g.Parameter(l.Bias), Eps: l.Eps}
}

// BatchNorm normalises one axis over all others, with running statistics of momentum 0.1 and eps 1e-5.
type BatchNorm struct {
	Weight, Bias, RunningMean, RunningVariance *Parameter
}

// NewBatchNorm creates a layer with gain 1, bias 0, running mean 0 and running variance 1.
func NewBatchNorm(s *Scope, channels int) *BatchNorm {
	return &BatchNorm{Weight: s.Parameter("weight", Constant(1), channels), Bias: s.Parameter("bias", Constant(0), channels),
		RunningMean: s.Buffer("running_mean", 0, channels), RunningVariance: s.Buffer("running_var", 1, channels)}
}

// Forward records the layer on the given axis of x.
func (l *BatchNorm) Forward(g *Graph, x *Value, axis int) *Value {
	return g.BatchNorm(x, axis, BatchNormState{g.Parameter(l.Weight), g.Parameter(l.Bias),
		g.Parameter(l.RunningMean), g.Parameter(l.RunningVariance)}, 1e-5, 0.1)
}

// Recurrent is a recurrent cell with weights named and laid out as in PyTorch.
type Recurrent struct {
	Input, Hidden         *Parameter
	InputBias, HiddenBias *Parameter
	Cell                  device.Cell
}

// NewRecurrent creates a cell of width units on in features, with all weights uniform in ±1/√width. The names of its parameters end
// with suffix, which says which of several cells it is.
func NewRecurrent(s *Scope, cell device.Cell, in, width int, suffix string) *Recurrent {
	gates := cell.Gates() * width
	parameter := func(name string, shape ...int) *Parameter { return s.Parameter(name+suffix, FanIn(width), shape...) }
	return &Recurrent{Cell: cell, Input: parameter("weight_ih", gates, in), Hidden: parameter("weight_hh", gates, width),
		InputBias: parameter("bias_ih", gates), HiddenBias: parameter("bias_hh", gates)}
}

// Forward records the states of the cell over x (b, n, d), as [Graph.Recurrent] does.
func (l *Recurrent) Forward(g *Graph, x, mask *Value, reverse bool) *Value {
	w := RecurrentWeights{Input: g.Parameter(l.Input), InputBias: g.Parameter(l.InputBias),
		Hidden: g.Parameter(l.Hidden), HiddenBias: g.Parameter(l.HiddenBias)}
	return g.Recurrent(x, mask, w, l.Cell, reverse)
}
