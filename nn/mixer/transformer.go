package mixer

import (
	"mixmas/nn"
	"mixmas/nn/options"
)

func init() {
	Register(Architecture{
		Name: "transformer", Doc: "Transformer encoder: attention over the tokens, then an MLP over the features (Vaswani et al. 2017; Dosovitskiy et al. 2021).",
		Kinds: []Kind{Map, Sequence, Text, Tokens},
		Options: func() any {
			return &TransformerOptions{Width: 128, Depth: 4, Heads: 4, Hidden: 512, Norm: preNorm, Positions: learnedPositions, Token: meanOfTokens}
		},
		New:   newTransformer,
		Needs: mixerNeeds,
		Suit: func(in Input, rows int) any {
			z, ok := suitMixer(in, rows)
			if !ok {
				return nil
			}
			return &TransformerOptions{Width: z.width, Depth: z.depth, Heads: suitHeads(z.width), Hidden: 2 * z.width, Patch: z.patch,
				Norm: preNorm, Positions: learnedPositions, Token: meanOfTokens}
		},
		Extra: true,
	})
}

// The words of the options norm and token.
const (
	preNorm, postNorm        = "pre", "post"
	meanOfTokens, classOfAll = "mean", "class"
)

// TransformerOptions are the options of the architecture transformer.
type TransformerOptions struct {
	Width     int     `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" doc:"Features per token; a fusion network uses the width of its tokens instead."`
	Depth     int     `yaml:"depth" json:"depth" jsonschema:"minimum=1,maximum=1000" doc:"Number of blocks."`
	Heads     int     `yaml:"heads" json:"heads" jsonschema:"minimum=1,maximum=68719476736" doc:"Number of heads, which share the features; must divide width."`
	Hidden    int     `yaml:"hidden" json:"hidden" jsonschema:"minimum=1,maximum=68719476736" doc:"Hidden width of the MLP over features."`
	Patch     int     `yaml:"patch" json:"patch" jsonschema:"minimum=0,maximum=68719476736" doc:"Side of the patches of a map; 0: chosen automatically."`
	Norm      string  `yaml:"norm" json:"norm" jsonschema:"enum=pre,enum=post" doc:"Where the layer norms are (pre | post): before attention and MLP, with one more at the end, or after each sum as in Vaswani et al. 2017."`
	Positions string  `yaml:"positions" json:"positions" jsonschema:"enum=learned,enum=sinusoidal" doc:"What is added for the place of a token (learned | sinusoidal). That of a text's is always learned."`
	Token     string  `yaml:"token" json:"token" jsonschema:"enum=mean,enum=class" doc:"What is passed on (mean | class): all tokens, of which a head reads the mean, or only a learned token that attends to the others."`
	Dropout   float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout after the attention and after each layer of the MLP; default: the training's."`
}

// suitHeads returns a number of heads that divides the width, each with at least 8 features.
func suitHeads(width int) int {
	for _, heads := range []int{4, 2} {
		if width%heads == 0 && width/heads >= 8 {
			return heads
		}
	}
	return 1
}

// Transformer is an embedding, positions, perhaps a class token, and blocks. It implements [Network].
type Transformer struct {
	embed         embedding
	positions     *positions
	class         *classToken
	blocks        []*TransformerBlock
	norm          *nn.LayerNorm // nil after blocks that end with one
	tokens, width int
}

// newTransformer creates embed.*, positions, class_token, blocks.0.*, ... and norm.*, of which only what the options ask for.
func newTransformer(s *nn.Scope, in Input, given any) (Network, error) {
	o := given.(*TransformerOptions)
	t := &Transformer{}
	var err error
	if t.embed, t.tokens, t.width, err = embed(s, in, o.Width, o.Patch); err != nil {
		return nil, err
	}
	if t.width%o.Heads != 0 {
		return nil, options.Errorf("heads", "%d does not divide the width %d", o.Heads, t.width)
	}
	t.positions = newPositions(s, in.Kind, o.Positions, t.tokens, t.width)
	if o.Token == classOfAll {
		t.class = newClassToken(s, t.width)
	}
	for i := range o.Depth {
		t.blocks = append(t.blocks, NewTransformerBlock(s.In("blocks", i), t.width, o.Heads, o.Hidden, o.Norm == postNorm, o.Dropout))
		if err := s.Parameters().Err(); err != nil {
			return nil, err
		}
	}
	if o.Norm == preNorm {
		t.norm = nn.NewLayerNorm(s.In("norm"), t.width, 1e-5)
	}
	return t, nil
}

