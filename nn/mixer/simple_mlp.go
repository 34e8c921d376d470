package mixer

import (
	"mixmas/nn"
	"mixmas/nn/device"
)

func init() {
	Register(Architecture{
		Name: "simple_mlp", Doc: "A plain MLP for tables, giving one token (Bezirganyan et al. 2023).",
		Kinds:   []Kind{Table},
		Options: func() any { return &SimpleMLPOptions{Hidden: 64, Width: 64, Layers: 2} },
		New:     newSimpleMLP,
		Suit: func(in Input, rows int) any {
			return &SimpleMLPOptions{Hidden: powerOfTwo(2*in.Shape[0], 32, 2*suitWidth(rows)), Width: suitWidth(rows), Layers: suitDepth(rows)}
		},
	})
}

// SimpleMLPOptions are the options of the architecture simple_mlp.
type SimpleMLPOptions struct {
	Hidden  int     `yaml:"hidden" json:"hidden" jsonschema:"minimum=1,maximum=68719476736" doc:"Width of the hidden layers."`
	Width   int     `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" doc:"Features of the token."`
	Layers  int     `yaml:"layers" json:"layers" jsonschema:"minimum=1,maximum=1000" doc:"Number of hidden layers."`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout after each hidden layer; default: the training's."`
}

// SimpleMLP is [linear, ReLU, dropout] k times, then a linear layer to one token: (b, f) to (b, 1, d). It implements
// [Network].
type SimpleMLP struct {
	hidden  []*nn.Linear
	out     *nn.Linear
	width   int
	dropout float64
}

func newSimpleMLP(s *nn.Scope, in Input, given any) (Network, error) {
	o := given.(*SimpleMLPOptions)
	if err := in.check(); err != nil {
		return nil, err
	}
	m := &SimpleMLP{width: o.Width, dropout: o.Dropout}
	features := in.Shape[0]
	for i := range o.Layers {
		m.hidden = append(m.hidden, nn.NewLinear(s.In("hidden", i), features, o.Hidden))
		features = o.Hidden
	}
	m.out = nn.NewLinear(s.In("out"), features, o.Width)
	return m, nil
}

// Forward implements [Network].
func (m *SimpleMLP) Forward(g *nn.Graph, x, _ *nn.Value) *nn.Value {
	for _, layer := range m.hidden {
		x = g.Dropout(layer.ForwardWith(g, x, device.ReLU, nil), m.dropout)
	}
	return g.Reshape(m.out.Forward(g, x), x.Shape[0], 1, m.width)
}

// Tokens implements [Network].
func (m *SimpleMLP) Tokens() int { return 1 }

// Width implements [Network].
func (m *SimpleMLP) Width() int { return m.width }
