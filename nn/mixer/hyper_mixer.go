package mixer

import (
	"mixmas/nn"
	"mixmas/nn/options"
)

func init() {
	Register(Architecture{
		Name: "hyper_mixer", Doc: "HyperMixer: token MLPs generated from the tokens, for any number of them (Mai et al. 2023).",
		Kinds: []Kind{Map, Sequence, Text, Tokens},
		Options: func() any {
			return &HyperMixerOptions{Width: 128, Depth: 4, TokenWidth: 256, ChannelWidth: 3072, Heads: 1}
		},
		New:   newHyperMixer,
		Needs: mixerNeeds,
		Suit: func(in Input, rows int) any {
			z, ok := suitMixer(in, rows)
			if !ok {
				return nil
			}
			return &HyperMixerOptions{Width: z.width, Depth: z.depth, Patch: z.patch, TokenWidth: powerOfTwo(z.tokens, 16, 64), ChannelWidth: 2 * z.width, Heads: 1}
		},
	})
}

// HyperMixerOptions are the options of the architecture hyper_mixer.
type HyperMixerOptions struct {
	Width        int     `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" doc:"Features per token; a fusion network uses the width of its tokens instead."`
	Depth        int     `yaml:"depth" json:"depth" jsonschema:"minimum=1,maximum=1000" doc:"Number of blocks."`
	Patch        int     `yaml:"patch" json:"patch" jsonschema:"minimum=0,maximum=68719476736" doc:"Side of the patches of a map; 0: chosen automatically."`
	TokenWidth   int     `yaml:"token_width" json:"token_width" jsonschema:"minimum=1,maximum=68719476736" doc:"Hidden width of the generated MLPs over tokens, for all heads together."`
	ChannelWidth int     `yaml:"channel_width" json:"channel_width" jsonschema:"minimum=1,maximum=68719476736" doc:"Hidden width of the MLP over features."`
	Heads        int     `yaml:"heads" json:"heads" jsonschema:"minimum=1,maximum=68719476736" doc:"Number of heads, which share the features; must divide width and token_width."`
	Tied         bool    `yaml:"tied" json:"tied" doc:"One generator for both layers of the generated MLPs."`
	Dropout      float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout after each layer of the MLP over features; default: the training's."`
}

func newHyperMixer(s *nn.Scope, in Input, given any) (Network, error) {
	o := given.(*HyperMixerOptions)
	return newEncoder(s, in, o.Width, o.Depth, o.Patch, func(s *nn.Scope, _, d int) (Block, error) {
		if d%o.Heads != 0 || o.TokenWidth%o.Heads != 0 {
			return nil, options.Errorf("heads", "%d does not divide both the width %d and token_width %d", o.Heads, d, o.TokenWidth)
		}
		return NewHyperMixerBlock(s, d, o.TokenWidth, o.ChannelWidth, o.Heads, o.Tied, o.Dropout), nil
	})
}

// HyperMixerBlock is x += token_mix(norm1 x); x += channel_mix(norm2 x) with a generated token MLP (Mai et al. 2023).
type HyperMixerBlock struct {
	Norm1, Norm2 *nn.LayerNorm
	TokenMix     *HyperMixing
	ChannelMix   *nn.MLP
}

// NewHyperMixerBlock creates a block that mixes any number of tokens through t generated hidden units, and d features
// through c.
func NewHyperMixerBlock(s *nn.Scope, d, t, c, heads int, tied bool, dropout float64) *HyperMixerBlock {
	return &HyperMixerBlock{
		Norm1: nn.NewLayerNorm(s.In("norm1"), d, 1e-5), Norm2: nn.NewLayerNorm(s.In("norm2"), d, 1e-5),
		TokenMix: NewHyperMixing(s.In("token_mix"), d, t, heads, tied), ChannelMix: nn.NewMLP(s.In("channel_mix"), d, c, d, dropout)}
}

// Forward implements [Block].
func (m *HyperMixerBlock) Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	x = g.Add(x, m.TokenMix.Forward(g, m.Norm1.Forward(g, x), mask))
	return m.ChannelMix.Mix(g, m.Norm2, x)
}
