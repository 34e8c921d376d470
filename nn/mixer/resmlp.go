package mixer

import "mixmas/nn"

func init() {
	Register(Architecture{
		Name: "resmlp", Doc: "ResMLP: a linear layer over the tokens, then an MLP over the features, without norms (Touvron et al. 2021).",
		Kinds:   []Kind{Map, Sequence, Text, Tokens},
		Options: func() any { return &ResMLPOptions{Width: 128, Depth: 4, Hidden: 512} },
		New:     newResMLP,
		Suit: func(in Input, rows int) any {
			z, ok := suitSquare(in, rows)
			if !ok {
				return nil
			}
			return &ResMLPOptions{Width: z.width, Depth: z.depth, Patch: z.patch, Hidden: 2 * z.width}
		},
		Needs: mixerNeeds,
		Extra: true,
	})
}

// ResMLPOptions are the options of the architecture resmlp.
type ResMLPOptions struct {
	Width   int     `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" doc:"Features per token; a fusion network uses the width of its tokens instead."`
	Depth   int     `yaml:"depth" json:"depth" jsonschema:"minimum=1,maximum=1000" doc:"Number of blocks."`
	Patch   int     `yaml:"patch" json:"patch" jsonschema:"minimum=0,maximum=68719476736" doc:"Side of the patches of a map; 0: chosen automatically."`
	Hidden  int     `yaml:"hidden" json:"hidden" jsonschema:"minimum=1,maximum=68719476736" doc:"Hidden width of the MLP over features; 4 times width in the publication."`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout after each layer of the MLP; default: the training's."`
}

func newResMLP(s *nn.Scope, in Input, given any) (Network, error) {
	o := given.(*ResMLPOptions)
	return newEncoderWith(s, in, o.Width, o.Depth, o.Patch, func(s *nn.Scope, d int) layer { return newAffine(s, d) },
		func(s *nn.Scope, n, d int) (Block, error) {
			return NewResMLPBlock(s, n, d, o.Hidden, LayerScale(o.Depth), o.Dropout), nil
		})
}

// LayerScale returns what the factors of residuals begin with in a network of some blocks: the deeper, the smaller (Touvron et al. 2021).
func LayerScale(depth int) float32 {
	switch {
	case depth <= 18:
		return 0.1
	case depth <= 24:
		return 1e-5
	}
	return 1e-6
}

// affine is weight ∘ x + bias over the features of each token, in the place of a norm.
type affine struct{ weight, bias *nn.Parameter }

// newAffine creates weight (d) of ones and bias (d) of zeros.
func newAffine(s *nn.Scope, d int) *affine {
	return &affine{s.Parameter("weight", nn.Constant(1), d), s.Parameter("bias", nn.Constant(0), d)}
}

func (a *affine) Forward(g *nn.Graph, x *nn.Value) *nn.Value {
	return g.Add(g.Mul(x, g.Parameter(a.weight)), g.Parameter(a.bias))
}

// ResMLPBlock is x += scale1 ∘ spatial(affine1 x); x += scale2 ∘ mlp(affine2 x), where spatial is a linear layer over the tokens
// and the scales have an element per feature (Touvron et al. 2021). Tokens that are not real contribute nothing to spatial.
type ResMLPBlock struct {
	affine1, affine2 *affine
	spatial          *nn.Linear
	mlp              *nn.MLP
	scale1, scale2   *nn.Parameter
}

// NewResMLPBlock creates affine1, spatial, scale1, affine2, mlp and scale2 for n tokens of d features, with c in the hidden layer.
// The scales begin with scale.
func NewResMLPBlock(s *nn.Scope, n, d, c int, scale float32, dropout float64) *ResMLPBlock {
	return &ResMLPBlock{affine1: newAffine(s.In("affine1"), d), affine2: newAffine(s.In("affine2"), d),
		spatial: nn.NewLinear(s.In("spatial"), n, n), mlp: nn.NewMLP(s.In("mlp"), d, c, d, dropout),
		scale1: s.Parameter("scale1", nn.Constant(scale), d), scale2: s.Parameter("scale2", nn.Constant(scale), d)}
}

// Forward implements [Block].
func (m *ResMLPBlock) Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	y := m.spatial.ForwardTokens(g, masked(g, m.affine1.Forward(g, x), mask), nil)
	x = g.Add(x, g.Mul(y, g.Parameter(m.scale1)))
	y = m.mlp.Forward(g, m.affine2.Forward(g, x), nil)
	return g.Add(x, g.Mul(y, g.Parameter(m.scale2)))
}
