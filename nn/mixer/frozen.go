package mixer

import (
	"errors"
	"fmt"
	"strings"

	"mixmas/nn"
)

// A model with frozen encoders is trained in two parts: each encoder runs once over all samples ([BuildEncoder]), and the rest of
// the model learns from the tokens that it made ([BuildFrozen]). Their weights together are those of the whole model ([Build]).

// TokensInput is the name of the input of a model with frozen encoders that holds a modality's tokens.
func TokensInput(modality string) string { return modality + ".tokens" }

// BuildFrozen makes the part of a multimodal model behind its encoders. In place of each modality its input is the tokens that
// the modality's encoder makes (see [TokensInput]), followed by the mask if it is masked. Its parameters are those of the
// whole model, under the same names and with the same initial values, without encoders.*.
func BuildFrozen(spec Specification) (nn.Model, error) {
	if spec.Fusion == nil || spec.Network == nil {
		return nil, errors.New("only the encoders of a multimodal model can be frozen")
	}
	if err := spec.checkNames(); err != nil {
		return nil, err
	}
	return newMultimodal(spec, func(_ *nn.Scope, m Modality) (encodedModality, error) {
		e, err := newModality(nn.NewScope(), m)
		if err != nil {
			return e, err
		}
		e.network, e.stored = storedTokens{e.network.Tokens(), e.network.Width()}, true
		return e, nil
	})
}

// storedTokens stands for an encoder whose tokens are the model's input. It implements [Network].
type storedTokens struct{ tokens, width int }

func (s storedTokens) Forward(_ *nn.Graph, x, _ *nn.Value) *nn.Value { return x }
func (s storedTokens) Tokens() int                                   { return s.tokens }
func (s storedTokens) Width() int                                    { return s.width }

// BuildEncoder makes a model whose "logits" are the tokens of a modality's encoder (tokens × width per sample), for prediction
// alone. Its parameters are those of the modality's [Classifier] without the head: encoder.*.
func BuildEncoder(m Modality) (nn.Model, error) {
	s := nn.NewScope()
	e, err := newModality(s.In("encoder"), m)
	if err != nil {
		return nil, err
	}
	return &tokenMaker{labelling{parameters: s.Parameters(), classes: e.network.Tokens() * e.network.Width()}, e}, nil
}

// tokenMaker is one encoder. It implements [nn.Model].
type tokenMaker struct {
	labelling
	modality encodedModality
}

// Inputs implements [nn.Model].
func (t *tokenMaker) Inputs() []nn.ModelInput { return t.modality.inputs() }

// Forward implements [nn.Model]. It has no loss.
func (t *tokenMaker) Forward(g *nn.Graph, inputs []*nn.Value, _ *nn.Value) (tokens, loss *nn.Value) {
	e, _ := t.modality.encode(g, inputs)
	if e.tokens.Buffer() == inputs[0].Buffer() { // an encoder without operations: a program needs one
		e.tokens = g.Scale(e.tokens, 1)
	}
	return g.Reshape(e.tokens, e.tokens.Shape[0], t.classes), nil
}

// EncoderOf returns the weights of [BuildEncoder] from those of a [Classifier] of the modality.
func EncoderOf(classifier nn.Weights) nn.Weights {
	encoder := nn.Weights{}
	for name, tensor := range classifier {
		if strings.HasPrefix(name, "encoder.") {
			encoder[name] = tensor
		}
	}
	return encoder
}

// checkNames returns an error if modalities share a name.
func (spec Specification) checkNames() error {
	seen := map[string]bool{}
	for _, m := range spec.Modalities {
		if seen[m.Name] {
			return fmt.Errorf("modality %s: the name is already used", m.Name)
		}
		seen[m.Name] = true
	}
	return nil
}
