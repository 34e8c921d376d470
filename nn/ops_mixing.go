package nn

import "mixmas/nn/device"

// Norm holds the operands of a layer normalisation: gain and bias (width), and eps.
type Norm struct {
	Weight, Bias *Value
	Eps          float64
}

// ChannelMixing is x + mlp(LN(x)) over the last dimension of x (Tolstikhin et al. 2021). Without dropout it is one
// composite, and the gradient of its mlp is another.
func (g *Graph) ChannelMixing(x *Value, norm Norm, w MLPWeights, dropout float64) *Value {
	if dropout > 0 && g.mode == Training {
		return g.MLP(g.layerNorm(x, norm), w, dropout, x)
	}
	width := x.Shape[len(x.Shape)-1]
	op := &device.ChannelMixing{Rows: x.Size() / width, Width: width, Hidden: w.W1.Shape[0]}
	return g.mix(x, norm, w, g.channelMLP, func(p device.Parts, operands device.Mixing) device.Operation {
		op.Parts, op.Mixing = p, operands
		return op
	}, func(p device.Parts, operands device.MixingGrad) device.Operation {
		return &device.ChannelMixingGrad{Parts: p, MixingGrad: operands, Forward: op}
	})
}

// TokenMixing is x + mlp(LN(x)ᵀ)ᵀ over the tokens of x (b, n, d) (Tolstikhin et al. 2021), as composites like
// [Graph.ChannelMixing].
func (g *Graph) TokenMixing(x *Value, norm Norm, w MLPWeights, dropout float64) *Value {
	if dropout > 0 && g.mode == Training || len(x.Shape) != 3 {
		return g.TokenMLP(g.layerNorm(x, norm), w, dropout, x)
	}
	op := &device.TokenMixing{Batch: x.Shape[0], Tokens: x.Shape[1], Width: x.Shape[2], Hidden: w.W1.Shape[0]}
	return g.mix(x, norm, w, g.tokenMLP, func(p device.Parts, operands device.Mixing) device.Operation {
		op.Parts, op.Mixing = p, operands
		return op
	}, func(p device.Parts, operands device.MixingGrad) device.Operation {
		return &device.TokenMixingGrad{Parts: p, MixingGrad: operands, Forward: op}
	})
}

func (g *Graph) layerNorm(x *Value, norm Norm) *Value {
	return g.LayerNorm(x, norm.Weight, norm.Bias, norm.Eps)
}

// mix records x + mlp(LN(x)). The gradients of the layer norm and of the sum remain separate operations.
func (g *Graph) mix(x *Value, norm Norm, w MLPWeights, mlp func(x *Value, w MLPWeights, plus *Value) (hidden, y *Value),
	forward func(device.Parts, device.Mixing) device.Operation, backward func(device.Parts, device.MixingGrad) device.Operation) *Value {
	var normed, hidden *Value
	return g.residual(x, g.Fuse(func() *Value {
		normed = g.layerNorm(x, norm)
		return g.Fuse(func() (y *Value) {
			hidden, y = mlp(normed, w, x)
			return y
		}, nil, func(d Gradients) device.Operation {
			return backward(d.Parts, device.MixingGrad{DY: d.DY, DNormed: d.Of(normed),
				DW1: d.Of(w.W1), DB1: d.Of(w.B1), DW2: d.Of(w.W2), DB2: d.Of(w.B2)})
		})
	}, func(p device.Parts, y *Value) device.Operation {
		return forward(p, device.Mixing{X: x.buffer, NormWeight: norm.Weight.buffer, NormBias: norm.Bias.buffer, Eps: norm.Eps,
			W1: w.W1.buffer, B1: w.B1.Buffer(), W2: w.W2.buffer, B2: w.B2.Buffer(),
			Y: y.buffer, Normed: normed.buffer, Statistics: normed.kept, Pre: hidden.kept, Inner: hidden.buffer})
	}, nil))
}
