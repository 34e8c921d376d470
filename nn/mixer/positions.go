package mixer

import "mixmas/nn"

// The words of the option positions.
const (
	learnedPositions    = "learned"
	sinusoidalPositions = "sinusoidal"
)

// initialToken is the standard deviation of the elements of new positions, class tokens and feature tokens, as in ViT
// (Dosovitskiy et al. 2021).
const initialToken = 0.02

// positions says where tokens are: something for each place is added to them. A text has its own in its embedding.
type positions struct {
	learned *nn.Parameter // (n, d); nil if they are sinusoidal
	n, d    int
}

// newPositions creates positions (n, d) if they are learned. It returns nil for a text.
func newPositions(s *nn.Scope, kind Kind, word string, n, d int) *positions {
	if kind == Text {
		return nil
	}
	p := &positions{n: n, d: d}
	if word == learnedPositions {
		p.learned = s.Parameter("positions", nn.Normal(initialToken), n, d)
	}
	return p
}

// add adds the positions to tokens (b, n, d).
func (p *positions) add(g *nn.Graph, x *nn.Value) *nn.Value {
	switch {
	case p == nil:
		return x
	case p.learned != nil:
		return g.Add(x, g.Parameter(p.learned))
	}
	return g.Add(x, g.ConstantOf("positions", func(data []float32) { sinusoid(data, p.d) }, p.n, p.d))
}

// classToken is a learned token that is put before the tokens of every sample.
type classToken struct{ token *nn.Parameter }

// newClassToken creates class_token (1, d).
func newClassToken(s *nn.Scope, d int) *classToken {
	return &classToken{s.Parameter("class_token", nn.Normal(initialToken), 1, d)}
}

// prepend returns tokens (b, 1+n, d) and their mask, nil if mask (b, n) is.
func (c *classToken) prepend(g *nn.Graph, x, mask *nn.Value) (tokens, realTokens *nn.Value) {
	b, d := x.Shape[0], x.Shape[2]
	first := g.Add(g.ConstantOf("no token", func([]float32) {}, b, 1, d), g.Parameter(c.token))
	if mask != nil {
		mask = g.Concat(1, g.ConstantOf("mask", nn.Ones, b, 1), mask)
	}
	return g.Concat(1, first, x), mask
}
