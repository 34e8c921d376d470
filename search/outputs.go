package search

import (
	"context"

	"mixmas/search/evaluate"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// Outputs returns the logits (rows × classes) of a trial for the rows that score it. Outputs that were removed are made again.
func (s *Search) Outputs(ctx context.Context, o *evaluate.Outcome) ([]float32, error) {
	return s.evaluator.Outputs(ctx, o)
}

// TestOutputs returns the logits (rows × classes) of a full training for the test split. The training must have been tested, see
// [Search.Train].
func (s *Search) TestOutputs(ctx context.Context, t *Trained) ([]float32, error) {
	key, _, err := store.Key(s.testKey(t.Score.Key))
	if err != nil {
		return nil, err
	}
	sc, err := s.options.Store.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	file, err := s.options.Store.Outputs(sc)
	if err != nil {
		return nil, err
	}
	return trial.DecodeOutputs(file)
}
