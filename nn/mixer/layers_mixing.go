package mixer

import (
	"cmp"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/options"
)

// amongTokens are the kinds of values whose steps or tokens a layer mixes.
var amongTokens = []Kind{Sequence, Tokens}

func init() {
	RegisterLayer(LayerKind{
		Name: "mixer_block", Doc: "The block of mlp_mixer: an MLP over the tokens, then one over the features, each with its norm and added to what it gets (Tolstikhin et al. 2021).",
		Takes: amongTokens, Options: func() any { return &MixerBlockLayer{TokenWidth: 32} },
		New: func(s *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
			o, n, d := given.(*MixerBlockLayer), in.Shape[0], in.Shape[1]
			return onReal(NewMixerBlock(s, n, d, o.TokenWidth, cmp.Or(o.ChannelWidth, 4*d), o.Dropout)), in, nil
		},
	})
	RegisterLayer(LayerKind{
		Name: "transformer_block", Doc: "The block of transformer: attention, then an MLP over the features, each with its norm and added to what it gets (Vaswani et al. 2017).",
		Takes: amongTokens, Options: func() any { return &TransformerBlockLayer{Heads: 4, Norm: preNorm} },
		New: func(s *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
			o, d := given.(*TransformerBlockLayer), in.Shape[1]
			if err := dividing(o.Heads, d); err != nil {
				return nil, in, err
			}
			return onReal(NewTransformerBlock(s, d, o.Heads, cmp.Or(o.Hidden, 4*d), o.Norm == postNorm, o.Dropout)), in, nil
		},
	})
	RegisterLayer(LayerKind{
		Name: "attention", Doc: "Multi-head attention of the tokens to each other, without norm and sum: see residual (Vaswani et al. 2017).",
		Takes: amongTokens, Options: func() any { return &AttentionLayer{Heads: 4} },
		New: func(s *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
			o := given.(*AttentionLayer)
			if err := dividing(o.Heads, in.Shape[1]); err != nil {
				return nil, in, err
			}
			a := nn.NewMultiHeadAttention(s, in.Shape[1], o.Heads)
			return func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value) { return a.Forward(g, x, x, mask, nil), mask }, in, nil
		},
	})
	for _, cell := range []device.Cell{device.GRU, device.LSTM} {
		RegisterLayer(LayerKind{
			Name: cell.String(), Doc: "The cells of " + cell.String() + ", which carry a state from step to step: the state after each.",
			Takes: amongTokens, Options: func() any { return &RecurrentLayer{} },
			New: func(s *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
				return newRecurrentLayer(s, in, cell, given.(*RecurrentLayer))
			},
		})
	}
}

// MixerBlockLayer are the options of the layer mixer_block.
type MixerBlockLayer struct {
	TokenWidth   int     `yaml:"token_width" json:"token_width" jsonschema:"minimum=1,maximum=68719476736" doc:"Hidden width of the MLP over tokens."`
	ChannelWidth int     `yaml:"channel_width" json:"channel_width" jsonschema:"minimum=0,maximum=68719476736" doc:"Hidden width of the MLP over features; 0: four times the features."`
	Dropout      float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" doc:"Dropout after each layer of the MLPs."`
}

// TransformerBlockLayer are the options of the layer transformer_block.
type TransformerBlockLayer struct {
	Heads   int     `yaml:"heads" json:"heads" jsonschema:"minimum=1,maximum=68719476736" short:"true" doc:"Number of heads, which share the features; must divide them."`
	Hidden  int     `yaml:"hidden" json:"hidden" jsonschema:"minimum=0,maximum=68719476736" doc:"Hidden width of the MLP; 0: four times the features."`
	Norm    string  `yaml:"norm" json:"norm" jsonschema:"enum=pre,enum=post" doc:"Where the layer norms are (pre | post): before attention and MLP, or after each sum."`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" doc:"Dropout after the attention and after each layer of the MLP."`
}

// AttentionLayer are the options of the layer attention.
type AttentionLayer struct {
	Heads int `yaml:"heads" json:"heads" jsonschema:"minimum=1,maximum=68719476736" short:"true" doc:"Number of heads, which share the features; must divide them."`
}

// RecurrentLayer are the options of the layers gru and lstm.
type RecurrentLayer struct {
	Width         int  `yaml:"width" json:"width" jsonschema:"minimum=0,maximum=68719476736" short:"true" doc:"Features of the result; 0: as many as it gets."`
	Bidirectional bool `yaml:"bidirectional" json:"bidirectional" doc:"Half of the features are the states of cells that read from the last step to the first."`
}

// dividing returns an error unless a number of heads divides the features of a token.
func dividing(heads, width int) error {
	if width%heads != 0 {
		return options.Errorf("heads", "%d does not divide the %d features of a token", heads, width)
	}
	return nil
}

// onReal is a block in which tokens that are not real are zeros.
func onReal(b Block) LayerFunction {
	return func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value) {
		return b.Forward(g, masked(g, x, mask), mask), mask
	}
}

// newRecurrentLayer creates rnn.*_l0 and, for the other direction, rnn.*_l0_reverse, as [Recurrent] does.
func newRecurrentLayer(s *nn.Scope, in Input, cell device.Cell, o *RecurrentLayer) (LayerFunction, Input, error) {
	width := cmp.Or(o.Width, in.Shape[1])
	cells, err := newDirections(s.In("rnn"), cell, in.Shape[1], width, 0, o.Bidirectional)
	if err != nil {
		return nil, in, err
	}
	m := &Recurrent{tokens: in.Shape[0], width: width, layers: [][]*nn.Recurrent{cells}}
	return func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value) { return m.Forward(g, x, mask), mask }, in.with(width), nil
}
