// Package model reads and writes the file of a trained model, or of several that predict together: the weights in safetensors form
// with a JSON description that is sufficient to rebuild the networks, preprocess their input and name the classes. The file carries
// digests of both, and is checked completely before it is used.
package model

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/dimensions"
	"mixmas/search/combine"
	"mixmas/search/dataset"
	"mixmas/search/task"
)

// Model is an opened model file.
type Model struct {
	Description
	parts []Part // one, or the members of an ensemble
}

// Part is one network of a model with its weights.
type Part struct {
	Network nn.Model
	Weights nn.Weights
}

// Parts returns the model's network with its weights, or those of the members of an ensemble, in their order. They must not be
// changed.
func (m *Model) Parts() []Part { return slices.Clone(m.parts) }

// Parameters is the number of trained parameters, of all members of an ensemble.
func (m *Model) Parameters() int {
	n := 0
	for _, p := range m.parts {
		n += p.Network.Parameters().Count()
	}
	return n
}

// Kind is what the labels of a row are.
func (m *Model) Kind() task.Kind { return task.KindOf(m.parts[0].Network.MultiLabel()) }

// Batch is the number of samples per batch in predictions.
const Batch = 64

// Predict returns the logits (rows × classes) of a split of a data set that has the model's modalities. The data set must
// have been opened with the model's preprocessing. The members of an ensemble predict one after another.
func (m *Model) Predict(ctx context.Context, d device.Device, data dataset.Dataset, split dataset.Split) ([]float32, error) {
	if data.Len(split) == 0 {
		return nil, fmt.Errorf("the data set %s has no %s split", data.Name(), split)
	}
	if err := m.CheckData(data); err != nil {
		return nil, err
	}
	if m.Ensemble == nil {
		return m.parts[0].predict(ctx, d, data, split)
	}
	sum := combine.NewSum(m.Kind(), len(m.Classes), data.Len(split), m.Ensemble.Mean)
	for i, p := range m.parts {
		logits, err := p.predict(ctx, d, data, split)
		if err != nil {
			return nil, fmt.Errorf("member %d: %w", i, err)
		}
		sum.Add(m.Ensemble.Members[i].Member, logits)
	}
	return sum.Logits(), nil
}

func (p Part) predict(ctx context.Context, d device.Device, data dataset.Dataset, split dataset.Split) ([]float32, error) {
	var names []string
	for _, in := range p.Network.Inputs() {
		names = append(names, in.Name)
	}
	samples, err := dataset.Select(data, split, nil, names)
	if err != nil {
		return nil, err
	}
	t, err := nn.NewTrainer(d, p.Network, nn.Recipe{Batch: Batch}, 0)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	if err := t.Load(p.Weights); err != nil {
		return nil, err
	}
	return t.Predict(ctx, samples)
}

// Labels returns the classes that one row's logits predict: the most likely one, or for a multi-label model each with a logit
// above 0. The logits are first reduced by the thresholds, if there are any.
func (m *Model) Labels(logits []float32) []string {
	above := make([]float64, len(logits))
	for i, z := range logits {
		above[i] = float64(z)
		if m.Thresholds != nil {
			above[i] -= m.Thresholds[i]
		}
	}
	labels := []string{}
	if m.Kind() == task.OneLabel {
		return append(labels, m.Classes[slices.Index(above, slices.Max(above))])
	}
	for i, z := range above {
		if z > 0 {
			labels = append(labels, m.Classes[i])
		}
	}
	return labels
}

// Probabilities returns the softmax of one row's logits, or for a multi-label model the sigmoid of each. Thresholds do not change
// them.
func (m *Model) Probabilities(logits []float32) []float32 {
	p := make([]float32, len(logits))
	if m.Kind() == task.MultiLabel {
		for i, z := range logits {
			p[i] = float32(1 / (1 + math.Exp(-float64(z))))
		}
		return p
	}
	top, sum := float64(slices.Max(logits)), 0.0
	for _, z := range logits {
		sum += math.Exp(float64(z) - top)
	}
	for i, z := range logits {
		p[i] = float32(math.Exp(float64(z)-top) / sum)
	}
	return p
}

