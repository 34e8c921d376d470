package mixer

import (
	"fmt"
	"slices"
	"strings"

	"mixmas/nn"
)

// encodedModality is an input of a model and the network that encodes it.
type encodedModality struct {
	name    string
	kind    Kind
	shape   []int
	masked  bool
	network Network
	stored  bool // the input is the tokens, see [BuildFrozen]
}

// encoded is what is recorded of a modality.
type encoded struct {
	// tokens (b, n, d), and their mask (b, n): 1 for real ones, 0 for others. The mask is nil if all tokens are real.
	tokens, mask *nn.Value
	// present (b, 1) is 1 for the rows that have the modality and 0 for those that lack it; nil if all count as having it.
	// Where it is not nil, tokens that are not real are zeros.
	present *nn.Value
}

// mean returns the mean (b, d) over the real tokens; it is zero for rows without any.
func (e encoded) mean(g *nn.Graph) *nn.Value {
	if e.present != nil {
		return meanOfReal(g, e.tokens, e.mask)
	}
	return meanToken(g, e.tokens, e.mask)
}

func newModality(s *nn.Scope, m Modality) (encodedModality, error) {
	if m.Name == "" || strings.Contains(m.Name, ".") {
		return encodedModality{}, fmt.Errorf("modality %q: want a name without dots", m.Name)
	}
	if m.Kind == Tokens {
		return encodedModality{}, fmt.Errorf("modality %s: kind %q is for fusion networks: want %s, %s, %s or %s", m.Name, m.Kind, Map, Sequence, Text, Table)
	}
	if m.Kind == Text && !m.Masked {
		return encodedModality{}, fmt.Errorf("modality %s: a text is always masked", m.Name)
	}
	network, err := m.Encoder.network(s, m.Input())
	if err == nil {
		err = s.Parameters().Err()
	}
	if err != nil {
		return encodedModality{}, fmt.Errorf("modality %s: %w", m.Name, err)
	}
	return encodedModality{name: m.Name, kind: m.Kind, shape: slices.Clone(m.Shape), masked: m.Masked, network: network}, nil
}

// Output returns the number and width of the tokens of the modality's encoder.
func (m Modality) Output() (tokens, width int, err error) {
	e, err := newModality(nn.NewScope(), m)
	if err != nil {
		return 0, 0, err
	}
	return e.network.Tokens(), e.network.Width(), nil
}

// inputs lists the modality's input and, if it is masked, the mask of its steps or of the whole rows.
func (m encodedModality) inputs() []nn.ModelInput {
	list := []nn.ModelInput{{Name: m.name, Shape: m.shape}}
	if m.stored {
		list[0] = nn.ModelInput{Name: TokensInput(m.name), Shape: []int{m.network.Tokens(), m.network.Width()}}
	}
	if m.masked {
		list = append(list, nn.ModelInput{Name: m.name + ".mask", Shape: []int{m.kind.Steps(m.shape)}})
	}
	return list
}

// encode takes the modality's inputs from the list and records its tokens. What the rows that lack the modality hold does not
// matter: their tokens are zeros and add nothing to a gradient. (Only in a batch norm, as in RaMLP, do all rows count.) The tokens
// of masked steps of a sequence are left as the network makes them, and rows without steps count as having the modality: so
// programs of sequences stay as they are, with the scores that people have of them.
func (m encodedModality) encode(g *nn.Graph, inputs []*nn.Value) (e encoded, rest []*nn.Value) {
	x, rest := inputs[0], inputs[1:]
	if !m.masked {
		e.tokens = m.network.Forward(g, x, nil)
		return e, rest
	}
	mask, rest := rest[0], rest[1:]
	b, n := mask.Shape[0], m.network.Tokens()
	switch m.kind {
	case Sequence:
		e.tokens, e.mask = m.network.Forward(g, x, mask), mask
		if n != m.shape[0] {
			e.mask = nil
		}
		return e, rest
	case Text:
		e.tokens, e.mask, e.present = m.network.Forward(g, x, mask), mask, anyReal(g, mask)
	default: // the tokens of a row are all real or not, so that the network needs no mask
		e.tokens, e.present = m.network.Forward(g, x, nil), mask
	}
	if e.mask == nil || n != m.shape[0] {
		e.mask = g.Mul(e.present, g.ConstantOf("ones", nn.Ones, 1, n))
	}
	e.tokens = g.Mul(e.tokens, g.Reshape(e.mask, b, n, 1))
	return e, rest
}

// anyReal returns 1 for each row of a mask (b, n) with a real token and 0 for others: (b, 1).
func anyReal(g *nn.Graph, mask *nn.Value) *nn.Value {
	minusOne := g.Constant("minus one", []float32{-1}, 1)
	count := g.Sum(mask, 1)
	several := g.ReLU(g.Add(count, minusOne)) // beyond the first
	return g.Reshape(g.Add(count, g.Mul(several, minusOne)), mask.Shape[0], 1)
}
