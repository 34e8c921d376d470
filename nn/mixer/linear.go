package mixer

import (
	"mixmas/nn"
	"mixmas/nn/dimensions"
)

func init() {
	Register(Architecture{
		Name: "linear", Doc: "No layers: the input is one token, so that with a head it is a linear model; of a text, the mean of its words.",
		Kinds:   []Kind{Map, Sequence, Text, Table},
		Options: func() any { return &LinearOptions{Width: 64} },
		New:     newLinear,
	})
}

// LinearOptions are the options of the architecture linear.
type LinearOptions struct {
	Width int `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" doc:"Features per word of a text without word vectors; other inputs are taken as they are."`
}

// flattened is an input (b, ...) as one token (b, 1, f). It implements [Network].
type flattened int

func newLinear(s *nn.Scope, in Input, given any) (Network, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if in.Kind != Text {
		return flattened(dimensions.Product(in.Shape)), nil
	}
	width := in.Vectors
	if width == 0 {
		width = given.(*LinearOptions).Width
	}
	return &wordMean{table: s.In("embed").Parameter("table", nn.Normal(initialWord), in.Vocabulary, width), width: width}, nil
}

// Forward implements [Network]. Steps of a sequence that are not real are zeros already.
func (f flattened) Forward(g *nn.Graph, x, _ *nn.Value) *nn.Value {
	return g.Reshape(x, x.Shape[0], 1, int(f))
}

// Tokens implements [Network].
func (f flattened) Tokens() int { return 1 }

// Width implements [Network].
func (f flattened) Width() int { return int(f) }

// wordMean is the mean of the rows of a table (vocabulary, d) that a text's real tokens (b, n) select: (b, 1, d). It implements
// [Network].
type wordMean struct {
	table *nn.Parameter
	width int
}

// Forward implements [Network].
func (m *wordMean) Forward(g *nn.Graph, ids, mask *nn.Value) *nn.Value {
	words := g.Embedding(ids, g.Parameter(m.table))
	return g.Reshape(meanToken(g, words, mask), ids.Shape[0], 1, m.width)
}

// Tokens implements [Network].
func (m *wordMean) Tokens() int { return 1 }

// Width implements [Network].
func (m *wordMean) Width() int { return m.width }
