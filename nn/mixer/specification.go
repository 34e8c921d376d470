package mixer

import "mixmas/nn"

// Specification describes a model completely, except for its weights. Its JSON form is canonical: the same model has the
// same bytes, and the same bytes build the same model.
type Specification struct {
	// Modalities are the model's inputs with their encoders, at least one, with different names.
	Modalities []Modality `json:"modalities"`
	// Width is the width of the fused tokens; 0 means the largest width of the encoders.
	Width int `json:"width,omitempty"`
	// Fusion is a registered fusion function and Network a fusion network. A model without both is a [Classifier] of its
	// only modality.
	Fusion  *FusionChoice `json:"fusion,omitempty"`
	Network *Choice       `json:"network,omitempty"`
	// Prediction of a multimodal model is MeanPrediction (or empty) or FusionPrediction.
	Prediction string `json:"prediction,omitempty"`
	// Classes is the number of logits; MultiLabel means that each is a separate label.
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
	// Vocabulary is the number of different tokens of a text; 0 for other kinds.
	Vocabulary int `json:"vocabulary,omitempty"`
	// Vectors is the width of the word vectors that a text's table starts from, see [Input]; 0 for none.
	Vectors int `json:"vectors,omitempty"`
	// Masked adds a second input NAME.mask: 1 for the real steps of a sequence or tokens of a text and 0 for others, or for a
	// map or table a single element, which is 1 if the row has it and 0 if not. A text is always masked.
	Masked bool `json:"masked,omitempty"`
	// Optional means that the model was trained to do without the modality, which is masked then, also if all rows of its data had it.
	Optional bool   `json:"optional,omitempty"`
	Encoder  Choice `json:"encoder"`
}

// Input returns what the modality's encoder reads.
func (m Modality) Input() Input {
	return Input{Kind: m.Kind, Shape: m.Shape, Vocabulary: m.Vocabulary, Vectors: m.Vectors}
}

// Build makes the model that a specification describes: a [Classifier] without a fusion function and network, and a
// [Multimodal] model with them.
func Build(spec Specification) (nn.Model, error) {
	if err := spec.checkNames(); err != nil {
		return nil, err
	}
	if spec.Fusion == nil && spec.Network == nil {
		return newClassifier(spec)
	}
	return newMultimodal(spec, newModality)
}
