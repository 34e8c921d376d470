package parts

import (
	"mixmas/nn"
	"mixmas/nn/mixer"
)

func init() {
	mixer.RegisterFusion(mixer.Fusion{
		Name: "scaled", Doc: "The sum of the modalities' tokens, each feature times a learned gate of 0 or more.",
		Options: func() any { return &ScaledOptions{} },
		New:     newScaled,
	})
}

// ScaledOptions are the options of scaled.
type ScaledOptions struct {
	Shared  bool    `yaml:"shared" json:"shared" doc:"One gate for all features of a modality."`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout of the scaled tokens."`
}

// newScaled creates a gate for each modality: fusion.gate (modalities, features), or (modalities, 1) if the features share it.
func newScaled(s *nn.Scope, tokens []mixer.Input, options any) (mixer.Fuser, error) {
	o := options.(*ScaledOptions)
	features := tokens[0].Shape[1]
	if o.Shared {
		features = 1
	}
	gates := s.Parameter("gate", nn.Constant(1), len(tokens), features)
	return mixer.NewAlignedFuser(tokens, func(g *nn.Graph, tokens []*nn.Value) *nn.Value {
		var sum *nn.Value
		for i, t := range tokens { // (batch, tokens, features)
			gate := g.Reshape(g.ReLU(g.Slice(g.Parameter(gates), 0, i, i+1)), 1, 1, features)
			scaled := g.Dropout(g.Mul(t, gate), o.Dropout)
			if sum == nil {
				sum = scaled
			} else {
				sum = g.Add(sum, scaled)
			}
		}
		return sum
	}), nil
}
