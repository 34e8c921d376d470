package mixer

import (
	"mixmas/nn"
	"mixmas/nn/device"
)

func init() {
	Register(Architecture{
		Name: "gmlp", Doc: "gMLP: an MLP over the features, half of which gates the other half across the tokens (Liu et al. 2021).",
		Kinds:   []Kind{Map, Sequence, Text, Tokens},
		Options: func() any { return &GMLPOptions{Width: 128, Depth: 4, Hidden: 384} },
		New:     newGMLP,
		Suit: func(in Input, rows int) any {
			z, ok := suitSquare(in, rows)
			if !ok {
				return nil
			}
			return &GMLPOptions{Width: z.width, Depth: z.depth, Patch: z.patch, Hidden: 2 * z.width}
		},
		Needs: mixerNeeds,
		Extra: true,
	})
}

// GMLPOptions are the options of the architecture gmlp.
type GMLPOptions struct {
	Width   int     `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" doc:"Features per token; a fusion network uses the width of its tokens instead."`
	Depth   int     `yaml:"depth" json:"depth" jsonschema:"minimum=1,maximum=1000" doc:"Number of blocks."`
	Patch   int     `yaml:"patch" json:"patch" jsonschema:"minimum=0,maximum=68719476736" doc:"Side of the patches of a map; 0: chosen automatically."`
	Hidden  int     `yaml:"hidden" json:"hidden" jsonschema:"minimum=1,maximum=68719476736" doc:"Hidden features that are gated, by as many others; half of the hidden width of the publication."`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout of the gated features; default: the training's."`
}

func newGMLP(s *nn.Scope, in Input, given any) (Network, error) {
	o := given.(*GMLPOptions)
	return newEncoder(s, in, o.Width, o.Depth, o.Patch, func(s *nn.Scope, n, d int) (Block, error) {
		return NewGMLPBlock(s, n, d, o.Hidden, o.Dropout), nil
	})
}

// initialSpatial is the standard deviation of the elements of a new spatial projection: with a bias of 1, a new block is
// close to a plain MLP over the features, as the publication wants it for stable training.
const initialSpatial = 1e-6

// GMLPBlock is x += output(drop(u ∘ spatial(gate_norm v))) with u = gelu(value y), v = gelu(gate y) and y = norm x: the spatial
// gating unit of Liu et al. 2021, whose first projection is two layers here, one for each half. spatial is a linear layer over the
// tokens. Tokens that are not real contribute nothing to it.
type GMLPBlock struct {
	norm, gateNorm               *nn.LayerNorm
	value, gate, spatial, output *nn.Linear
	dropout                      float64
}

// NewGMLPBlock creates norm, value, gate, gate_norm, spatial and output for n tokens of d features, with c in the hidden layer.
func NewGMLPBlock(s *nn.Scope, n, d, c int, dropout float64) *GMLPBlock {
	spatial := s.In("spatial")
	return &GMLPBlock{dropout: dropout,
		norm: nn.NewLayerNorm(s.In("norm"), d, 1e-5), value: nn.NewLinear(s.In("value"), d, c), gate: nn.NewLinear(s.In("gate"), d, c),
		gateNorm: nn.NewLayerNorm(s.In("gate_norm"), c, 1e-5),
		spatial: &nn.Linear{Weight: spatial.Parameter("weight", nn.Normal(initialSpatial), n, n),
			Bias: spatial.Parameter("bias", nn.Constant(1), n)},
		output: nn.NewLinear(s.In("output"), c, d)}
}

// Forward implements [Block].
func (m *GMLPBlock) Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	y := m.norm.Forward(g, x)
	gate := m.gateNorm.Forward(g, m.gate.ForwardWith(g, y, device.GELU, nil))
	gate = m.spatial.ForwardTokens(g, masked(g, gate, mask), nil)
	y = g.Mul(m.value.ForwardWith(g, y, device.GELU, nil), gate)
	return m.output.ForwardWith(g, g.Dropout(y, m.dropout), device.Identity, x)
}
