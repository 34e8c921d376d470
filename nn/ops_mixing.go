package nn

import "mixmas/nn/device"

// Norm is a layer normalisation: gain and bias of the width, and eps.
type Norm struct {
	Weight, Bias *Value
	Eps          float64
}

// ChannelMixing is x + mlp(LN(x)) over the last dimension of x (Tolstikhin et al. 2021). Without dropout it is one
// composite, and so is the gradient of its mlp.
func (g *Graph) ChannelMixing(x *Value, norm Norm, w MLPWeights, dropout float64) *Value {
	if dropout > 0 && g.mode == Training {
		return g.MLP(g.layerNorm(x, norm), w, dropout, x)
	}
	width := x.Shape[len(x.Shape)-1]
	op := &device.ChannelMixing{Rows: x.Size() / width, Width: width, Hidden: w.W1.Shape[0]}
	return g.mix(x, norm, w, g.mlp, &op.Mixing, func(p device.Parts) device.Operation {
		op.Parts = p
		return op
	}, func(p device.Parts, back device.MixingGrad) device.Operation {
		return &device.ChannelMixingGrad{Parts: p, MixingGrad: back, Forward: op}
	})
}

// TokenMixing is x + mlp(LN(x)ᵀ)ᵀ over the tokens of x (b, n, d) (Tolstikhin et al. 2021), composed as [Graph.ChannelMixing].
func (g *Graph) TokenMixing(x *Value, norm Norm, w MLPWeights, dropout float64) *Value {
	if dropout > 0 && g.mode == Training || len(x.Shape) != 3 {
		return g.TokenMLP(g.layerNorm(x, norm), w, dropout, x)
	}
	op := &device.TokenMixing{Batch: x.Shape[0], Tokens: x.Shape[1], Width: x.Shape[2], Hidden: w.W1.Shape[0]}
	return g.mix(x, norm, w, g.tokenMLP, &op.Mixing, func(p device.Parts) device.Operation {
		op.Parts = p
		return op
	}, func(p device.Parts, back device.MixingGrad) device.Operation {
		return &device.TokenMixingGrad{Parts: p, MixingGrad: back, Forward: op}
	})
}

func (g *Graph) layerNorm(x *Value, norm Norm) *Value {
	return g.LayerNorm(x, norm.Weight, norm.Bias, norm.Eps)
}

// gradientOf makes the composite of an MLP's gradient, given its parts and the gradient of the MLP's result.
type gradientOf func(parts device.Parts, dy device.Buffer, target func(*Value) device.Target) device.Operation

// mix records x + mlp(LN(x)) as a composite whose operands it fills in.
func (g *Graph) mix(x *Value, norm Norm, w MLPWeights, mlp func(*Value, MLPWeights, float64, *Value, gradientOf) *Value,
	operands *device.Mixing, forward func(device.Parts) device.Operation,
	backward func(device.Parts, device.MixingGrad) device.Operation) *Value {
	var y, normed *Value
	g.compose(func() {
		normed = g.layerNorm(x, norm)
		y = mlp(normed, w, 0, x, func(p device.Parts, dy device.Buffer, target func(*Value) device.Target) device.Operation {
			return backward(p, device.MixingGrad{DY: dy, DNormed: target(normed),
				DW1: target(w.W1), DB1: target(w.B1), DW2: target(w.W2), DB2: target(w.B2)})
		})
	}, func(p device.Parts) device.Operation {
		ln, first := p[0].(*device.LayerNorm), p[1].(*device.MatMul)
		*operands = device.Mixing{X: x.buffer, NormWeight: ln.Weight, NormBias: ln.Bias, Eps: norm.Eps,
			W1: w.W1.buffer, B1: bufferOf(w.B1), W2: w.W2.buffer, B2: bufferOf(w.B2),
			Y: y.buffer, Normed: ln.Y, Statistics: ln.Statistics, Pre: first.Pre, Inner: first.C}
		return forward(p)
	})
	return y
}
