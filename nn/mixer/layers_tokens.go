package mixer

import (
	"cmp"

	"mixmas/nn"
	"mixmas/nn/options"
)

func init() {
	RegisterLayer(LayerKind{
		Name: "embedding", Doc: "First in the list: makes tokens of the input as the other architectures do. A map is cut into patches, words get a learned vector each and one for their place, and steps or the numbers of a table get a linear layer. The tokens of a fusion network stay as they are.",
		Takes:   []Kind{Map, Sequence, Text, Table, Tokens},
		Options: func() any { return &EmbeddingLayer{Width: 64} },
		New:     newEmbeddingLayer,
		first:   true,
	})
	RegisterLayer(LayerKind{
		Name: "patches", Doc: "Cuts a map into square patches, row by row, and makes a token of each by a linear layer (Dosovitskiy et al. 2021).",
		Takes:   []Kind{Map},
		Options: func() any { return &PatchesLayer{Side: 4} },
		New:     newPatchesLayer,
	})
	RegisterLayer(LayerKind{
		Name: "positions", Doc: "Adds something to each token for its place. The words of a text have it from their embedding.",
		Takes:   []Kind{Sequence, Tokens},
		Options: func() any { return &PositionsLayer{Kind: learnedPositions} },
		New: func(s *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
			p := newPositions(s, in.Kind, given.(*PositionsLayer).Kind, in.Shape[0], in.Shape[1])
			return onFeatures(p.add), in, nil
		},
	})
}

// EmbeddingLayer are the options of the layer embedding.
type EmbeddingLayer struct {
	Width int `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" short:"true" doc:"Features per token; the tokens of a fusion network keep theirs."`
	Patch int `yaml:"patch" json:"patch" jsonschema:"minimum=0,maximum=68719476736" doc:"Side of the patches of a map; 0: chosen automatically."`
}

// PatchesLayer are the options of the layer patches.
type PatchesLayer struct {
	Side  int `yaml:"side" json:"side" jsonschema:"minimum=1,maximum=68719476736" short:"true" doc:"Side of the patches, which must divide those of the map."`
	Width int `yaml:"width" json:"width" jsonschema:"minimum=0,maximum=68719476736" doc:"Features per token; 0: as many as a patch has numbers."`
}

// PositionsLayer are the options of the layer positions.
type PositionsLayer struct {
	Kind string `yaml:"kind" json:"kind" jsonschema:"enum=learned,enum=sinusoidal" short:"true" doc:"What is added (learned | sinusoidal)."`
}

// newEmbeddingLayer creates embed.*, as [Encoder] has it.
func newEmbeddingLayer(s *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
	o := given.(*EmbeddingLayer)
	if in.Kind == Table {
		l, d := nn.NewLinear(s.In("embed"), in.Shape[0], o.Width), o.Width
		return onFeatures(func(g *nn.Graph, x *nn.Value) *nn.Value {
			return g.Reshape(l.Forward(g, x), x.Shape[0], 1, d)
		}), Input{Kind: Tokens, Shape: []int{1, d}}, nil
	}
	e, n, d, err := embed(s, in, o.Width, o.Patch)
	if err != nil {
		return nil, in, err
	}
	out := Input{Kind: Tokens, Shape: []int{n, d}}
	if in.Kind == Sequence || in.Kind == Text {
		out.Kind = Sequence
	}
	return func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value) {
		if e != nil {
			x = e.Forward(g, x, mask)
		}
		return x, mask
	}, out, nil
}

// newPatchesLayer creates proj.weight (d, channels, p, p) and proj.bias (d).
func newPatchesLayer(s *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
	o := given.(*PatchesLayer)
	channels, height, across, p := in.Shape[0], in.Shape[1], in.Shape[2], o.Side
	if height%p != 0 || across%p != 0 {
		return nil, in, options.Errorf("side", "%d does not divide %s", p, in.describe())
	}
	d := cmp.Or(o.Width, channels*p*p) // it divides a side, so that a patch is no larger than the map
	e := NewPatchEmbed(s, channels, d, p)
	n := (height / p) * (across / p)
	return func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value) {
		x = g.Reshape(x, x.Shape[0], height/p, p, across/p, p, channels)
		x = g.Permute(x, 0, 1, 3, 5, 2, 4)
		return e.Proj.Forward(g, g.Reshape(x, x.Shape[0], n, channels*p*p)), mask
	}, Input{Kind: Tokens, Shape: []int{n, d}}, nil
}
