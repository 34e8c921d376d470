package strategy

import (
	"context"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/sample"
	"mixmas/search/trial"
)

// Space holds the possible choices of a strategy, and how its trials are trained and scored.
type Space struct {
	Data dataset.Dataset
	// Modalities are the modalities of the data, in their order, with their encoders. None of the lists is empty.
	Modalities []Modality
	Fusions    []Function
	Networks   []Candidate
	// LeftNetworks are the architectures that a list of networks by the data leaves out, with the reasons.
	LeftNetworks []LeftOut
	// PosWeight holds the weights of the positive terms of the classes' losses; nil means no weights.
	PosWeight []float32
	// Metric is the metric that selects the winner.
	Metric string
	// Warm lets fused models start from the weights of trained encoders; Frozen also means that these are not trained further.
	Warm, Frozen bool
	// ScoreAtBest means that fused models are scored at their best epoch by the metric, not at the last.
	ScoreAtBest bool
	// Repeats is how often the candidates of the stages are trained.
	Repeats Repeats
	// CheapestClose means that the cheapest candidate that is close to the best wins a stage, not the best.
	CheapestClose bool
	// LeaveOut returns why a model must not be tried, such as that it has too many parameters, or "" if it may; nil lets all be
	// tried.
	LeaveOut func(ctx context.Context, model mixer.Specification) (reason string, err error)
	// Sample holds the training rows of the short trainings, and Validation the validation rows that score them; nil
	// means all.
	Sample     sample.Sample
	Validation []int
	// Unused holds training rows outside the sample that score the short trainings too; nil for none.
	Unused []int
	// Specification holds what all short trainings have in common: everything except the model and the trainings that it
	// starts from.
	Specification trial.Specification
}

// Repeats is how often the candidates of a stage are trained, each time from other initial weights; 0 means once.
type Repeats struct {
	Encoder int `yaml:"encoder" json:"encoder" jsonschema:"minimum=1,maximum=100" doc:"Trainings of each candidate encoder."`
	Fusion  int `yaml:"fusion" json:"fusion" jsonschema:"minimum=1,maximum=100" doc:"Trainings with each fusion function."`
	Network int `yaml:"network" json:"network" jsonschema:"minimum=1,maximum=100" doc:"Trainings with each fusion network, and of each whole combination if the strategy draws those."`
}

// Modality is a modality of the data with its candidate encoders.
type Modality struct {
	dataset.Modality
	Encoders []Candidate
	// Left are the architectures that a list of candidates by the data leaves out, with the reasons.
	Left []LeftOut
}

// Candidate is a candidate architecture, and Function a candidate fusion function.
type (
	Candidate = Option[mixer.Choice]
	Function  = Option[mixer.FusionChoice]
)

// Option is a candidate for one part of the model.
type Option[C any] struct {
	// Label is its name in tables, unique among the candidates for the same part.
	Label string
	// Choice has its options, and Full has them with the dropout of the full training.
	Choice, Full C
}

// Choices hold one candidate for every part of a model.
type Choices struct {
	// Encoders are by name of modality.
	Encoders map[string]Candidate
	Fusion   Function
	Network  Candidate
}

// Part is a part of a model with the label of its choice.
type Part struct{ Name, Label string }

// functions are the fusion functions that are tried: of a single modality, which is not fused, all are equal, and only the first is.
func (s *Space) functions() []Function {
	if len(s.Modalities) == 1 {
		return s.Fusions[:1]
	}
	return s.Fusions
}

// Candidates returns the number of candidates of all parts of the model.
func (s *Space) Candidates() int {
	n := len(s.functions()) + len(s.Networks)
	for _, m := range s.Modalities {
		n += len(m.Encoders)
	}
	return n
}

// Parts returns the choices: those of the modalities under their names, then "fusion" and "network".
func (s *Space) Parts(c Choices) []Part {
	var parts []Part
	for _, m := range s.Modalities {
		parts = append(parts, Part{m.Name, c.Encoders[m.Name].Label})
	}
	return append(parts, Part{"fusion", c.Fusion.Label}, Part{"network", c.Network.Label})
}

// EncoderModel returns the model of one modality: an encoder with a head.
func (s *Space) EncoderModel(m Modality, c Candidate) mixer.Specification {
	spec := s.model()
	spec.Modalities = []mixer.Modality{m.with(c.Choice)}
	return spec
}

// FullEncoderModel returns the model of one modality in a full training.
func (s *Space) FullEncoderModel(m Modality, c Candidate) mixer.Specification {
	spec := s.model()
	spec.Modalities = []mixer.Modality{m.with(c.Full)}
	return spec
}

// Model returns the whole model of choices in a short training.
func (s *Space) Model(c Choices) mixer.Specification {
	return s.fused(c, c.Fusion.Choice, func(c Candidate) mixer.Choice { return c.Choice })
}

// FullModel returns the whole model of choices in the full training.
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

// model returns the specification that all models of the data share.
func (s *Space) model() mixer.Specification {
	spec := trial.Model(s.Data)
	spec.PosWeight = s.PosWeight
	return spec
}

func (m Modality) with(encoder mixer.Choice) mixer.Modality {
	return mixer.Modality{Name: m.Name, Kind: m.Kind, Shape: m.Shape, Vocabulary: m.Vocabulary, Vectors: m.Vectors, Masked: m.Masked, Encoder: encoder}
}

// Job returns the job of a short training of a model on the sample. Its name consists of the stage and the label.
func (s *Space) Job(stage, label string, model mixer.Specification) trial.Job {
	job := trial.Job{Name: stage + "/" + label, Label: label, Specification: s.Specification, Train: s.Sample.Rows, Validation: s.Validation, Unused: s.Unused}
	job.Specification.Model = model
	job.Settle()
	return job
}

// FusedJob is [Space.Job] for a model of all modalities. It is scored at its best epoch if the space says so.
func (s *Space) FusedJob(stage, label string, model mixer.Specification) trial.Job {
	job := s.Job(stage, label, model)
	if s.ScoreAtBest {
		job.Specification.Recipe.Select = s.Metric
	}
	return job
}
