package mixer

import "mixmas/nn"

// Block maps tokens (b, n, d) to tokens of the same shape. mask is nil or marks real tokens (b, n).
type Block interface {
	Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value
}

// Encoder is embedding, blocks, and a layer norm or what an architecture has in its place: tokens (b, n, d). It implements
// [Network].
type Encoder struct {
	embed         embedding
	blocks        []Block
	norm          layer
	tokens, width int
}

// layer maps each token on its own.
type layer interface {
	Forward(g *nn.Graph, x *nn.Value) *nn.Value
}

// newEncoder creates the embedding of an input (embed.*), depth blocks (blocks.0.*, ...) and the last norm (norm.*).
func newEncoder(s *nn.Scope, in Input, width, depth, patch int, block func(s *nn.Scope, n, d int) (Block, error)) (Network, error) {
	return newEncoderWith(s, in, width, depth, patch, func(s *nn.Scope, d int) layer { return nn.NewLayerNorm(s, d, 1e-5) }, block)
}

// newEncoderWith is newEncoder with another layer than a layer norm at the end.
func newEncoderWith(s *nn.Scope, in Input, width, depth, patch int, norm func(s *nn.Scope, d int) layer,
	block func(s *nn.Scope, n, d int) (Block, error)) (Network, error) {
	var e Encoder
	var err error
	if e.embed, e.tokens, e.width, err = embed(s, in, width, patch); err != nil {
		return nil, err
	}
	for i := range depth {
		b, err := block(s.In("blocks", i), e.tokens, e.width)
		if err != nil {
			return nil, err
		}
		if err := s.Parameters().Err(); err != nil {
			return nil, err
		}
		e.blocks = append(e.blocks, b)
	}
	e.norm = norm(s.In("norm"), e.width)
	return &e, nil
}

// Forward implements [Network].
func (e *Encoder) Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	if e.embed != nil {
		x = e.embed.Forward(g, x, mask)
	}
	for _, b := range e.blocks {
		x = b.Forward(g, x, mask)
	}
	return e.norm.Forward(g, x)
}

// Tokens implements [Network].
func (e *Encoder) Tokens() int { return e.tokens }

// Width implements [Network].
func (e *Encoder) Width() int { return e.width }

// meanToken returns the mean (b, d) over the tokens of x (b, n, d), or over the real tokens if there is a mask (b, n). The
// mean of a sample without real tokens is zero.
func meanToken(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	if mask == nil {
		return g.Mean(x, 1)
	}
	return meanOfReal(g, g.Mul(x, g.Reshape(mask, mask.Shape[0], mask.Shape[1], 1)), mask)
}

// meanOfReal is meanToken for tokens that are zeros already where the mask is 0.
func meanOfReal(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	sum := g.Sum(x, 1)
	one := g.Constant("one", []float32{1}, 1)
	minusOne := g.Constant("minus one", []float32{-1}, 1)
	count := g.Add(g.ReLU(g.Add(g.Sum(mask, 1), minusOne)), one) // at least 1
	return g.Div(sum, g.Reshape(count, mask.Shape[0], 1))
}
