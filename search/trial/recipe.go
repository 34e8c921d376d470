package trial

import (
	"math"

	"mixmas/nn"
	"mixmas/search/augment"
	"mixmas/search/metric"
	"mixmas/search/store"
)

// Recipe describes how a trial trains. Dropout is part of the model.
type Recipe struct {
	nn.Recipe
	// Plateau reduces the learning rate, and EarlyStopping ends the training, after epochs that are no better than an earlier
	// one on the validation rows. With either, or with Select, a trial keeps the weights of its best epoch, otherwise of its last.
	Plateau       *nn.Reduction `json:"plateau,omitempty"`
	EarlyStopping int           `json:"early_stopping,omitempty"`
	// Select is the metric by which an epoch is better than another, of equal ones that with the lower loss; "" is the loss.
	Select string `json:"select,omitempty"`
	// ClassWeights is [Balanced] if all classes count the same in the loss, and "" if all rows do. A row of a class counts
	// N/(K·n) if n of the N training rows have that class, of K that some have; with several labels per row, having a label counts
	// (N-n)/n. No weight is above 100 or below 1/100. LabelSmoothing is the share of each label that is spread over all
	// classes, or, with several labels per row, over having it and not. Validation losses know neither.
	ClassWeights   string  `json:"class_weights,omitempty"`
	LabelSmoothing float64 `json:"label_smoothing,omitempty"`
	// Augment changes the training samples of modalities by their names, differently in each epoch, in the order of the list.
	Augment map[string][]augment.Choice `json:"augment,omitempty"`
	// Mixup is the parameter of the Beta distribution from which the share of a row is drawn that is mixed with another row, its
	// labels too (Zhang et al. 2018); 0 for none. DropModality is the probability that a row lacks a modality in an epoch; a row
	// that has any keeps at least one.
	Mixup        float64 `json:"mixup,omitempty"`
	DropModality float64 `json:"drop_modality,omitempty"`
}

// Watches reports whether the recipe needs the validation rows after every epoch.
func (r Recipe) Watches() bool { return r.Plateau != nil || r.EarlyStopping > 0 || r.Select != "" }

// Best returns the best epoch of a curve, counted from 1: the one whose weights a training with this recipe keeps. It is the last
// if the recipe does not watch the validation rows.
func (r Recipe) Best(curve []store.Epoch) int {
	if !r.Watches() {
		return len(curve)
	}
	best := 0
	for i := range curve {
		if r.better(curve[i], curve[best]) {
			best = i
		}
	}
	return min(best+1, len(curve))
}

// better reports whether an epoch is better than an earlier one.
func (r Recipe) better(e, earlier store.Epoch) bool {
	if r.Select != "" {
		value, best := selected(e), selected(earlier)
		if order := metric.Compare(r.Select, value, best); order != 0 {
			return order < 0
		}
	}
	return e.ValidationLoss < earlier.ValidationLoss
}

// selected returns the value of the metric that selects the best epoch; NaN if it is undefined.
func selected(e store.Epoch) float64 {
	if e.ValidationMetric == nil {
		return math.NaN()
	}
	return *e.ValidationMetric
}
