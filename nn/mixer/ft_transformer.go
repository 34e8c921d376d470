package mixer

import (
	"fmt"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/options"
)

func init() {
	Register(Architecture{
		Name: "ft_transformer", Doc: "FT-Transformer for tables: each number is a token, and a class token attends to them (Gorishniy et al. 2021).",
		Kinds:   []Kind{Table},
		Options: func() any { return &FTTransformerOptions{Width: 192, Depth: 3, Heads: 8, Hidden: 256} },
		New:     newFTTransformer,
		Needs:   fmt.Sprintf("at most %d features", tooMany),
		Suit: func(in Input, rows int) any {
			if in.Shape[0] > tooMany { // an attention costs its square
				return nil
			}
			width, depth := suitWidth(rows), suitDepth(rows)
			if in.Shape[0] > manyTokens {
				depth = 1
			}
			return &FTTransformerOptions{Width: width, Depth: depth, Heads: suitHeads(width), Hidden: width * 4 / 3}
		},
		Extra: true,
	})
}

// FTTransformerOptions are the options of the architecture ft_transformer.
type FTTransformerOptions struct {
	Width   int     `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" doc:"Features per token."`
	Depth   int     `yaml:"depth" json:"depth" jsonschema:"minimum=1,maximum=1000" doc:"Number of blocks."`
	Heads   int     `yaml:"heads" json:"heads" jsonschema:"minimum=1,maximum=68719476736" doc:"Number of heads, which share the features; must divide width."`
	Hidden  int     `yaml:"hidden" json:"hidden" jsonschema:"minimum=1,maximum=68719476736" doc:"Hidden width of the gated layer over features; 4/3 of width in the publication."`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout after the hidden layer; default: the training's."`
}

// FTTransformer turns each number x_j of a table into a token x_j w_j + b_j, puts a class token before them, and passes it on after
// the blocks as relu(norm(class)): (b, f) to (b, 1, d). The first block has no norm before its attention (Gorishniy et al. 2021).
// It has no dropout of the shares. It implements [Network].
type FTTransformer struct {
	weight, bias *nn.Parameter
	class        *classToken
	blocks       []*ftBlock
	norm         *nn.LayerNorm
	width        int
}

// ftBlock is x += attention(norm1 x); x += output(drop(value(y) relu(gate(y)))) with y = norm2 x: the hidden layer is ReGLU
// (Shazeer 2020).
type ftBlock struct {
	norm1, norm2        *nn.LayerNorm // norm1 is nil in the first block
	attention           *nn.MultiHeadAttention
	value, gate, output *nn.Linear
	dropout             float64
}

// newFTTransformer creates features.weight and features.bias (f, d), class_token, blocks.0.*, ... and norm.*.
func newFTTransformer(s *nn.Scope, in Input, given any) (Network, error) {
	o := given.(*FTTransformerOptions)
	if err := in.check(); err != nil {
		return nil, err
	}
	if o.Width%o.Heads != 0 {
		return nil, options.Errorf("heads", "%d does not divide the width %d", o.Heads, o.Width)
	}
	features, f, d := s.In("features"), in.Shape[0], o.Width
	t := &FTTransformer{weight: features.Parameter("weight", nn.FanIn(d), f, d), bias: features.Parameter("bias", nn.FanIn(d), f, d),
		class: newClassToken(s, d), width: d}
	for i := range o.Depth {
		s := s.In("blocks", i)
		b := &ftBlock{norm2: nn.NewLayerNorm(s.In("norm2"), d, 1e-5), attention: nn.NewMultiHeadAttention(s.In("attention"), d, o.Heads),
			value: nn.NewLinear(s.In("value"), d, o.Hidden), gate: nn.NewLinear(s.In("gate"), d, o.Hidden), output: nn.NewLinear(s.In("output"), o.Hidden, d),
			dropout: o.Dropout}
		if i > 0 {
			b.norm1 = nn.NewLayerNorm(s.In("norm1"), d, 1e-5)
		}
		if err := s.Parameters().Err(); err != nil {
			return nil, err
		}
		t.blocks = append(t.blocks, b)
	}
	t.norm = nn.NewLayerNorm(s.In("norm"), d, 1e-5)
	return t, nil
}

// Forward implements [Network].
func (t *FTTransformer) Forward(g *nn.Graph, x, _ *nn.Value) *nn.Value {
	x = g.Mul(g.Reshape(x, x.Shape[0], x.Shape[1], 1), g.Parameter(t.weight))
	x, _ = t.class.prepend(g, g.Add(x, g.Parameter(t.bias)), nil)
	for i, b := range t.blocks {
		x = b.forward(g, x, i == len(t.blocks)-1)
	}
	return g.ReLU(t.norm.Forward(g, x))
}

// forward records the block, or only what it makes of the class token.
func (b *ftBlock) forward(g *nn.Graph, x *nn.Value, first bool) *nn.Value {
	normed := x
	if b.norm1 != nil {
		normed = b.norm1.Forward(g, x)
	}
	x = attended(g, b.attention, x, normed, nil, first, 0)
	y := b.norm2.Forward(g, x)
	y = g.Mul(b.value.Forward(g, y), b.gate.ForwardWith(g, y, device.ReLU, nil))
	return b.output.ForwardWith(g, g.Dropout(y, b.dropout), device.Identity, x)
}

// Tokens implements [Network].
func (t *FTTransformer) Tokens() int { return 1 }

// Width implements [Network].
func (t *FTTransformer) Width() int { return t.width }
