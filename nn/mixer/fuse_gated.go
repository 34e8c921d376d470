package mixer

import (
	"mixmas/nn"
	"mixmas/nn/device"
)

func init() {
	RegisterFusion(Fusion{
		Name: "gated", Doc: "All tokens, each feature times a gate of 0 to 1 that the token, or the mean of all modalities, decides (Arevalo et al. 2017).",
		Options: func() any { return &GatedOptions{Context: contextToken} },
		New:     newGated,
	})
}

// The words of the option context.
const contextToken, contextMean = "token", "mean"

// GatedOptions are the options of the fusion function gated.
type GatedOptions struct {
	Context string `yaml:"context" json:"context" jsonschema:"enum=token,enum=mean" doc:"What decides the gates of a token (token | mean): the token itself, or the mean of the modalities' mean tokens."`
}

// gated is x ∘ σ(gate_i c) for the tokens x of modality i, one modality after the other, with a linear layer for each modality. c is
// the token itself, or the mean over the modalities of a row's mean real tokens, in which modalities that the row lacks have no
// part: gated multimodal units (Arevalo et al. 2017), for tokens and any number of modalities.
type gated struct {
	concat
	gates []*nn.Linear
	mean  bool
}

// newGated creates gates.0.*, ..., one for each modality.
func newGated(s *nn.Scope, tokens []Input, given any) (Fuser, error) {
	f := &gated{concat: concat{width: tokens[0].Shape[1]}, mean: given.(*GatedOptions).Context == contextMean}
	for i, in := range tokens {
		f.tokens += in.Shape[0]
		f.gates = append(f.gates, nn.NewLinear(s.In("gates", i), f.width, f.width))
	}
	return f, nil
}

func (f *gated) Forward(g *nn.Graph, tokens, masks []*nn.Value) (fused, mask *nn.Value) {
	var context *nn.Value
	if f.mean {
		context = meanModality(g, tokens, masks)
	}
	out := make([]*nn.Value, len(tokens))
	for i, x := range tokens {
		gate := x
		if f.mean {
			gate = context
		}
		out[i] = g.Mul(x, f.gates[i].ForwardWith(g, gate, device.Sigmoid, nil))
	}
	return f.concat.Forward(g, out, masks)
}

// meanModality returns the mean (b, 1, d) of the modalities' mean real tokens. A modality without real tokens in a row has no part in
// that row's mean, which is zero if there are none at all.
func meanModality(g *nn.Graph, tokens, masks []*nn.Value) *nn.Value {
	b, d, some := tokens[0].Shape[0], tokens[0].Shape[2], false
	means, present := make([]*nn.Value, len(tokens)), make([]*nn.Value, len(tokens))
	for i, x := range tokens {
		means[i] = g.Reshape(meanToken(g, x, masks[i]), b, 1, d)
		if masks[i] != nil {
			present[i], some = g.Reshape(g.Max(masks[i], 1), b, 1), true
		} else {
			present[i] = g.ConstantOf("present", nn.Ones, b, 1)
		}
	}
	all := g.Concat(1, means...)
	if !some {
		return g.Reshape(g.Mean(all, 1), b, 1, d)
	}
	return g.Reshape(meanOfReal(g, all, g.Concat(1, present...)), b, 1, d)
}
