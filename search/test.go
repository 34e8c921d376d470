package search

import (
	"context"
	"errors"

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
	key, canonical, err := store.Key(struct {
		Test string `json:"test"`
		Data string `json:"data"`
	}{o.Score.Key, s.data.Fingerprint()})
	if err != nil {
		return nil, err
	}
	scores, spec := s.options.Store, o.Job.Specification
	var metrics map[string]float64
	look := func() (found bool, err error) {
		sc, err := scores.Get(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		metrics = sc.Metrics
		return err == nil, err
	}
	if found, err := look(); found || err != nil {
		return metrics, err
	}
	network, samples, err := s.testSamples(spec.Model)
	if err != nil {
		return nil, err
	}
	name := "test/" + o.Job.Label
	var logits []float32
	lease, err := s.evaluator.Once(ctx, evaluate.Work{Key: key, Look: look, Waiting: name + ": another process is scoring it, waiting", Do: func() (err error) {
		logits, err = s.runner.Predict(ctx, network, spec.Recipe.Batch, weights, samples)
		return err
	}})
	if lease == nil || err != nil {
		return metrics, err
	}
	defer lease.Release()
	if metrics, err = trial.Measure(ctx, s.data, samples, logits); err != nil {
		return nil, err
	}
	outputs, err := trial.EncodeOutputs(s.data, logits)
	if err != nil {
		return nil, err
	}
	if err := s.data.Unchanged(ctx); err != nil {
		return nil, err
	}
	sc := store.Score{Key: key, Name: name, Search: s.config.Name, Specification: canonical, Status: store.Finished, Metrics: metrics,
		Parameters: o.Score.Parameters, Machine: trial.Machine(), Numerics: spec.Numerics, Finished: o.Score.Finished}
	_, err = scores.Put(ctx, sc, nil, outputs)
	return metrics, err
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
