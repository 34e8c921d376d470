package search

import (
	"context"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// test scores a trained model on the test split, and stores the score like any other.
func (s *Search) test(ctx context.Context, o *evaluate.Outcome, weights nn.Weights) (map[string]float64, error) {
	if s.data.Len(dataset.Test) == 0 {
		return nil, nil
	}
	spec := o.Job.Specification
	sc, err := s.keep(ctx, predictions{
		key:   s.testKey(o.Score.Key),
		split: dataset.Test,
		score: store.Score{Name: "test/" + o.Job.Label, Parameters: o.Score.Parameters, Numerics: spec.Numerics, Finished: o.Score.Finished},
		logits: func(ctx context.Context) ([]float32, error) {
			network, samples, err := s.testSamples(spec.Model)
			if err != nil {
				return nil, err
			}
			return s.runner.Predict(ctx, network, spec.Recipe.Batch, weights, samples)
		},
	})
	return sc.Metrics, err
}

// testKey is what the key of a training's score on the test split is a hash of.
func (s *Search) testKey(training string) any {
	return struct {
		Test string `json:"test"`
		Data string `json:"data"`
	}{training, s.data.Fingerprint()}
}

// measureTest scores a model on the test split and stores nothing, for a training that was stopped: a stored score would stand
// for the whole training.
func (s *Search) measureTest(ctx context.Context, o *evaluate.Outcome, weights nn.Weights) (map[string]float64, error) {
	if s.data.Len(dataset.Test) == 0 {
		return nil, nil
	}
	spec := o.Job.Specification
	network, samples, err := s.testSamples(spec.Model)
	if err != nil {
		return nil, err
	}
	logits, err := s.runner.Predict(ctx, network, spec.Recipe.Batch, weights, samples)
	if err != nil {
		return nil, err
	}
	return trial.Measure(ctx, s.data, samples, logits)
}

// testSamples builds a model and selects what it reads of the test split.
func (s *Search) testSamples(spec mixer.Specification) (nn.Model, *dataset.Samples, error) {
	network, err := mixer.Build(spec)
	if err != nil {
		return nil, nil, err
	}
	samples, err := dataset.Select(s.data, dataset.Test, nil, trial.Inputs(network))
	return network, samples, err
}
