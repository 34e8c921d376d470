package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
)

// FormatVersion is the latest version of the description: this program reads no later one. Version 4 is an ensemble or has
// thresholds; a description without them is written as an earlier version. Version 3 has a recipe of the input; a
// description without one is written as version 2. Version 2 has statistics per feature, version 1 one mean and standard
// deviation per modality.
const FormatVersion = 4

// version is the version that a description is written as.
func (d *Description) version() int {
	switch {
	case d.Ensemble != nil || d.Thresholds != nil:
		return FormatVersion
	case d.Input != nil:
		return 3
	}
	return 2
}

// Description describes a model: everything but its weights.
type Description struct {
	Version int    `json:"version"`
	Name    string `json:"name"`
	// Model is the architecture. It is empty for an ensemble.
	Model mixer.Specification `json:"model,omitzero"`
	// Ensemble has the architectures of several models that predict together; nil for one.
	Ensemble *Ensemble `json:"ensemble,omitempty"`
	// Thresholds are subtracted from the logits before a class is predicted, one per class, see [metric.Outputs]. Nil means zeros.
	Thresholds []float64 `json:"thresholds,omitempty"`
	// Preprocessing is applied to each modality's raw input. It may name modalities of the data that the model does not read.
	Preprocessing map[string]dataset.Standardisation `json:"preprocessing"`
	Classes       []string                           `json:"classes"`
	// Input is the data format's recipe: how raw input becomes the samples that are preprocessed, see [dataset.Raw]. It is nil for
	// data that are samples already.
	Input json.RawMessage `json:"input,omitempty"`
	// Data holds the format of the training data and their fingerprint.
	Data Data `json:"data"`
	// Training is the key of the model's training in the store. The members of an ensemble have their own.
	Training string `json:"training,omitempty"`
	// Stopped is the number of epochs after which a budget stopped the training; 0 if it ended by its recipe.
	Stopped int `json:"stopped,omitempty"`
	// Weights is the digest of the weights, see [safetensors.Digest]. Files of older programs have none.
	Weights string `json:"weights,omitempty"`
	// Metrics are the metrics by split, "validation" and "test", without thresholds.
	Metrics map[string]map[string]float64 `json:"metrics"`
	// MetricsWithThresholds are the same metrics with the thresholds, which were fitted to validation rows. Nil if there are none,
	// and in files of older programs: these have the metrics of an ensemble, or of the cheapest model, with thresholds in Metrics.
	MetricsWithThresholds map[string]map[string]float64 `json:"metrics_with_thresholds,omitempty"`
}

// Data identifies the training data.
type Data struct {
	Format      string `json:"format"`
	Fingerprint string `json:"fingerprint"`
}

// checkVersion refuses descriptions of versions that this program cannot read.
func checkVersion(version int) error {
	switch {
	case version > FormatVersion:
		return fmt.Errorf("it has version %d, but this program reads versions up to %d: use a newer mixmas", version, FormatVersion)
	case version < 1:
		return fmt.Errorf("it has version %d, but versions start at 1", version)
	}
	return nil
}

// build checks every field and builds the networks, one or those of an ensemble's members, whose parameters must match the shapes
// of the tensors.
func (d *Description) build(shapes map[string][]int) ([]nn.Model, error) {
	var networks []nn.Model
	if d.Ensemble == nil {
		network, err := buildOne(d.Model, shapes)
		if err != nil {
			return nil, err
		}
		networks = append(networks, network)
	} else {
		var err error
		if networks, err = d.Ensemble.build(shapes); err != nil {
			return nil, err
		}
		if len(d.Model.Modalities) > 0 {
			return nil, errors.New("it has both a model and an ensemble: want one of them")
		}
	}
	return networks, errors.Join(d.checkClasses(), d.checkThresholds(), d.checkPreprocessing(), d.checkMetrics())
}

// buildOne builds one network, whose parameters must match the shapes.
func buildOne(spec mixer.Specification, shapes map[string][]int) (nn.Model, error) {
	network, err := mixer.Build(spec)
	if err != nil {
		return nil, err
	}
	if err := network.Parameters().Fit(shapes); err != nil {
		return nil, fmt.Errorf("the tensors do not match the model: %w", err)
	}
	return network, nil
}

// architectures are the model's architecture, or those of an ensemble's members.
func (d *Description) architectures() []mixer.Specification {
	if d.Ensemble == nil {
		return []mixer.Specification{d.Model}
	}
	var list []mixer.Specification
	for _, m := range d.Ensemble.Members {
		list = append(list, m.Model)
	}
	return list
}

// Modalities are what the model reads, for an ensemble each modality that a member reads, once. It is masked, and optional, only if it
// is so for every member that reads it.
func (d *Description) Modalities() []mixer.Modality {
	var list []mixer.Modality
	for _, spec := range d.architectures() {
		for _, m := range spec.Modalities {
			i := slices.IndexFunc(list, func(other mixer.Modality) bool { return other.Name == m.Name })
			if i < 0 {
				list = append(list, m)
				continue
			}
			list[i].Masked, list[i].Optional = list[i].Masked && m.Masked, list[i].Optional && m.Optional
		}
	}
	return list
}

func (d *Description) checkThresholds() error {
	if d.Thresholds != nil && len(d.Thresholds) != len(d.Classes) {
		return fmt.Errorf("%d thresholds for %d classes", len(d.Thresholds), len(d.Classes))
	}
	for i, t := range d.Thresholds {
		if math.IsNaN(t) || math.IsInf(t, 0) {
			return fmt.Errorf("the threshold of class %d is %v", i, t)
		}
	}
	return nil
}

func (d *Description) checkClasses() error {
	if classes := d.architectures()[0].Classes; len(d.Classes) != classes {
		return fmt.Errorf("%d class names for %d classes", len(d.Classes), classes)
	}
	first := map[string]int{}
	for i, class := range d.Classes {
		if class == "" {
			return fmt.Errorf("class %d has no name", i)
		}
		if before, taken := first[class]; taken {
			return fmt.Errorf("classes %d and %d are both named %q", before, i, class)
		}
		first[class] = i
	}
	return nil
}

func (d *Description) checkPreprocessing() error {
	for _, m := range d.Modalities() {
		s, ok := d.Preprocessing[m.Name]
		if !ok {
			return fmt.Errorf("modality %s has no preprocessing", m.Name)
		}
		if err := s.Fits(dataset.Modality{Name: m.Name, Kind: m.Kind, Shape: m.Shape}); err != nil {
			return fmt.Errorf("modality %s: %w", m.Name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Preprocessing)) {
		if err := d.Preprocessing[name].Check(); err != nil {
			return fmt.Errorf("modality %s: %w", name, err)
		}
	}
	return nil
}

func (d *Description) checkMetrics() error {
	for _, metrics := range []map[string]map[string]float64{d.Metrics, d.MetricsWithThresholds} {
		for _, split := range slices.Sorted(maps.Keys(metrics)) {
			for _, name := range slices.Sorted(maps.Keys(metrics[split])) {
				if x := metrics[split][name]; math.IsNaN(x) || math.IsInf(x, 0) {
					return fmt.Errorf("metric %s of the %s split is %v", name, split, x)
				}
			}
		}
	}
	return nil
}
