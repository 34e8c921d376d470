package mixer

import "mixmas/nn"

func init() {
	Register(Architecture{
		Name: "mlp_mixer", Doc: "MLP-Mixer: an MLP over the tokens, then one over the features (Tolstikhin et al. 2021).",
		Kinds:   []Kind{Map, Sequence, Text, Tokens},
		Options: func() any { return &MLPMixerOptions{Width: 128, Depth: 4, TokenWidth: 32, ChannelWidth: 3072} },
		New:     newMLPMixer,
		Needs:   mixerNeeds,
		Suit: func(in Input, rows int) any {
			z, ok := suitMixer(in, rows)
			if !ok {
				return nil
			}
			return &MLPMixerOptions{Width: z.width, Depth: z.depth, Patch: z.patch, TokenWidth: powerOfTwo(z.tokens, 16, 64), ChannelWidth: 2 * z.width}
		},
	})
}

// MLPMixerOptions are the options of the architecture mlp_mixer.
type MLPMixerOptions struct {
	Width        int     `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" doc:"Features per token; a fusion network uses the width of its tokens instead."`
	Depth        int     `yaml:"depth" json:"depth" jsonschema:"minimum=1,maximum=1000" doc:"Number of blocks."`
	Patch        int     `yaml:"patch" json:"patch" jsonschema:"minimum=0,maximum=68719476736" doc:"Side of the patches of a map; 0: chosen automatically."`
	TokenWidth   int     `yaml:"token_width" json:"token_width" jsonschema:"minimum=1,maximum=68719476736" doc:"Hidden width of the MLP over tokens."`
	ChannelWidth int     `yaml:"channel_width" json:"channel_width" jsonschema:"minimum=1,maximum=68719476736" doc:"Hidden width of the MLP over features."`
	Dropout      float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout after each layer of the MLPs; default: the training's."`
}

func newMLPMixer(s *nn.Scope, in Input, given any) (Network, error) {
	o := given.(*MLPMixerOptions)
	return newEncoder(s, in, o.Width, o.Depth, o.Patch, func(s *nn.Scope, n, d int) (Block, error) {
		return NewMixerBlock(s, n, d, o.TokenWidth, o.ChannelWidth, o.Dropout), nil
	})
}

// MixerBlock is x += token_mix(norm1 xᵀ)ᵀ; x += channel_mix(norm2 x) (Tolstikhin et al. 2021).
type MixerBlock struct {
	Norm1, Norm2         *nn.LayerNorm
	TokenMix, ChannelMix *nn.MLP
}

// NewMixerBlock creates a block that mixes n tokens through t hidden units and d features through c.
func NewMixerBlock(s *nn.Scope, n, d, t, c int, dropout float64) *MixerBlock {
	return &MixerBlock{
		Norm1: nn.NewLayerNorm(s.In("norm1"), d, 1e-5), Norm2: nn.NewLayerNorm(s.In("norm2"), d, 1e-5),
		TokenMix: nn.NewMLP(s.In("token_mix"), n, t, n, dropout), ChannelMix: nn.NewMLP(s.In("channel_mix"), d, c, d, dropout)}
}

// Forward implements [Block]. The mask is not used: the token MLP learns the weight of each position.
func (m *MixerBlock) Forward(g *nn.Graph, x, _ *nn.Value) *nn.Value {
	return m.ChannelMix.Mix(g, m.Norm2, m.TokenMix.MixTokens(g, m.Norm1, x))
}
