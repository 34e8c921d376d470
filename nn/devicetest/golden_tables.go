package devicetest

import (
	"mixmas/nn"
	"mixmas/nn/mixer"
)

// tablesSettings are the hyperparameters of the cases of gMLP, ResMLP, the residual MLP, and the fusion functions gated and bilinear.
type tablesSettings struct {
	Architecture, Context       string
	Kind                        mixer.Kind
	Shape                       []int
	D, C, F, Depth, Patch, Bins int
	Rank                        int
	// Real and Reals are the numbers of real tokens of each sample, or of each modality; nil means that all are real.
	Real  []int
	Reals [][]int
}

func init() {
	modules["token_mlp"] = func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		var h tablesSettings
		v.hyper(&h)
		var options any = &mixer.GMLPOptions{Width: h.D, Depth: h.Depth, Patch: h.Patch, Hidden: h.C}
		if h.Architecture == "resmlp" {
			options = &mixer.ResMLPOptions{Width: h.D, Depth: h.Depth, Patch: h.Patch, Hidden: h.C}
		}
		return maskedBlock(v.built(s, h.Architecture, mixer.Input{Kind: h.Kind, Shape: h.Shape}, options), h.Real)
	}
	modules["residual_mlp"] = func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		var h tablesSettings
		v.hyper(&h)
		return maskedBlock(v.built(s, "residual_mlp", mixer.Input{Kind: mixer.Table, Shape: []int{h.F}},
			&mixer.ResidualMLPOptions{Width: h.D, Depth: h.Depth, Hidden: h.C, Bins: h.Bins}), nil)
	}
	modules["gated"] = func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		var h tablesSettings
		v.hyper(&h)
		return v.fused(s, "gated", &mixer.GatedOptions{Context: h.Context}, h.Reals)
	}
	modules["bilinear"] = func(v *vectors, s *nn.Scope) func(*nn.Graph, []*nn.Value) *nn.Value {
		var h tablesSettings
		v.hyper(&h)
		return v.fused(s, "bilinear", &mixer.BilinearOptions{Rank: h.Rank}, h.Reals)
	}
	for _, op := range []string{"token_mlp", "residual_mlp", "gated", "bilinear"} {
		runners[op] = runModule
	}
}
