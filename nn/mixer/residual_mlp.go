package mixer

import (
	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/options"
)

func init() {
	Register(Architecture{
		Name: "residual_mlp", Doc: "A residual MLP for tables, with batch norm and, if asked for, piecewise linear embeddings of the numbers (Gorishniy et al. 2021, 2022).",
		Kinds:   []Kind{Table},
		Options: func() any { return &ResidualMLPOptions{Width: 192, Depth: 3, Hidden: 384} },
		New:     newResidualMLP,
		Suit: func(in Input, rows int) any {
			o := &ResidualMLPOptions{Width: 2 * suitWidth(rows), Depth: suitDepth(rows), Hidden: 4 * suitWidth(rows)}
			if in.Shape[0] <= manyTokens {
				o.Bins = 8
			}
			return o
		},
		Extra: true,
	})
}

// ResidualMLPOptions are the options of the architecture residual_mlp.
type ResidualMLPOptions struct {
	Width   int     `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" doc:"Features of the token."`
	Depth   int     `yaml:"depth" json:"depth" jsonschema:"minimum=1,maximum=1000" doc:"Number of blocks."`
	Hidden  int     `yaml:"hidden" json:"hidden" jsonschema:"minimum=1,maximum=68719476736" doc:"Hidden width of the blocks."`
	Bins    int     `yaml:"bins" json:"bins" jsonschema:"minimum=0,maximum=68719476736" doc:"Bins of the piecewise linear embedding of each number; 0: numbers are taken as they are."`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout after each layer of a block; default: the training's."`
}

// ResidualMLP is a linear layer of the numbers, or of their piecewise linear embeddings (Gorishniy et al. 2022), blocks, and
// relu(norm x): (b, f) to one token (b, 1, d). It is the ResNet of Gorishniy et al. 2021 without the last layer, which is the
// head. The norms are batch norms. It implements [Network].
type ResidualMLP struct {
	numbers *PiecewiseLinear // nil without embeddings
	first   *nn.Linear
	blocks  []*residualMLPBlock
	norm    *nn.BatchNorm
	width   int
}

// residualMLPBlock is x + drop(fc2(drop(relu(fc1(norm x))))).
type residualMLPBlock struct {
	norm     *nn.BatchNorm
	fc1, fc2 *nn.Linear
	dropout  float64
}

// newResidualMLP creates embed.* if there are bins, first.*, blocks.0.*, ... and norm.*.
func newResidualMLP(s *nn.Scope, in Input, given any) (Network, error) {
	o := given.(*ResidualMLPOptions)
	if err := in.check(); err != nil {
		return nil, err
	}
	m, features := &ResidualMLP{width: o.Width}, in.Shape[0]
	if o.Bins > 0 {
		n, ok := device.Elements(features, o.Bins)
		if !ok {
			return nil, options.Errorf("bins", "%d for each of %d numbers are more than %d", o.Bins, features, device.MaxElements)
		}
		m.numbers, features = NewPiecewiseLinear(s.In("embed"), features, o.Bins), n
	}
	m.first = nn.NewLinear(s.In("first"), features, o.Width)
	for i := range o.Depth {
		s := s.In("blocks", i)
		m.blocks = append(m.blocks, &residualMLPBlock{dropout: o.Dropout, norm: nn.NewBatchNorm(s.In("norm"), o.Width),
			fc1: nn.NewLinear(s.In("fc1"), o.Width, o.Hidden), fc2: nn.NewLinear(s.In("fc2"), o.Hidden, o.Width)})
		if err := s.Parameters().Err(); err != nil {
			return nil, err
		}
	}
	m.norm = nn.NewBatchNorm(s.In("norm"), o.Width)
	return m, nil
}

// Forward implements [Network].
func (m *ResidualMLP) Forward(g *nn.Graph, x, _ *nn.Value) *nn.Value {
	if m.numbers != nil {
		x = m.numbers.Forward(g, x)
	}
	x = m.first.Forward(g, x)
	for _, b := range m.blocks {
		x = b.forward(g, x)
	}
	return g.Reshape(g.ReLU(m.norm.Forward(g, x, 1)), x.Shape[0], 1, m.width)
}

func (b *residualMLPBlock) forward(g *nn.Graph, x *nn.Value) *nn.Value {
	h := g.Dropout(b.fc1.ForwardWith(g, b.norm.Forward(g, x, 1), device.ReLU, nil), b.dropout)
	if b.dropout > 0 && g.Mode() == nn.Training {
		return g.Add(x, g.Dropout(b.fc2.Forward(g, h), b.dropout))
	}
	return b.fc2.ForwardWith(g, h, device.Identity, x)
}

// Tokens implements [Network].
func (m *ResidualMLP) Tokens() int { return 1 }

// Width implements [Network].
func (m *ResidualMLP) Width() int { return m.width }
