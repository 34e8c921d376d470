package mixer

import (
	"bytes"
	"encoding/json"
	"fmt"

	"mixmas/nn"
)

// Specification describes a model completely but for its weights. Its JSON form is canonical: the same model has the same
// bytes, and they build the same model again.
type Specification struct {
	// Modalities are the model's inputs with their encoders, at least one, with different names.
	Modalities []Modality `json:"modalities"`
	// Width is the width of the fused tokens; 0 takes the encoders' largest.
	Width int `json:"width,omitempty"`
	// Fusion is a registered fusion function and Network a fusion network. A model without both is a [Classifier] of its
	// only modality.
	Fusion  string  `json:"fusion,omitempty"`
	Network *Choice `json:"network,omitempty"`
	// Prediction of a multimodal model is MeanPrediction (or empty) or FusionPrediction.
	Prediction string `json:"prediction,omitempty"`
	// Classes is the number of logits; MultiLabel says that each is a label of its own.
	Classes    int  `json:"classes"`
	MultiLabel bool `json:"multi_label,omitempty"`
	// PosWeight multiplies the loss of positive labels, one weight per class. It is for multi-label models, and empty for others.
	PosWeight []float32 `json:"pos_weight,omitempty"`
}

// Modality is an input of a model and its encoder.
type Modality struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Shape is that of one sample.
	Shape []int `json:"shape"`
	// Masked says that a second input NAME.mask (steps) marks the real steps of a sequence with 1, the others with 0.
	Masked  bool   `json:"masked,omitempty"`
	Encoder Choice `json:"encoder"`
}

// Choice is a registered architecture with its options.
type Choice struct {
	Architecture string `json:"architecture"`
	// Options points to the architecture's options struct; nil means its defaults.
	Options any `json:"options"`
}

// UnmarshalJSON finds the architecture and fills its options struct, over the defaults. Unknown names and options are
// errors.
func (c *Choice) UnmarshalJSON(data []byte) error {
	var raw struct {
		Architecture string          `json:"architecture"`
		Options      json.RawMessage `json:"options"`
	}
	if err := unmarshalStrictly(data, &raw); err != nil {
		return err
	}
	architecture, err := Lookup(raw.Architecture)
	if err != nil {
		return err
	}
	options := architecture.Options()
	if len(raw.Options) > 0 && !bytes.Equal(raw.Options, []byte("null")) {
		if err := unmarshalStrictly(raw.Options, options); err != nil {
			return fmt.Errorf("options of %s: %w", raw.Architecture, err)
		}
	}
	*c = Choice{raw.Architecture, options}
	return nil
}

func unmarshalStrictly(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// MarshalJSON writes the options in full, so that later defaults do not change what the description means.
func (c Choice) MarshalJSON() ([]byte, error) {
	architecture, err := Lookup(c.Architecture)
	if err != nil {
		return nil, err
	}
	if c.Options == nil {
		c.Options = architecture.Options()
	}
	type plain Choice
	return json.Marshal(plain(c))
}

// network creates the chosen architecture's parameters for an input.
func (c Choice) network(s *nn.Scope, in Input) (Network, error) {
	architecture, err := Lookup(c.Architecture)
	if err != nil {
		return nil, err
	}
	if !architecture.Takes(in.Kind) {
		return nil, fmt.Errorf("%s does not take inputs of kind %q: it takes %s", c.Architecture, in.Kind, architecture.Inputs())
	}
	if c.Options == nil {
		c.Options = architecture.Options()
	}
	network, err := architecture.New(s, in, c.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Architecture, err)
	}
	return network, nil
}

// Fits creates the choice as a fusion network of a number of tokens of a width, and says what is wrong, nil for nothing. It
// records nothing, which may take much longer.
func (c Choice) Fits(tokens, width int) error {
	s := nn.NewScope()
	if _, err := c.network(s, Input{Kind: Tokens, Shape: []int{tokens, width}}); err != nil {
		return err
	}
	return s.Parameters().Err()
}

// Build makes the model that a specification describes: a [Classifier] without a fusion function and network, and a
// [Multimodal] model with them.
func Build(spec Specification) (nn.Model, error) {
	seen := map[string]bool{}
	for _, m := range spec.Modalities {
		if seen[m.Name] {
			return nil, fmt.Errorf("modality %s: the name is taken", m.Name)
		}
		seen[m.Name] = true
	}
	if spec.Fusion == "" && spec.Network == nil {
		return newClassifier(spec)
	}
	return newMultimodal(spec)
}
