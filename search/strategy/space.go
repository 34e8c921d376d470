package strategy

import (
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/sample"
	"mixmas/search/trial"
)

// Space is what a strategy may choose from, and how what it tries is trained and judged.
type Space struct {
	Data dataset.Dataset
	// Modalities are those of the data, in their order, with their encoders; Fusions are functions, Networks fusion networks.
	// None of the lists is empty.
	Modalities []Modality
	Fusions    []Function
	Networks   []Candidate
	// PosWeight weighs the positive term of each class's loss; nil weighs none.
	PosWeight []float32
	// Metric is what selects.
	Metric string
	// Warm lets fused models start from the weights of trained encoders.
	Warm bool
	// Sample has the training rows of the short trainings, and Validation the validation rows that score them, nil for all.
	Sample     sample.Sample
	Validation []int
	// Specification is what all short trainings have in common: all but the model and what it starts from.
	Specification trial.Specification
}

// Modality is a modality of the data with its candidate encoders.
type Modality struct {
	dataset.Modality
	Encoders []Candidate
}

// Candidate is an architecture that may be tried, and Function a fusion function.
type (
	Candidate = Option[mixer.Choice]
	Function  = Option[mixer.FusionChoice]
)

// Option is what may be chosen for a place of the model.
type Option[C any] struct {
	// Label is what tables call it, unique among the candidates for the same place.
	Label string
	// Choice is it with its options, and Full is it under the dropout of the full training.
	Choice, Full C
}

// Choices are a candidate for every place of a model.
type Choices struct {
	// Encoders are by modality.
	Encoders map[string]Candidate
	Fusion   Function
	Network  Candidate
}

// Part is a place of a model and the label of what was chosen for it.
type Part struct{ Name, Label string }

// Parts lists the choices: those of the modalities by their names, then "fusion" and "network".
func (s *Space) Parts(c Choices) []Part {
	var parts []Part
	for _, m := range s.Modalities {
		parts = append(parts, Part{m.Name, c.Encoders[m.Name].Label})
	}
	return append(parts, Part{"fusion", c.Fusion.Label}, Part{"network", c.Network.Label})
}

// EncoderModel is the model of one modality: an encoder with a head.
func (s *Space) EncoderModel(m Modality, c Candidate) mixer.Specification {
	spec := s.model()
	spec.Modalities = []mixer.Modality{m.with(c.Choice)}
	return spec
}

// Model is the whole model of choices in a short training.
func (s *Space) Model(c Choices) mixer.Specification {
	return s.fused(c, c.Fusion.Choice, func(c Candidate) mixer.Choice { return c.Choice })
}

// FullModel is the whole model of choices in the full training.
func (s *Space) FullModel(c Choices) mixer.Specification {
	return s.fused(c, c.Fusion.Full, func(c Candidate) mixer.Choice { return c.Full })
}

func (s *Space) fused(c Choices, function mixer.FusionChoice, choice func(Candidate) mixer.Choice) mixer.Specification {
	spec := s.model()
	network := choice(c.Network)
	spec.Fusion, spec.Network, spec.Prediction = &function, &network, mixer.MeanPrediction
	for _, m := range s.Modalities {
		spec.Modalities = append(spec.Modalities, m.with(choice(c.Encoders[m.Name])))
	}
	return spec
}

// model is what all models of the data have in common.
func (s *Space) model() mixer.Specification {
	spec := trial.Model(s.Data)
	spec.PosWeight = s.PosWeight
	return spec
}

func (m Modality) with(encoder mixer.Choice) mixer.Modality {
	return mixer.Modality{Name: m.Name, Kind: m.Kind, Shape: m.Shape, Masked: m.Masked, Encoder: encoder}
}

// Job is a short training of a model on the sample. Its name is that of the stage and the label.
func (s *Space) Job(stage, label string, model mixer.Specification) trial.Job {
	job := trial.Job{Name: stage + "/" + label, Label: label, Specification: s.Specification, Train: s.Sample.Rows, Validation: s.Validation}
	job.Specification.Model = model
	return job
}
