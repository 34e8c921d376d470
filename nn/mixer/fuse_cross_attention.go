package mixer

import (
	"mixmas/nn"
	"mixmas/nn/options"
)

func init() {
	RegisterFusion(Fusion{
		Name: "cross_attention", Doc: "All tokens, after each modality's have attended to those of the others (Yu et al. 2020).",
		Options: func() any { return &CrossAttentionOptions{} },
		New:     newCrossAttention,
	})
}

// CrossAttentionOptions are the options of the fusion function cross_attention.
type CrossAttentionOptions struct {
	Heads   int     `yaml:"heads" json:"heads" jsonschema:"minimum=0,maximum=68719476736" doc:"Number of heads, which share the features; must divide the width of the tokens. 0: 4, 2 or 1, with 8 features or more each."`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout after the attention; default: the training's."`
}

// HeadsOf returns the number of heads for tokens of a width.
func (o *CrossAttentionOptions) HeadsOf(width int) int {
	if o.Heads == 0 {
		return suitHeads(width)
	}
	return o.Heads
}

// crossAttention is x_i + attention_i(norm_i x_i, all norm_j x_j with j ≠ i) for the tokens x_i of each modality, one modality
// after the other: the guided attention of MMnas (Yu et al. 2020) with the norm before it, from each modality to all others. The
// tokens of one modality alone stay as they are, and so do those of a sample that has none of the others, but for the bias of the
// attention. Tokens that are not real become zeros.
type crossAttention struct {
	norms         []*nn.LayerNorm
	attentions    []*nn.MultiHeadAttention
	tokens, width int
	dropout       float64
}

// newCrossAttention creates norms.0.*, ... and attentions.0.*, ..., unless there is only one modality.
func newCrossAttention(s *nn.Scope, tokens []Input, given any) (Fuser, error) {
	o := given.(*CrossAttentionOptions)
	c := &crossAttention{width: tokens[0].Shape[1], dropout: o.Dropout}
	heads := o.HeadsOf(c.width)
	if c.width%heads != 0 {
		return nil, options.Errorf("heads", "%d does not divide the width %d", heads, c.width)
	}
	for i, in := range tokens {
		c.tokens += in.Shape[0]
		if len(tokens) > 1 {
			c.norms = append(c.norms, nn.NewLayerNorm(s.In("norms", i), c.width, 1e-5))
			c.attentions = append(c.attentions, nn.NewMultiHeadAttention(s.In("attentions", i), c.width, heads))
		}
	}
	return c, nil
}

func (c *crossAttention) Tokens() int { return c.tokens }
func (c *crossAttention) Width() int  { return c.width }

func (c *crossAttention) Forward(g *nn.Graph, tokens, masks []*nn.Value) (fused, mask *nn.Value) {
	if len(tokens) == 1 {
		return tokens[0], masks[0]
	}
	normed, attended := make([]*nn.Value, len(tokens)), make([]*nn.Value, len(tokens))
	for i, x := range tokens {
		normed[i] = c.norms[i].Forward(g, x)
	}
	for i, x := range tokens {
		var others, real []*nn.Value
		for j := range tokens {
			if j != i {
				others, real = append(others, normed[j]), append(real, masks[j])
			}
		}
		keys := others[0]
		if len(others) > 1 {
			keys = g.Concat(1, others...)
		}
		attended[i] = addAttention(g, c.attentions[i], x, normed[i], keys, concatMasks(g, others, real), c.dropout)
		if masks[i] != nil {
			attended[i] = g.Mul(attended[i], g.Reshape(masks[i], x.Shape[0], x.Shape[1], 1))
		}
	}
	return g.Concat(1, attended...), concatMasks(g, tokens, masks)
}
