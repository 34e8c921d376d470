package evaluate

import (
	"context"

	"mixmas/search/store"
	"mixmas/search/trial"
)

// partial is the checkpoint that an earlier part of the job's training left, nil where there is none.
func (e *Evaluator) partial(ctx context.Context, job trial.Job, key string) (*trial.Origin, error) {
	return nil, nil
}

// Checkpoint implements [trial.Source].
func (f Files) Checkpoint(o trial.Origin) ([]byte, error) { return nil, store.ErrPruned }
