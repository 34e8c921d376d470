package mixer

import (
	"fmt"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/options"
)

func init() {
	registerRecurrent("gru", "Gated recurrent units: a state that is carried from step to step (Cho et al. 2014).", device.GRU)
	registerRecurrent("lstm", "Long short-term memory: a state and a cell carried from step to step (Hochreiter and Schmidhuber 1997).", device.LSTM)
}

func registerRecurrent(name, doc string, cell device.Cell) {
	Register(Architecture{
		Name: name, Doc: doc,
		Kinds:   []Kind{Sequence, Text, Tokens},
		Options: func() any { return &RecurrentOptions{Width: 128, Depth: 1} },
		New: func(s *nn.Scope, in Input, given any) (Network, error) {
			return newRecurrent(s, in, cell, given.(*RecurrentOptions))
		},
		Suit: func(in Input, rows int) any {
			o := &RecurrentOptions{Width: 2 * suitWidth(rows), Depth: 1, Bidirectional: true}
			if in.Kind == Tokens {
				o.Width = in.Shape[1]
				o.Bidirectional = o.Width%2 == 0
			}
			return o
		},
		Extra: true,
	})
}

// RecurrentOptions are the options of the architectures gru and lstm.
type RecurrentOptions struct {
	Width         int     `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" doc:"Features per token; a fusion network uses the width of its tokens instead."`
	Depth         int     `yaml:"depth" json:"depth" jsonschema:"minimum=1,maximum=1000" doc:"Number of layers, each over the states of the one before."`
	Bidirectional bool    `yaml:"bidirectional" json:"bidirectional" doc:"Half of the features are the states of cells that read from the last step to the first."`
	Dropout       float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout between the layers; default: the training's."`
}

// Recurrent is layers of recurrent cells over the steps of a sequence (b, n, f), of embedded words, or of tokens. The tokens (b, n,
// d) are the states of the last layer after each step, and zeros for masked steps, which change no state. With two directions,
// each has half of the features, the forward ones first. The parameters are named as in PyTorch's GRU and LSTM. It implements
// [Network].
type Recurrent struct {
	embed  embedding
	layers [][]*nn.Recurrent // of each layer, its directions
	tokens int
	width  int
	drop   float64
}

func newRecurrent(s *nn.Scope, in Input, cell device.Cell, o *RecurrentOptions) (Network, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	m := &Recurrent{tokens: in.Shape[0], width: o.Width, drop: o.Dropout}
	features := o.Width
	switch in.Kind {
	case Text:
		m.embed = NewTextEmbed(s.In("embed"), in.Vocabulary, in.Shape[0], o.Width, in.Vectors)
	case Sequence:
		features = in.Shape[1]
	case Tokens:
		features, m.width = in.Shape[1], in.Shape[1]
	default:
		return nil, fmt.Errorf("inputs of kind %q have no steps", in.Kind)
	}
	for i := range o.Depth {
		layer, err := newDirections(s.In("rnn"), cell, features, m.width, i, o.Bidirectional)
		if err == nil {
			err = s.Parameters().Err()
		}
		if err != nil {
			return nil, err
		}
		m.layers, features = append(m.layers, layer), m.width
	}
	return m, nil
}

// newDirections creates the cells of layer i, with their share of the width each: *_li and, of two directions, *_li_reverse.
func newDirections(s *nn.Scope, cell device.Cell, in, width, i int, bidirectional bool) (cells []*nn.Recurrent, err error) {
	directions := []string{""}
	if bidirectional {
		directions = append(directions, "_reverse")
	}
	if width%len(directions) != 0 {
		return nil, options.Errorf("bidirectional", "the width %d is odd: each direction has half of it", width)
	}
	for _, direction := range directions {
		cells = append(cells, nn.NewRecurrent(s, cell, in, width/len(directions), fmt.Sprintf("_l%d%s", i, direction)))
	}
	return cells, nil
}

// Forward implements [Network].
func (m *Recurrent) Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	if m.embed != nil {
		x = m.embed.Forward(g, x, mask)
	}
	for i, layer := range m.layers {
		if i > 0 {
			x = g.Dropout(x, m.drop)
		}
		states := make([]*nn.Value, len(layer))
		for k, cell := range layer {
			states[k] = cell.Forward(g, x, mask, k == 1)
		}
		if x = states[0]; len(states) > 1 {
			x = g.Concat(2, states...)
		}
	}
	return x
}

// Tokens implements [Network].
func (m *Recurrent) Tokens() int { return m.tokens }

// Width implements [Network].
func (m *Recurrent) Width() int { return m.width }
