// Package model is the file that a training ends in: the weights in safetensors form with a JSON description that is
// enough to rebuild the network, preprocess its input and name its classes.
package model

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/dataset"
)

// FormatVersion is the version of the description that this program writes; it reads no later one.
const FormatVersion = 1

// Description says what the weights are.
type Description struct {
	Version int    `json:"version"`
	Name    string `json:"name"`
	// Model is the architecture.
	Model mixer.Specification `json:"model"`
	// Preprocessing is applied to each modality's raw input.
	Preprocessing map[string]dataset.Standardisation `json:"preprocessing"`
	Classes       []string                           `json:"classes"`
	// Data is the format of the training data and its fingerprint.
	Data Data `json:"data"`
	// Training is the key of the training in the store that it was made with.
	Training string `json:"training"`
	// Metrics by split, "validation" and "test".
	Metrics map[string]map[string]float64 `json:"metrics"`
}

// Data says what the model was trained on.
type Data struct {
	Format      string `json:"format"`
	Fingerprint string `json:"fingerprint"`
}

// metadataKey is where the description lies in the safetensors metadata.
const metadataKey = "mixmas"

// Write writes a model file.
func Write(w io.Writer, d Description, weights nn.Weights) error {
	d.Version = FormatVersion
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return safetensors.Write(w, weights, map[string]string{metadataKey: string(text), "format": "mixmas"})
}

// Model is an opened model file.
type Model struct {
	Description
	network nn.Model
	weights nn.Weights
}

// Open reads a model file and rebuilds the network.
func Open(path string) (*Model, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := Parse(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Parse is Open on a file's contents.
func Parse(file []byte) (*Model, error) {
	weights, metadata, err := safetensors.Parse(file)
	if err != nil {
		return nil, err
	}
	text, ok := metadata[metadataKey]
	if !ok {
		return nil, fmt.Errorf("no model of this program: the file's metadata have no %q", metadataKey)
	}
	m := &Model{weights: weights}
	if err := json.Unmarshal([]byte(text), &m.Description); err != nil {
		return nil, fmt.Errorf("description: %w", err)
	}
	if m.Version > FormatVersion {
		return nil, fmt.Errorf("the description has version %d, this program reads up to %d: use a newer one", m.Version, FormatVersion)
	}
	if m.network, err = mixer.Build(m.Description.Model); err != nil {
		return nil, fmt.Errorf("description: %w", err)
	}
	if m.network.Classes() != len(m.Classes) {
		return nil, fmt.Errorf("description: %d class names for %d classes", len(m.Classes), m.network.Classes())
	}
	return m, nil
}

// Parameters is the number of trained numbers.
func (m *Model) Parameters() int { return m.network.Parameters().Count() }

// Batch is the number of samples that are predicted at once.
const Batch = 64

// Predict returns the logits (rows × classes) of a split of a data set that has the model's modalities. The data set must
// have been opened with the model's preprocessing.
func (m *Model) Predict(ctx context.Context, d device.Device, data dataset.Dataset, split dataset.Split) ([]float32, error) {
	samples, err := m.samples(data, split)
	if err != nil {
		return nil, err
	}
	t, err := nn.NewTrainer(d, m.network, nn.Recipe{Batch: Batch})
	if err != nil {
		return nil, err
	}
	defer t.Close()
	if err := t.Load(m.weights); err != nil {
		return nil, err
	}
	return t.Predict(ctx, samples)
}

// Labels are the classes that one row's logits say: the likeliest one, or for many labels every one above 0.
func (m *Model) Labels(logits []float32) []string {
	labels := []string{}
	if !m.network.MultiLabel() {
		return append(labels, m.Classes[slices.Index(logits, slices.Max(logits))])
	}
	for i, z := range logits {
		if z > 0 {
			labels = append(labels, m.Classes[i])
		}
	}
	return labels
}

// Probabilities are softmax of one row's logits, or sigmoid of each for many labels.
func (m *Model) Probabilities(logits []float32) []float32 {
	p := make([]float32, len(logits))
	if m.network.MultiLabel() {
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

// samples selects the model's inputs from a split, and checks that they are what the model was trained on.
func (m *Model) samples(data dataset.Dataset, split dataset.Split) (*dataset.Samples, error) {
	if data.Len(split) == 0 {
		return nil, fmt.Errorf("the data set %s has no %s split", data.Name(), split)
	}
	var names []string
	for _, in := range m.network.Inputs() {
		i := dataset.ModalityIndex(data, in.Name)
		if i < 0 {
			return nil, fmt.Errorf("the data set %s has no modality %q, which the model reads", data.Name(), in.Name)
		}
		if have := data.Modalities()[i]; !slices.Equal(have.Shape, in.Shape) {
			return nil, fmt.Errorf("modality %s: the data set has samples of %v, the model reads %v", in.Name, have.Shape, in.Shape)
		}
		if got, want := data.Preprocessing()[in.Name], m.Preprocessing[in.Name]; got != want {
			return nil, fmt.Errorf("modality %s: the data set is standardised by mean %v and deviation %v, the model by %v and %v: open it with the model's preprocessing",
				in.Name, got.Mean, got.Deviation, want.Mean, want.Deviation)
		}
		names = append(names, in.Name)
	}
	return dataset.Select(data, split, nil, names)
}
