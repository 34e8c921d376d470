// Package parts adds an encoder, a fusion function, a data format, a metric, a sampler and a search strategy to
// mixmas.
package parts

import (
	"mixmas/nn"
	"mixmas/nn/mixer"
)

func init() {
	mixer.Register(mixer.Architecture{
		Name: "step_mlp", Doc: "An MLP on each step of a sequence, or on each token.",
		Kinds:   []mixer.Kind{mixer.Sequence, mixer.Tokens},
		Options: func() any { return &StepMLPOptions{Width: 16, Hidden: 32} },
		New:     newStepMLP,
		// Where a configuration names no candidates, step_mlp is one, with these options. Without Suit it is only tried by name.
		Suit: func(in mixer.Input, rows int) any { return &StepMLPOptions{Width: 32, Hidden: 64} },
	})
}

// StepMLPOptions are the options of step_mlp. The ranges in the tags are checked by configurations, the schema and models.
// If a configuration does not set Dropout, it is that of the training's recipe.
type StepMLPOptions struct {
	Width   int     `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=65536" doc:"Features of a token."`
	Hidden  int     `yaml:"hidden" json:"hidden" jsonschema:"minimum=1,maximum=65536" doc:"Hidden width of the MLP."`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout after each layer."`
}

// stepMLP is norm(mlp(x)) for every step.
type stepMLP struct {
	mlp           *nn.MLP
	norm          *nn.LayerNorm
	tokens, width int
}

// newStepMLP creates the parameters. Their names in the scope are part of the model file, and determine their initial values.
func newStepMLP(s *nn.Scope, in mixer.Input, options any) (mixer.Network, error) {
	o := options.(*StepMLPOptions)
	steps, features := in.Shape[0], in.Shape[1]
	return &stepMLP{tokens: steps, width: o.Width,
		mlp:  nn.NewMLP(s.In("mlp"), features, o.Hidden, o.Width, o.Dropout),
		norm: nn.NewLayerNorm(s.In("norm"), o.Width, 1e-5)}, nil
}

// Forward records the network on x (batch, steps, features). Gradients are derived from it.
func (m *stepMLP) Forward(g *nn.Graph, x, _ *nn.Value) *nn.Value {
	return m.norm.Forward(g, m.mlp.Forward(g, x, nil))
}

func (m *stepMLP) Tokens() int { return m.tokens }
func (m *stepMLP) Width() int  { return m.width }
