package devicetest

import (
	"mixmas/nn"
	"mixmas/nn/mixer"
)

func init() {
	modules["conv2d"], modules["conv1d"] = conv2D, conv1D
	modules["residual_block"], modules["dilated_block"] = residualBlock, dilatedBlock
	modules["residual_cnn"] = func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		var options mixer.ResidualCNNOptions
		v.hyper(&options)
		return v.network(s, "residual_cnn", mixer.Input{Kind: mixer.Map, Shape: v.array("x").Shape[1:]}, &options)
	}
	modules["dilated_cnn"] = func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		var options mixer.DilatedCNNOptions
		v.hyper(&options)
		return v.network(s, "dilated_cnn", mixer.Input{Kind: mixer.Sequence, Shape: v.array("x").Shape[1:]}, &options)
	}
}

// conv2D is torch.nn.Conv2d, whose maps have their channels first.
func conv2D(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
	var h struct {
		Out                               int
		Kernel, Stride, Padding, Dilation [2]int
		Bias                              bool
	}
	v.hyper(&h)
	weight := s.Parameter("weight", nn.Normal(1), h.Out, v.array("x").Shape[1], h.Kernel[0], h.Kernel[1])
	var bias *nn.Parameter
	if h.Bias {
		bias = s.Parameter("bias", nn.Normal(1), h.Out)
	}
	return single(func(g *nn.Graph, x *nn.Value) *nn.Value {
		var b *nn.Value
		if bias != nil {
			b = g.Parameter(bias)
		}
		y := g.Conv2D(g.Permute(x, 0, 2, 3, 1), g.Parameter(weight), b, nn.Conv{Stride: h.Stride, Padding: h.Padding, Dilation: h.Dilation})
		return g.Permute(y, 0, 3, 1, 2)
	})
}

// conv1D is torch.nn.Conv1d that keeps the length of sequences, whose channels are first.
func conv1D(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
	var h struct{ Out, Kernel, Dilation int }
	v.hyper(&h)
	shape := v.array("x").Shape
	weight, bias := s.Parameter("weight", nn.Normal(1), h.Out, shape[1], h.Kernel), s.Parameter("bias", nn.Normal(1), h.Out)
	return single(func(g *nn.Graph, x *nn.Value) *nn.Value {
		x = g.Reshape(g.Transpose(x), shape[0], 1, shape[2], shape[1])
		w := g.Reshape(g.Parameter(weight), h.Out, shape[1], 1, h.Kernel)
		y := g.Conv2D(x, w, g.Parameter(bias), nn.SamePadding([2]int{1, h.Kernel}, [2]int{1, h.Dilation}))
		return g.Transpose(g.Reshape(y, shape[0], shape[2], h.Out))
	})
}

func residualBlock(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
	var h struct{ Out, Kernel, Stride int }
	v.hyper(&h)
	b := mixer.NewResidualBlock(s, v.array("x").Shape[1], h.Out, h.Kernel, h.Stride, 0)
	return single(func(g *nn.Graph, x *nn.Value) *nn.Value {
		return g.Permute(b.Forward(g, g.Permute(x, 0, 2, 3, 1)), 0, 3, 1, 2)
	})
}

func dilatedBlock(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
	var h struct {
		D, Kernel, Dilation int
		Causal              bool
	}
	v.hyper(&h)
	return v.block(mixer.NewDilatedBlock(s, h.D, h.Kernel, h.Dilation, h.Causal, 0))
}
