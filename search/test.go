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

// test scores a trained model on the test split, and stores the score like any other. That of a training that its budget stopped
// is not stored: it would stand for the whole training. The metrics are nil if there is no test split.
func (s *Search) test(ctx context.Context, o *evaluate.Outcome) (map[string]float64, error) {
	if s.data.Len(dataset.Test) == 0 {
		return nil, nil
	}
	if o.Best == nil {
		sc, err := s.tested(ctx, o)
		return sc.Metrics, err
	}
	logits, err := s.predict(ctx, o, dataset.Test, nil)
	if err != nil {
		return nil, err
	}
	samples, err := dataset.Select(s.data, dataset.Test, nil, nil)
	if err != nil {
		return nil, err
	}
	return trial.Measure(ctx, s.data, samples, logits)
}

// tested returns the stored score of a model on the test split, after scoring it if there is none.
func (s *Search) tested(ctx context.Context, o *evaluate.Outcome) (store.Score, error) {
	var weights nn.Weights
	return s.keep(ctx, predictions{
		key:   s.testKey(o.Score.Key),
		split: dataset.Test,
		score: store.Score{Name: "test/" + o.Job.Label, Parameters: o.Score.Parameters, Numerics: o.Job.Specification.Numerics,
			Finished: o.Score.Finished},
		before: func(ctx context.Context) (err error) {
			weights, err = s.weights(ctx, o)
			return err
		},
		logits: func(ctx context.Context) ([]float32, error) { return s.predictWith(ctx, o, weights, dataset.Test, nil) },
	})
}

// testKey is what the key of a training's score on the test split is a hash of.
func (s *Search) testKey(training string) any {
	return struct {
		Test string `json:"test"`
		Data string `json:"data"`
	}{training, s.data.Fingerprint()}
}

// testLogits returns the logits of the test split that [Search.test] scores.
func (s *Search) testLogits(ctx context.Context, o *evaluate.Outcome) ([]float32, error) {
	if o.Best == nil {
		sc, err := s.tested(ctx, o)
		if err != nil {
			return nil, err
		}
		if file, err := s.options.Store.Outputs(sc); err == nil {
			return trial.DecodeOutputs(file)
		}
	}
	return s.predict(ctx, o, dataset.Test, nil)
}

// predict returns a trained model's logits of rows of a split; nil means all.
func (s *Search) predict(ctx context.Context, o *evaluate.Outcome, split dataset.Split, rows []int) ([]float32, error) {
	weights, err := s.weights(ctx, o)
	if err != nil {
		return nil, err
	}
	return s.predictWith(ctx, o, weights, split, rows)
}

func (s *Search) predictWith(ctx context.Context, o *evaluate.Outcome, weights nn.Weights, split dataset.Split, rows []int) ([]float32, error) {
	network, err := mixer.Build(o.Job.Specification.Model)
	if err != nil {
		return nil, err
	}
	samples, err := dataset.Select(s.data, split, rows, trial.Inputs(network))
	if err != nil {
		return nil, err
	}
	return s.runner.Predict(ctx, network, o.Job.Specification.Recipe.Batch, weights, samples)
}

// validationLogits returns a trained model's logits of the validation rows of its job.
func (s *Search) validationLogits(ctx context.Context, o *evaluate.Outcome) ([]float32, error) {
	if o.Best != nil {
		return s.predict(ctx, o, dataset.Validation, o.Job.Validation)
	}
	logits, err := s.evaluator.Outputs(ctx, o)
	if err != nil {
		return nil, err
	}
	return logits[:o.Job.Specification.Validation.Count*len(s.data.Task().Classes)], nil
}
