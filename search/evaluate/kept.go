package evaluate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"mixmas/search/store"
	"mixmas/search/trial"
)

// lookUp returns the stored outcome of a job, or nil.
func (e *Evaluator) lookUp(ctx context.Context, job trial.Job, key string) (*Outcome, error) {
	sc, err := e.options.Store.Get(ctx, key)
	foreign := false
	if errors.Is(err, store.ErrNotFound) && e.options.AnyNumerics {
		sc, err = e.lookUpForeign(ctx, job)
		foreign = err == nil
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return e.lookUpPartial(ctx, job, key)
	case err != nil:
		return nil, err
	case further(sc, job):
		o, err := e.cut(ctx, job, sc)
		if o != nil {
			o.Foreign = foreign
		}
		return o, err
	case sc.Status == store.Failed && e.options.RetryFailed && !e.options.OnlyKept && sc.Finished.Before(e.started):
		return nil, nil
	case e.lacksOutputs(sc, job): // training adds them to the score
		return nil, nil
	case foreign && !e.hasWeights(sc): // a training with these numerics would give other weights
		return nil, nil
	}
	if _, known := sc.Metrics[e.options.Metric]; !known && sc.Status == store.Finished {
		if err := e.measure(ctx, job, &sc); err != nil {
			return nil, fmt.Errorf("%s: %w", job.Name, err)
		}
	}
	return &Outcome{Job: job, Score: sc, Cached: true, Foreign: foreign}, nil
}

// measure computes the metrics of a stored score from its outputs, because the metric may be newer than the score.
func (e *Evaluator) measure(ctx context.Context, job trial.Job, sc *store.Score) error {
	file, err := e.options.Store.Outputs(*sc)
	if err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	scoring, err := trial.Scoring(e.options.Data, job, nil)
	if err != nil {
		return err
	}
	sc.Metrics, err = trial.MeasureFile(ctx, e.options.Data, scoring, file)
	return err
}

// hasWeights reports whether a score's weights are stored and undamaged.
func (e *Evaluator) hasWeights(sc store.Score) bool {
	_, err := e.options.Store.Weights(sc)
	return err == nil
}

// Files provides a store's files to jobs.
type Files struct{ *store.Store }

// Weights implements [trial.Source].
func (f Files) Weights(o trial.Origin) ([]byte, error) {
	return f.Store.Weights(store.Score{Key: o.Key, Name: o.Name, Weights: o.File})
}

// Outputs implements [trial.Source].
func (f Files) Outputs(o trial.Origin) ([]byte, error) {
	return f.Store.Outputs(store.Score{Key: o.Key, Name: o.Name, Outputs: o.File})
}

// Temporary implements [trial.Source].
func (f Files) Temporary() (*os.File, error) { return f.Store.Temporary() }

// scoreFile is a file of a score: how to read it, store it again, and take it from the result of a training.
type scoreFile struct {
	name string
	get  func(*store.Store, store.Score) ([]byte, error)
	put  func(*store.Store, context.Context, store.Score, []byte) error
	of   func(trial.Result) []byte
}

var (
	weightsFile = scoreFile{"weights", (*store.Store).Weights, (*store.Store).PutWeights, func(r trial.Result) []byte { return r.Weights }}
	outputsFile = scoreFile{"outputs", (*store.Store).Outputs, (*store.Store).PutOutputs, func(r trial.Result) []byte { return r.Outputs }}
)

// Weights returns the file of weights that a job ended with. Weights that were pruned or damaged are trained again and
// stored.
func (e *Evaluator) Weights(ctx context.Context, o *Outcome) ([]byte, error) {
	if o.Score.Status == store.Partial {
		return nil, fmt.Errorf("weights of %s: its training has not finished", o.Job.Name)
	}
	return e.file(ctx, o, weightsFile)
}

// Outputs returns the logits (rows × classes) of an outcome for the rows that score it, see [trial.Scoring]. Outputs that were
// removed or damaged are made again, by training again, and stored.
func (e *Evaluator) Outputs(ctx context.Context, o *Outcome) ([]float32, error) {
	file, err := e.file(ctx, o, outputsFile)
	if err != nil {
		return nil, err
	}
	logits, err := trial.DecodeOutputs(file)
	rows, classes := o.Job.Specification.ScoringRows(), len(e.options.Data.Task().Classes)
	if err == nil && len(logits) != rows*classes {
		err = fmt.Errorf("outputs: %d logits, want %d rows of %d classes", len(logits), rows, classes)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Job.Name, err)
	}
	return logits, nil
}

// file returns a file of an outcome. If it was pruned or damaged, the job is trained again.
func (e *Evaluator) file(ctx context.Context, o *Outcome, f scoreFile) ([]byte, error) {
	content, err := f.get(e.options.Store, o.Score)
	if gone(err) && o.Score.Status != store.Failed {
		if e.options.OnlyKept {
			return nil, fmt.Errorf("%s of %s: %w: %w", f.name, o.Job.Name, err, ErrUntrained)
		}
		content, err = e.trainAgain(ctx, o, f)
	}
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", f.name, o.Job.Name, err)
	}
	return content, nil
}

// restore ensures that the weights from which a job starts are stored.
func (e *Evaluator) restore(ctx context.Context, from trial.Origin) error {
	if from.File == "" {
		return fmt.Errorf("weights of %s: its training has not finished", from.Name)
	}
	if known, ok := e.known.Load(from.Key); ok {
		o := known.(*Outcome)
		if o.Score.Weights != from.File { // training again would not give them
			return fmt.Errorf("weights of %s: the job names %.12s, but the training ended with %.12s", from.Name, from.File, o.Score.Weights)
		}
		_, err := e.Weights(ctx, o)
		return err
	}
	if _, err := (Files{e.options.Store}).Weights(from); err != nil {
		return fmt.Errorf("weights of %s: %w", from.Name, err)
	}
	return nil
}

// checkSoft returns an error unless the soft labels of a job, if it has any, are stored.
func (e *Evaluator) checkSoft(job trial.Job) error {
	if job.Soft == nil {
		return nil
	}
	if _, err := (Files{e.options.Store}).Outputs(*job.Soft); err != nil {
		return fmt.Errorf("soft labels of %s: %w", job.Soft.Name, err)
	}
	return nil
}

// gone reports whether an error means that a file must be made again.
func gone(err error) bool { return errors.Is(err, store.ErrPruned) || errors.Is(err, store.ErrDamaged) }

// trainAgain trains a job again for a file of its score that was pruned or damaged, and stores the file. The score would be the
// same, and stays.
func (e *Evaluator) trainAgain(ctx context.Context, o *Outcome, f scoreFile) ([]byte, error) {
	job := o.Job
	job.Until, job.Outputs, job.Deadline = 0, nil, time.Time{}
	if o.Score.Status == store.Partial {
		job.Until = len(o.Score.Curve)
	}
	made, err, _ := e.flights.Do(fmt.Sprint("again ", f.name, o.Score.Key, job.Until), func() (any, error) {
		var content []byte
		look := func() (found bool, err error) {
			content, err = f.get(e.options.Store, o.Score)
			if gone(err) {
				return false, nil
			}
			return err == nil, err
		}
		t, lease, err := e.train(ctx, job, o.Score.Key, look, nil)
		if lease == nil || err != nil {
			return content, err
		}
		defer lease.Release()
		if t.result.Score.Status == store.Failed {
			return nil, errors.New(t.result.Score.Reason)
		}
		content = f.of(t.result)
		return content, f.put(e.options.Store, ctx, o.Score, content)
	})
	if err != nil {
		return nil, err
	}
	return made.([]byte), nil
}
