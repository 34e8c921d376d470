package evaluate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mixmas/search/store"
	"mixmas/search/trial"
)

// A job with [trial.Job.Until] leaves a partial score of the epochs so far, with a checkpoint. A later job with the same key
// resumes from it. Whatever the store holds, the outcome of such a job is that of a training which stopped at its epoch.

// lookUpPartial returns the stored partial outcome of a job, or nil.
func (e *Evaluator) lookUpPartial(ctx context.Context, job trial.Job, key string) (*Outcome, error) {
	if job.Until == 0 {
		return nil, nil
	}
	sc, err := e.options.Store.GetPartial(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case len(sc.Curve) > job.Until:
		return e.cut(ctx, job, sc)
	case len(sc.Curve) < job.Until, e.lacksOutputs(sc, job):
		return nil, nil
	}
	return &Outcome{Job: job, Score: sc, Cached: true}, nil
}

// cut returns the outcome that a job had at its epoch, from the score of a training that continued after it. It returns nil
// if the outputs after that epoch are not stored.
func (e *Evaluator) cut(ctx context.Context, job trial.Job, sc store.Score) (*Outcome, error) {
	file, err := e.options.Store.EpochOutputs(sc, job.Until)
	if gone(err) || err == nil && e.lacksOutputs(sc, job) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	scoring, err := trial.Scoring(e.options.Data, job, nil)
	if err != nil {
		return nil, err
	}
	sc.Status, sc.Reason, sc.Curve = store.Partial, "", slices.Clone(sc.Curve[:job.Until])
	sc.Weights, sc.Outputs, sc.Checkpoint = "", sc.EpochOutputs[job.Until], ""
	if sc.Metrics, err = trial.MeasureFile(ctx, e.options.Data, scoring, file); err != nil {
		return nil, fmt.Errorf("%s: %w", job.Name, err)
	}
	if sc.Curve[job.Until-1].ValidationLoss, err = trial.LossOfFile(ctx, e.options.Data, scoring, file); err != nil {
		return nil, fmt.Errorf("%s: %w", job.Name, err)
	}
	return &Outcome{Job: job, Score: sc, Cached: true}, nil
}

// further reports whether a score belongs to a training that continued after the epoch at which a job stops. A training that
// failed right after that epoch counts if it left outputs there.
func further(sc store.Score, job trial.Job) bool {
	return job.Until > 0 && (len(sc.Curve) > job.Until || sc.Status == store.Failed && sc.EpochOutputs[job.Until] != "")
}

// missingOutputs returns the last epoch within a score's training whose outputs a job asks for but are not stored, or were
// removed or damaged; 0 if there is none.
func (e *Evaluator) missingOutputs(sc store.Score, job trial.Job) (last int) {
	for _, epoch := range job.Outputs {
		if epoch < 1 || epoch > len(sc.Curve) || job.Until > 0 && epoch > job.Until {
			continue
		}
		if _, err := e.options.Store.EpochOutputs(sc, epoch); gone(err) {
			last = max(last, epoch)
		}
	}
	return last
}

func (e *Evaluator) lacksOutputs(sc store.Score, job trial.Job) bool {
	return e.missingOutputs(sc, job) > 0
}

// partial returns the checkpoint that an earlier part of the job's training left. It returns nil unless the checkpoint comes
// before the job's end and the outputs of all requested epochs before it are stored.
func (e *Evaluator) partial(ctx context.Context, job trial.Job, key string) (*trial.Origin, error) {
	sc, err := e.options.Store.GetPartial(ctx, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && (job.Until > 0 && len(sc.Curve) >= job.Until || e.lacksOutputs(sc, job)) {
		return nil, nil
	}
	return &trial.Origin{Key: sc.Key, Name: sc.Name, File: sc.Checkpoint}, err
}

// Checkpoint implements [trial.Source].
func (f Files) Checkpoint(o trial.Origin) ([]byte, error) {
	return f.Store.Checkpoint(store.Score{Key: o.Key, Name: o.Name, Checkpoint: o.File})
}