// Prediction is what a model predicts of one row.
type Prediction struct {
	Row           int                `json:"row"`
	Columns       map[string]string  `json:"columns,omitempty"` // what is carried along: an identifier, the true label
	Labels        []string           `json:"labels"`            // one, or any number for a multi-label model
	Probabilities map[string]float32 `json:"probabilities"`     // by class
}

// Prediction returns what one row's logits say: see [Model.Labels] and [Model.Probabilities].
func (m *Model) Prediction(row int, logits []float32) Prediction {
	p := Prediction{Row: row, Labels: m.Labels(logits), Probabilities: make(map[string]float32, len(m.Classes))}
	for i, x := range m.Probabilities(logits) {
		p.Probabilities[m.Classes[i]] = x
	}
	return p
}

// CheckData checks that the data set has the modalities that the model reads, preprocessed as in the model's training.
func (m *Model) CheckData(data dataset.Dataset) error {
	for _, reads := range m.Modalities() {
		i := dataset.ModalityIndex(data, reads.Name)
		if i < 0 {
			return fmt.Errorf("the data set %s has no modality %q, which the model reads", data.Name(), reads.Name)
		}
		have := data.Modalities()[i]
		switch {
		case !slices.Equal(have.Shape, reads.Shape):
			return fmt.Errorf("modality %s: the data set has samples of %s, but the model reads %s", reads.Name, dimensions.Text(have.Shape), dimensions.Text(reads.Shape))
		case have.Vocabulary != reads.Vocabulary:
			return fmt.Errorf("modality %s: the data set has a vocabulary of %d tokens, but the model reads one of %d", reads.Name, have.Vocabulary, reads.Vocabulary)
		case reads.Masked && !have.Masked && !reads.Optional:
			return fmt.Errorf("modality %s: the model reads the lengths of its rows, but the data set %s has none", reads.Name, data.Name())
		case !reads.Masked && have.Masked:
			if have.Steps() == 1 {
				return fmt.Errorf("modality %s: rows of the data set %s lack it: %w", reads.Name, data.Name(), dataset.NotOptional(reads.Name))
			}
			return fmt.Errorf("modality %s: the data set %s has lengths, but the model was trained without them", reads.Name, data.Name())
		}
		if got, want := data.Preprocessing()[reads.Name], m.Preprocessing[reads.Name]; !got.Equal(want) {
			return fmt.Errorf("modality %s: the data set is not standardised as in the model's training (%s, not %s): open it with the model's preprocessing",
				reads.Name, got.Text(have), want.Text(have))
		}
	}
	return nil
}

// Lacking counts the rows of a split that lack each modality which the model was trained to do without. Modalities that no row lacks
// are left out.
func (m *Model) Lacking(ctx context.Context, data dataset.Dataset, split dataset.Split) (map[string]int, error) {
	counts := map[string]int{}
	for _, reads := range m.Modalities() {
		i := dataset.ModalityIndex(data, reads.Name)
		if !reads.Optional || i < 0 || !data.Modalities()[i].Masked {
			continue
		}
		mask := make([]float32, data.Modalities()[i].Steps())
		for row := range data.Len(split) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			clear(mask)
			if err := data.Mask(split, i, row, mask); err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(mask, func(x float32) bool { return x != 0 }) {
				counts[reads.Name]++
			}
		}
	}
	return counts, nil
}

// Reads describes the model's inputs, such as "image (map of 1×28×28), text (sequence of 512×768)".
func (m *Model) Reads() string {
	var list []string
	for _, modality := range m.Modalities() {
		list = append(list, fmt.Sprintf("%s (%s of %s)", modality.Name, modality.Kind, dimensions.Text(modality.Shape)))
	}
	return strings.Join(list, ", ")
}
