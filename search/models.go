package search

import (
	"fmt"
	"slices"

	"mixmas/nn"
	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/config"
	"mixmas/search/dataset"
)

// encoderModel is the model of the encoder stage: one modality's encoder with a head.
func (s *Search) encoderModel(m dataset.Modality, c config.Candidate, dropout float64) mixer.Specification {
	return mixer.Specification{Modalities: []mixer.Modality{modality(m, choice(c, dropout))},
		Classes: len(s.data.Task().Classes), MultiLabel: s.data.Task().MultiLabel(), PosWeight: s.posWeight()}
}

// fusedModel is the model of the fusion stages: the winners of the encoder stages, fused.
func (s *Search) fusedModel(encoders []*Stage, function, network config.Candidate, dropout float64) mixer.Specification {
	chosen, fusion := choice(network, dropout), fusionChoice(function, dropout)
	spec := mixer.Specification{Fusion: &fusion, Network: &chosen, Prediction: mixer.MeanPrediction,
		Classes: len(s.data.Task().Classes), MultiLabel: s.data.Task().MultiLabel(), PosWeight: s.posWeight()}
	for i, m := range s.data.Modalities() {
		winner := s.candidate(m.Name, encoders[i].Winner().Trial.Label)
		spec.Modalities = append(spec.Modalities, modality(m, choice(winner, dropout)))
	}
	return spec
}

// FullModel is the winner's architecture under the dropout of the full training.
func (s *Search) FullModel(r *Result) mixer.Specification {
	last := len(r.Stages) - 1
	function := find(s.config.Search.Fusions, r.Stages[last-1].Winner().Trial.Label)
	network := find(s.config.Search.Networks, r.Stages[last].Winner().Trial.Label)
	return s.fusedModel(r.Stages[:last-1], function, network, s.config.Train.Training.Dropout)
}

// candidate is an encoder candidate of the plan by its label.
func (s *Search) candidate(modality, label string) config.Candidate {
	return find(s.config.Search.Encoders[modality], label)
}

func find(list []config.Candidate, label string) config.Candidate {
	return list[slices.IndexFunc(list, func(c config.Candidate) bool { return c.Label == label })]
}

func choice(c config.Candidate, dropout float64) mixer.Choice {
	return mixer.Choice{Architecture: c.Name, Options: c.WithDropout(dropout)}
}

func fusionChoice(c config.Candidate, dropout float64) mixer.FusionChoice {
	return mixer.FusionChoice{Function: c.Name, Options: c.WithDropout(dropout)}
}

func modality(m dataset.Modality, encoder mixer.Choice) mixer.Modality {
	return mixer.Modality{Name: m.Name, Kind: m.Kind, Shape: m.Shape, Masked: m.Masked, Encoder: encoder}
}

func (s *Search) posWeight() []float32 {
	var w []float32
	for _, x := range s.config.Data.PosWeight {
		w = append(w, float32(x))
	}
	return w
}

// CheckModel reports what of a model does not fit the data set.
func (s *Search) CheckModel(spec mixer.Specification) error {
	if spec.Classes != len(s.data.Task().Classes) || spec.MultiLabel != s.data.Task().MultiLabel() {
		return fmt.Errorf("the model has %d classes (multi-label: %t), the data set %s %d (%t)",
			spec.Classes, spec.MultiLabel, s.data.Name(), len(s.data.Task().Classes), s.data.Task().MultiLabel())
	}
	for _, m := range spec.Modalities {
		i := dataset.ModalityIndex(s.data, m.Name)
		if i < 0 {
			return fmt.Errorf("the model reads a modality %s, which the data set %s does not have", m.Name, s.data.Name())
		}
		if have := s.data.Modalities()[i]; have.Kind != m.Kind || !slices.Equal(have.Shape, m.Shape) {
			return fmt.Errorf("modality %s: the model reads a %s of %s, the data set %s has a %s of %s",
				m.Name, m.Kind, dimensions.Text(m.Shape), s.data.Name(), have.Kind, dimensions.Text(have.Shape))
		} else if have.Masked != m.Masked {
			return fmt.Errorf("modality %s: the model is made for a mask: %t, the data set %s has lengths: %t", m.Name, m.Masked, s.data.Name(), have.Masked)
		}
	}
	return recordable(spec)
}

// recordable builds and records a model for a batch of two samples.
func recordable(spec mixer.Specification) error {
	m, err := mixer.Build(spec)
	if err != nil {
		return err
	}
	g := nn.NewGraph(m.Parameters(), nn.Training, false)
	var inputs []*nn.Value
	for _, in := range m.Inputs() {
		inputs = append(inputs, g.Input(in.Name, append([]int{2}, in.Shape...)...))
	}
	m.Forward(g, inputs, nil)
	return g.Err()
}
