package mixer

import (
	"fmt"

	"mixmas/nn"
	"mixmas/nn/device"
)

// Block maps tokens (b, n, d) to tokens of the same shape. mask is nil or marks real tokens (b, n).
type Block interface {
	Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value
}

// Encoder is embedding, blocks, and a layer norm: tokens (b, n, d). It implements [Network].
type Encoder struct {
	embed         embedding
	blocks        []Block
	norm          *nn.LayerNorm
	tokens, width int
}

// newEncoder creates the embedding of an input (embed.*), depth blocks (blocks.0.*, ...) and the last norm (norm.*).
func newEncoder(s *nn.Scope, in Input, width, depth, patch int, block func(s *nn.Scope, n, d int) (Block, error)) (Network, error) {
	if err := positive(option{"width", width}); err != nil {
		return nil, err
	}
	if err := countable(option{"depth", depth}); err != nil {
		return nil, err
	}
	if patch < 0 {
		return nil, fmt.Errorf("option patch: want 0 or more, got %d", patch)
	}
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
	e.norm = nn.NewLayerNorm(s.In("norm"), e.width, 1e-5)
	return &e, nil
}

// Forward implements [Network].
func (e *Encoder) Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	if e.embed != nil {
		x = e.embed.Forward(g, x)
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

// option is a number of an options struct.
type option struct {
	name  string
	value int
}

// positive refuses the first option that is below 1, or larger than any tensor.
func positive(options ...option) error {
	for _, o := range options {
		if o.value < 1 {
			return fmt.Errorf("option %s: want at least 1, got %d", o.name, o.value)
		}
		if o.value > device.MaxElements {
			return fmt.Errorf("option %s: want at most %d, got %d", o.name, device.MaxElements, o.value)
		}
	}
	return nil
}

// maximumDepth bounds a number of blocks or layers: each takes time and memory before anything is trained.
const maximumDepth = 1000

// countable refuses a number of blocks or layers below 1 or above maximumDepth.
func countable(depth option) error {
	if depth.value > maximumDepth {
		return fmt.Errorf("option %s: want at most %d, got %d", depth.name, maximumDepth, depth.value)
	}
	return positive(depth)
}

// probability refuses a dropout outside 0 ≤ p < 1.
func probability(dropout float64) error {
	if !(dropout >= 0 && dropout < 1) {
		return fmt.Errorf("option dropout: want at least 0 and less than 1, got %v", dropout)
	}
	return nil
}

// wrongOptions is the error of options that are not the architecture's own.
func wrongOptions(name string, options any) error {
	return fmt.Errorf("architecture %s does not take options of type %T", name, options)
}

// meanToken is the mean over the tokens of x (b, n, d), real ones only where there is a mask (b, n): (b, d). A sample
// without real tokens has a mean of zero.
func meanToken(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	if mask == nil {
		return g.Mean(x, 1)
	}
	b, n := mask.Shape[0], mask.Shape[1]
	sum := g.Sum(g.Mul(x, g.Reshape(mask, b, n, 1)), 1)
	one := g.Constant("one", []float32{1}, 1)
	minusOne := g.Constant("minus one", []float32{-1}, 1)
	count := g.Add(g.ReLU(g.Add(g.Sum(mask, 1), minusOne)), one) // at least 1
	return g.Div(sum, g.Reshape(count, b, 1))
}
