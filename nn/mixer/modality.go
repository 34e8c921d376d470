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
	shape   []int
	masked  bool
	network Network
}

func newModality(s *nn.Scope, m Modality) (encodedModality, error) {
	if m.Name == "" || strings.Contains(m.Name, ".") {
		return encodedModality{}, fmt.Errorf("modality %q: want a name without dots", m.Name)
	}
	if m.Kind == Tokens {
		return encodedModality{}, fmt.Errorf("modality %s: kind %q is for fusion networks: want %s, %s, %s or %s", m.Name, m.Kind, Map, Sequence, Text, Table)
	}
	network, err := m.Encoder.network(s, Input{Kind: m.Kind, Shape: m.Shape, Vocabulary: m.Vocabulary})
	if err == nil {
		err = s.Parameters().Err()
	}
	if err != nil {
		return encodedModality{}, fmt.Errorf("modality %s: %w", m.Name, err)
	}
	return encodedModality{m.Name, slices.Clone(m.Shape), m.Masked, network}, nil
}

// Output returns the number and width of the tokens of the modality's encoder.
func (m Modality) Output() (tokens, width int, err error) {
	e, err := newModality(nn.NewScope(), m)
	if err != nil {
		return 0, 0, err
	}
	return e.network.Tokens(), e.network.Width(), nil
}

// inputs lists the modality's input and, if it is masked, the mask of its steps.
func (m encodedModality) inputs() []nn.ModelInput {
	list := []nn.ModelInput{{Name: m.name, Shape: m.shape}}
	if m.masked {
		list = append(list, nn.ModelInput{Name: m.name + ".mask", Shape: m.shape[:1]})
	}
	return list
}

// encode takes the modality's inputs from the list and records its tokens and their mask: that of the steps if there is a token
// per step, and nil if all tokens are real.
func (m encodedModality) encode(g *nn.Graph, inputs []*nn.Value) (tokens, mask *nn.Value, rest []*nn.Value) {
	x, rest := inputs[0], inputs[1:]
	if m.masked {
		mask, rest = rest[0], rest[1:]
	}
	tokens = m.network.Forward(g, x, mask)
	if m.network.Tokens() != m.shape[0] {
		mask = nil
	}
	return tokens, mask, rest
}
