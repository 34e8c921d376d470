// Package plan makes of a checked configuration and an open data set what a strategy searches: a space of candidates, all of
// which have been built once, and the rows that they are trained and scored on.
package plan

import (
	"context"
	"fmt"

	"mixmas/nn/mixer"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/sample"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

// FieldError says what is wrong with a field of the configuration, such as "search.networks".
type FieldError struct {
	Field string
	Err   error
}

// Error is "field: error".
func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap gives the error itself.
func (e *FieldError) Unwrap() error { return e.Err }

// Space makes the space of a configuration on data, but for the sample, see [Sampled]. Every candidate is built: one that does
// not fit is a [*FieldError].
func Space(c *config.Config, data dataset.Dataset) (*strategy.Space, error) {
	s := &strategy.Space{Data: data, Metric: c.Search.Metric, Warm: c.Search.Start == "warm"}
	for _, w := range c.Data.PosWeight {
		s.PosWeight = append(s.PosWeight, float32(w))
	}
	candidates := func(list config.Candidates) (made []strategy.Candidate) {
		for _, candidate := range list {
			under := func(t config.Training) mixer.Choice {
				return mixer.Choice{Architecture: candidate.Name, Options: candidate.WithDropout(t.Dropout)}
			}
			made = append(made, strategy.Candidate{Label: candidate.Label, Choice: under(c.Search.Training), Full: under(c.Train.Training)})
		}
		return made
	}
	for _, m := range data.Modalities() {
		s.Modalities = append(s.Modalities, strategy.Modality{Modality: m, Encoders: candidates(c.Search.Encoders[m.Name])})
	}
	for _, name := range c.Search.Fusions {
		function := mixer.Choice{Architecture: name}
		s.Fusions = append(s.Fusions, strategy.Candidate{Label: name, Choice: function, Full: function})
	}
	s.Networks = candidates(c.Search.Networks)
	return s, check(s)
}

// Sampled is the space with a sample drawn, for trainings with the numerics of a device.
func Sampled(ctx context.Context, space *strategy.Space, c *config.Config, numerics string) (*strategy.Space, error) {
	drawn, validation, err := Draw(ctx, c, space.Data)
	if err != nil {
		return nil, err
	}
	s := *space
	s.Sample, s.Validation, s.Specification = drawn, validation, trial.On(s.Data, drawn.Rows, validation)
	s.Specification.Numerics, s.Specification.Recipe, s.Specification.Seed = numerics, Recipe(c.Search.Training), c.Seed
	return &s, nil
}

// Recipe is that of a training.
func Recipe(t config.Training) trial.Recipe {
	return trial.Recipe{Optimiser: t.Optimiser, LearningRate: t.LearningRate, WeightDecay: t.WeightDecay,
		Momentum: t.Momentum, Batch: t.Batch, Epochs: t.Epochs}
}

// FullRecipe is that of the full training.
func FullRecipe(t config.Train) trial.Recipe {
	r := Recipe(t.Training)
	r.EarlyStopping = t.EarlyStopping
	if t.Plateau.Factor < 1 {
		r.Plateau = &trial.Plateau{Factor: t.Plateau.Factor, Patience: t.Plateau.Patience}
	}
	return r
}

// Draw draws the rows that candidates are trained on, and the validation rows that score them, nil for all.
func Draw(ctx context.Context, c *config.Config, data dataset.Dataset) (drawn sample.Sample, validation []int, err error) {
	o := c.Sample.Options()
	draw := func(split dataset.Split) (sample.Sample, error) {
		samples, err := dataset.Select(data, split, nil, nil)
		if err != nil {
			return sample.Sample{}, err
		}
		labels := sample.Labels{Rows: samples.Len(), Classes: len(data.Classes()), MultiLabel: data.MultiLabel(), Label: samples.Label}
		drawn, err := sample.Draw(ctx, labels, o, c.Seed)
		if err != nil {
			return drawn, fmt.Errorf("%s split: %w", split, err)
		}
		return drawn, nil
	}
	if drawn, err = draw(dataset.Train); err != nil || c.Sample.Validation != "formula" {
		return drawn, nil, err
	}
	o.Size = 0
	rows, err := draw(dataset.Validation)
	return drawn, rows.Rows, err
}
