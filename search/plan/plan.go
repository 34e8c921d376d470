// Package plan turns a checked configuration and an open data set into the input of a strategy: a space of candidates, each
// of which has been built once, and the rows that they are trained and scored on.
package plan

import (
	"context"
	"fmt"

	"mixmas/nn/mixer"
	"mixmas/search/augment"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/sample"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

// FieldError is an error in a field of the configuration, such as "search.networks".
type FieldError struct {
	Field string
	// Label is that of the candidate.
	Label string
	Err   error
}

// Error is "field: error".
func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns the error without the field.
func (e *FieldError) Unwrap() error { return e.Err }

// Space returns the space of a configuration on data, without a sample (see [Sampled]). It builds every candidate; one that
// does not fit returns a [*FieldError].
func Space(c *config.Config, data dataset.Dataset) (*strategy.Space, error) {
	s := &strategy.Space{Data: data, Metric: c.Search.Metric, Warm: c.Search.Start != "scratch", Frozen: c.Search.Start == "frozen",
		ScoreAtBest: c.Search.ScoreAt == "best", Repeats: c.Search.Repeats, CheapestClose: c.Search.Choose == "cheapest_close"}
	for _, w := range c.Data.PosWeight {
		s.PosWeight = append(s.PosWeight, float32(w))
	}
	choice := func(c config.Candidate, t config.Training) mixer.Choice {
		return mixer.Choice{Architecture: c.Name, Options: c.WithDropout(t.Dropout)}
	}
	function := func(c config.Candidate, t config.Training) mixer.FusionChoice {
		return mixer.FusionChoice{Function: c.Name, Options: c.WithDropout(t.Dropout)}
	}
	for _, m := range data.Modalities() {
		s.Modalities = append(s.Modalities, strategy.Modality{Modality: m, Encoders: candidates(c, c.Search.Encoders[m.Name], choice),
			Left: c.Search.Left["search.encoders."+m.Name]})
	}
	s.Fusions, s.Networks = candidates(c, c.Search.Fusions, function), candidates(c, c.Search.Networks, choice)
	s.LeftNetworks = c.Search.Left["search.networks"]
	return s, check(s)
}

// candidates returns the candidates of a list with their options in a short training and in the full one.
func candidates[C any](c *config.Config, list []config.Candidate, under func(config.Candidate, config.Training) C) []strategy.Option[C] {
	var made []strategy.Option[C]
	for _, candidate := range list {
		made = append(made, strategy.Option[C]{Label: candidate.Label, Choice: under(candidate, c.Search.Training), Full: under(candidate, c.Train.Training)})
	}
	return made
}

// Sampled returns the space with a drawn sample, for trainings with the numerics of a device.
func Sampled(ctx context.Context, space *strategy.Space, c *config.Config, numerics string) (*strategy.Space, error) {
	drawn, validation, unused, err := Draw(ctx, c, space.Data)
	if err != nil {
		return nil, err
	}
	s := *space
	s.Sample, s.Validation, s.Unused, s.Specification = drawn, validation, unused, trial.On(s.Data, drawn.Rows, validation)
	if unused != nil {
		rows := trial.Identify(unused, 0)
		s.Specification.Unused = &rows
	}
	s.Specification.Numerics, s.Specification.Recipe, s.Specification.Seed = numerics, recipe(c.Search.Training), c.Seed
	s.Specification.Recipe.Epochs = c.Search.Epochs(s.Specification.Sample.Count)
	return &s, nil
}

// recipe returns the recipe of a training, without what ends it.
func recipe(t config.Training) trial.Recipe {
	r := trial.Recipe{Recipe: t.Recipe, LabelSmoothing: t.LabelSmoothing, Mixup: t.Mixup, DropModality: t.DropModality}
	for name, list := range t.Augment {
		if len(list) > 0 {
			if r.Augment == nil {
				r.Augment = map[string][]augment.Choice{}
			}
			r.Augment[name] = list
		}
	}
	if t.ClassWeights == trial.Balanced {
		r.ClassWeights = trial.Balanced
	}
	return r
}

// FullRecipe returns the recipe of the full training; metric is the search's.
func FullRecipe(t config.Train, metric string) trial.Recipe {
	r := recipe(t.Training)
	r.EarlyStopping = t.EarlyStopping
	if t.Plateau.Factor < 1 {
		r.Plateau = &t.Plateau
	}
	if t.Select == "metric" && metric != "loss" {
		r.Select = metric
	}
	return r
}

// Draw draws the rows that candidates are trained on, the validation rows that score them (nil means all), and the training
// rows that score them too (nil means none): at most as many as validation rows do, of those that the sample leaves out.
func Draw(ctx context.Context, c *config.Config, data dataset.Dataset) (drawn sample.Sample, validation, unused []int, err error) {
	o := c.Sample.Options
	labels := func(split dataset.Split) (sample.Labels, error) {
		samples, err := dataset.Select(data, split, nil, nil)
		if err != nil {
			return sample.Labels{}, err
		}
		return sample.Labels{Rows: samples.Len(), Classes: len(data.Task().Classes), Kind: data.Task().Kind, Label: samples.Label}, nil
	}
	train, err := labels(dataset.Train)
	if err != nil {
		return drawn, nil, nil, err
	}
	train.All = dataset.TotalRows(data)
	if drawn, err = sample.Draw(ctx, train, o, c.Seed); err != nil {
		return drawn, nil, nil, fmt.Errorf("%s split: %w", dataset.Train, err)
	}
	scoring := data.Len(dataset.Validation)
	if c.Sample.Validation == "formula" {
		all, err := labels(dataset.Validation)
		if err != nil {
			return drawn, nil, nil, err
		}
		o.Size = 0
		rows, err := sample.Draw(ctx, all, o, c.Seed)
		if err != nil {
			return drawn, nil, nil, fmt.Errorf("%s split: %w", dataset.Validation, err)
		}
		validation, scoring = rows.Rows, len(rows.Rows)
	}
	if c.Search.ScoreOnUnused {
		unused, err = sample.Rest(ctx, train, drawn.Rows, scoring, c.Seed)
	}
	return drawn, validation, unused, err
}
