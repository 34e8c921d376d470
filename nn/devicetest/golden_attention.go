package devicetest

import (
	"mixmas/nn"
	"mixmas/nn/mixer"
)

// attentionSettings are the hyperparameters of the cases of attention.
type attentionSettings struct {
	D, F, Heads, Hidden, Depth, Patch int
	Kind                              mixer.Kind
	Shape                             []int
	Norm, Positions, Token            string
	// Real and Reals are the numbers of real tokens of each sample, of the keys or of each modality; nil means that all are real.
	Real  []int
	Reals [][]int
}

func (v *vectors) attentionSettings() (h attentionSettings) {
	v.Helper()
	v.hyper(&h)
	return h
}

// maskOf records a mask (b, n) for numbers of real tokens.
func maskOf(g *nn.Graph, real []int, n int) *nn.Value {
	if real == nil {
		return nil
	}
	data := make([]float32, len(real)*n)
	for i, count := range real {
		for k := range count {
			data[i*n+k] = 1
		}
	}
	return g.Constant("mask", data, len(real), n)
}

func init() {
	modules["attention"] = func(v *vectors, _ *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.attentionSettings()
		return func(g *nn.Graph, xs []*nn.Value) *nn.Value {
			return g.Attention(xs[0], xs[1], xs[2], maskOf(g, h.Real, xs[1].Shape[1]), h.Heads)
		}
	}
	modules["multi_head_attention"] = func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.attentionSettings()
		a := nn.NewMultiHeadAttention(s, h.D, h.Heads)
		return func(g *nn.Graph, xs []*nn.Value) *nn.Value {
			y := xs[len(xs)-1]
			return a.Forward(g, xs[0], y, maskOf(g, h.Real, y.Shape[1]), nil)
		}
	}
	modules["transformer_block"] = func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.attentionSettings()
		return maskedBlock(mixer.NewTransformerBlock(s, h.D, h.Heads, h.Hidden, h.Norm == "post", 0), h.Real)
	}
	modules["transformer"] = func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.attentionSettings()
		return maskedBlock(v.built(s, "transformer", mixer.Input{Kind: h.Kind, Shape: h.Shape}, &mixer.TransformerOptions{Width: h.D, Depth: h.Depth,
			Heads: h.Heads, Hidden: h.Hidden, Patch: h.Patch, Norm: h.Norm, Positions: h.Positions, Token: h.Token}), h.Real)
	}
	modules["ft_transformer"] = func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.attentionSettings()
		return maskedBlock(v.built(s, "ft_transformer", mixer.Input{Kind: mixer.Table, Shape: []int{h.F}},
			&mixer.FTTransformerOptions{Width: h.D, Depth: h.Depth, Heads: h.Heads, Hidden: h.Hidden}), nil)
	}
	modules["cross_attention"] = func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		h := v.attentionSettings()
		return v.fused(s, "cross_attention", &mixer.CrossAttentionOptions{Heads: h.Heads}, h.Reals)
	}
	for _, op := range []string{"attention", "multi_head_attention", "transformer_block", "transformer", "ft_transformer", "cross_attention"} {
		runners[op] = runModule
	}
}

// maskedBlock returns a block or network as a module, with a mask for numbers of real tokens.
func maskedBlock(b mixer.Block, real []int) func(*nn.Graph, []*nn.Value) *nn.Value {
	return single(func(g *nn.Graph, x *nn.Value) *nn.Value { return b.Forward(g, x, maskOf(g, real, x.Shape[1])) })
}

// fused builds a fusion function of the tokens of modalities, with masks for numbers of real tokens of each.
func (v *vectors) fused(s *nn.Scope, name string, options any, reals [][]int) func(*nn.Graph, []*nn.Value) *nn.Value {
	f, err := mixer.LookupFusion(name)
	if err != nil {
		v.Fatal(err)
	}
	return func(g *nn.Graph, xs []*nn.Value) *nn.Value {
		var inputs []mixer.Input
		var masks []*nn.Value
		for i, x := range xs {
			inputs, masks = append(inputs, mixer.Input{Kind: mixer.Tokens, Shape: x.Shape[1:]}), append(masks, maskOf(g, reals[i], x.Shape[1]))
		}
		fuser, err := f.New(s, inputs, options)
		if err != nil {
			v.Fatal(err)
		}
		fused, _ := fuser.Forward(g, xs, masks)
		return fused
	}
}
