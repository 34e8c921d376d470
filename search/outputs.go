package search

import (
	"context"

	"mixmas/search/evaluate"
)

// Outputs returns the logits (rows × classes) of a trial for the rows that score it. Outputs that were removed are made again.
func (s *Search) Outputs(ctx context.Context, o *evaluate.Outcome) ([]float32, error) {
	return s.evaluator.Outputs(ctx, o)
}

// TestOutputs returns the logits (rows × classes) of a full training for the test split. They are stored, see [Search.Train], unless
// its budget stopped the training.
func (s *Search) TestOutputs(ctx context.Context, t *Trained) ([]float32, error) {
	return s.testLogits(ctx, t.Outcome)
}
