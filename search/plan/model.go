package plan

import (
	"fmt"
	"slices"

	"mixmas/nn"
	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/trial"
)

// CheckModel returns an error if a model does not fit a data set.
func CheckModel(spec mixer.Specification, data dataset.Dataset) error {
	if fits := trial.Model(data); spec.Classes != fits.Classes || spec.MultiLabel != fits.MultiLabel {
		return fmt.Errorf("the model has %d classes (multi-label: %t), but the data set %s has %d (multi-label: %t)",
			spec.Classes, spec.MultiLabel, data.Name(), fits.Classes, fits.MultiLabel)
	}
	for _, m := range spec.Modalities {
		i := dataset.ModalityIndex(data, m.Name)
		if i < 0 {
			return fmt.Errorf("the model reads modality %s, which the data set %s does not have", m.Name, data.Name())
		}
		if have := data.Modalities()[i]; have.Kind != m.Kind || !slices.Equal(have.Shape, m.Shape) {
			return fmt.Errorf("modality %s: the model reads a %s of %s, but the data set %s has a %s of %s",
				m.Name, m.Kind, dimensions.Text(m.Shape), data.Name(), have.Kind, dimensions.Text(have.Shape))
		} else if have.Vocabulary != m.Vocabulary {
			return fmt.Errorf("modality %s: the model reads a vocabulary of %d tokens, but the data set %s has one of %d", m.Name, m.Vocabulary, data.Name(), have.Vocabulary)
		} else if have.Vectors != m.Vectors {
			return fmt.Errorf("modality %s: the model starts from word vectors of width %d, but those of the data set %s have width %d", m.Name, m.Vectors, data.Name(), have.Vectors)
		} else if have.Masked && !m.Masked || m.Masked && !have.Masked && !m.Optional {
			return fmt.Errorf("modality %s: the model expects a mask: %t, but the data set %s has lengths: %t", m.Name, m.Masked, data.Name(), have.Masked)
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
