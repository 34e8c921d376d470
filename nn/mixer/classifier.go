package mixer

import (
	"errors"

	"mixmas/nn"
)

// Classifier is one encoder with a head, as the encoders of a search are compared: mean over the tokens, then a linear
// layer to the classes. It implements [nn.Model].
type Classifier struct {
	labelling
	modality encodedModality
	head     *nn.Linear
}

// newClassifier creates encoder.* and head.*.
func newClassifier(spec Specification) (nn.Model, error) {
	if len(spec.Modalities) != 1 {
		return nil, errors.New("a model without a fusion function must have one modality")
	}
	s := nn.NewScope()
	var c Classifier
	var err error
	if c.labelling, err = newLabelling(s, spec); err != nil {
		return nil, err
	}
	if c.modality, err = newModality(s.In("encoder"), spec.Modalities[0]); err != nil {
		return nil, err
	}
	c.head = nn.NewLinear(s.In("head"), c.modality.network.Width(), spec.Classes)
	return &c, s.Parameters().Err()
}

// Inputs implements [nn.Model].
func (c *Classifier) Inputs() []nn.ModelInput { return c.modality.inputs() }

// Forward implements [nn.Model].
func (c *Classifier) Forward(g *nn.Graph, inputs []*nn.Value, labels *nn.Value) (logits, loss *nn.Value) {
	e, _ := c.modality.encode(g, inputs)
	logits = c.head.Forward(g, e.mean(g)) // the bias alone for rows that lack the modality
	return logits, c.loss(g, labels, logits)
}
