package strategy

import (
	"strings"

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
	Fusions    []Candidate
	Networks   []Candidate
	// PosWeight weighs the positive term of each class's loss; nil weighs none.
	PosWeight []float32
	// Metric is what selects.
	Metric string
	// Warm lets fused models start from the weights of trained encoders.
	Warm bool
	// Seed is the search's, Numerics are the device's, and Recipe is that of the short trainings.
	Seed     uint64
	Numerics string
	Recipe   trial.Recipe
	// Sample has the training rows, and Validation the validation rows that score, nil for all.
	Sample     sample.Sample
	Validation []int
}

// Modality is a modality of the data with its candidate encoders.
type Modality struct {
	dataset.Modality
	Encoders []Candidate
}

// Candidate is an architecture that may be tried.
type Candidate struct {
	// Label is what tables call it, unique among the candidates for the same place.
	Label string
	// Choice is the architecture with its options, and Full is it under the dropout of the full training.
	Choice, Full mixer.Choice
}

// Choices are a candidate for every place of a model.
type Choices struct {
	// Encoders are by modality.
	Encoders map[string]Candidate
	Fusion   Candidate
	Network  Candidate
}

// Label names the choices on a line, in the order of the modalities.
func (s *Space) Label(c Choices) string {
	var encoders []string
	for _, m := range s.Modalities {
		encoders = append(encoders, c.Encoders[m.Name].Label)
	}
	return strings.Join([]string{strings.Join(encoders, "+"), c.Fusion.Label, c.Network.Label}, "/")
}

// EncoderModel is the model of one modality: an encoder with a head.
func (s *Space) EncoderModel(m Modality, c Candidate) mixer.Specification {
	spec := s.model()
	spec.Modalities = []mixer.Modality{m.with(c.Choice)}
	return spec
}

// Model is the whole model of choices in a short training.
func (s *Space) Model(c Choices) mixer.Specification {
	return s.fused(c, func(c Candidate) mixer.Choice { return c.Choice })
}

// FullModel is the whole model of choices in the full training.
func (s *Space) FullModel(c Choices) mixer.Specification {
	return s.fused(c, func(c Candidate) mixer.Choice { return c.Full })
}

func (s *Space) fused(c Choices, choice func(Candidate) mixer.Choice) mixer.Specification {
	spec := s.model()
	network := choice(c.Network)
	spec.Fusion, spec.Network, spec.Prediction = c.Fusion.Choice.Architecture, &network, mixer.MeanPrediction
	for _, m := range s.Modalities {
		spec.Modalities = append(spec.Modalities, m.with(choice(c.Encoders[m.Name])))
	}
	return spec
}

// model is what all models of the data have in common.
func (s *Space) model() mixer.Specification {
	return mixer.Specification{Classes: len(s.Data.Classes()), MultiLabel: s.Data.MultiLabel(), PosWeight: s.PosWeight}
}

func (m Modality) with(encoder mixer.Choice) mixer.Modality {
	return mixer.Modality{Name: m.Name, Kind: mixer.Kind(m.Kind), Shape: m.Shape, Encoder: encoder}
}

// Job is a short training of a model on the sample. Its name is that of the stage and the label.
func (s *Space) Job(stage, label string, model mixer.Specification) trial.Job {
	spec := trial.Specification{Numerics: s.Numerics, Model: model, Recipe: s.Recipe, Seed: s.Seed}
	return trial.NewJob(stage+"/"+label, label, spec, s.Data, s.Sample.Rows, s.Validation)
}