// Forward implements [Network].
func (t *Transformer) Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	if t.embed != nil {
		x = t.embed.Forward(g, x, mask)
	}
	x = t.positions.add(g, x)
	if t.class != nil {
		x, mask = t.class.prepend(g, x, mask)
	}
	for i, b := range t.blocks {
		x = b.forward(g, x, mask, t.class != nil && i == len(t.blocks)-1)
	}
	if t.norm != nil {
		x = t.norm.Forward(g, x)
	}
	return x
}

// Tokens implements [Network].
func (t *Transformer) Tokens() int {
	if t.class != nil {
		return 1
	}
	return t.tokens
}

// Width implements [Network].
func (t *Transformer) Width() int { return t.width }

// TransformerBlock is x += attention(norm1 x); x += mlp(norm2 x) or, with the norms behind the sums, x = norm1(x + attention(x));
// x = norm2(x + mlp(x)) (Vaswani et al. 2017). The activation of the MLP is GELU.
type TransformerBlock struct {
	Norm1, Norm2 *nn.LayerNorm
	Attention    *nn.MultiHeadAttention
	MLP          *nn.MLP
	post         bool
}

// NewTransformerBlock creates norm1, attention, norm2 and mlp for tokens of d features, with c in the hidden layer. heads must
// divide d. post puts the norms behind the sums.
func NewTransformerBlock(s *nn.Scope, d, heads, c int, post bool, dropout float64) *TransformerBlock {
	return &TransformerBlock{Norm1: nn.NewLayerNorm(s.In("norm1"), d, 1e-5), Norm2: nn.NewLayerNorm(s.In("norm2"), d, 1e-5),
		Attention: nn.NewMultiHeadAttention(s.In("attention"), d, heads), MLP: nn.NewMLP(s.In("mlp"), d, c, d, dropout), post: post}
}

// Forward implements [Block].
func (t *TransformerBlock) Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	return t.forward(g, x, mask, false)
}

// forward records the block, or only what it makes of the first token.
func (t *TransformerBlock) forward(g *nn.Graph, x, mask *nn.Value, first bool) *nn.Value {
	if t.post {
		x = t.Norm1.Forward(g, attended(g, t.Attention, x, x, mask, first, t.MLP.Dropout))
		return t.Norm2.Forward(g, t.MLP.Forward(g, x, x))
	}
	x = attended(g, t.Attention, x, t.Norm1.Forward(g, x), mask, first, t.MLP.Dropout)
	return t.MLP.Mix(g, t.Norm2, x)
}

// attended returns x + drop(attention of normed to itself), all (b, n, d), or only the first token of it.
func attended(g *nn.Graph, a *nn.MultiHeadAttention, x, normed, mask *nn.Value, first bool, dropout float64) *nn.Value {
	queries := normed
	if first {
		if queries = g.Slice(normed, 1, 0, 1); x == normed {
			x = queries
		} else {
			x = g.Slice(x, 1, 0, 1)
		}
	}
	return addAttention(g, a, x, queries, normed, mask, dropout)
}

// addAttention returns x + drop(attention of queries to keys).
func addAttention(g *nn.Graph, a *nn.MultiHeadAttention, x, queries, keys, mask *nn.Value, dropout float64) *nn.Value {
	if dropout > 0 && g.Mode() == nn.Training {
		return g.Add(x, g.Dropout(a.Forward(g, queries, keys, mask, nil), dropout))
	}
	return a.Forward(g, queries, keys, mask, x)
}
