package search

import (
	"context"
	"errors"

	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// predictions are logits of all rows of a split, which are stored with their metrics as a score of their own.
type predictions struct {
	// key is what the score's key is a hash of.
	key   any
	split dataset.Split
	// score has the name, and what else is known of the score.
	score store.Score
	// needed means that the logits are needed too: they are computed again if their file is gone.
	needed bool
	// before, if there is one, is called before logits, which computes them while it holds a slot of the device: what holds a slot
	// must not train anything again, for which it would need another one.
	before func(ctx context.Context) error
	logits func(ctx context.Context) ([]float32, error)
}

// keep returns the stored score of predictions. They are computed if there is none, by one of the processes that share the
// store.
func (s *Search) keep(ctx context.Context, p predictions) (store.Score, error) {
	key, canonical, err := store.Key(p.key)
	if err != nil {
		return store.Score{}, err
	}
	scores, stored := s.options.Store, store.Score{}
	look := func() (found bool, err error) {
		sc, err := scores.Get(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		if stored = sc; err != nil || !p.needed {
			return err == nil, err
		}
		_, err = scores.Outputs(sc)
		if errors.Is(err, store.ErrPruned) || errors.Is(err, store.ErrDamaged) {
			return false, nil
		}
		return err == nil, err
	}
	if found, err := look(); found || err != nil {
		return stored, err
	}
	if p.before != nil {
		if err := p.before(ctx); err != nil {
			return store.Score{}, err
		}
	}
	var logits []float32
	waiting := p.score.Name + ": another process is scoring it, waiting"
	lease, err := s.evaluator.Once(ctx, evaluate.Work{Key: key, Look: look, Waiting: waiting, Do: func() (err error) {
		logits, err = p.logits(ctx)
		return err
	}})
	if lease == nil || err != nil {
		return stored, err
	}
	defer lease.Release()
	samples, err := dataset.Select(s.data, p.split, nil, nil)
	if err != nil {
		return store.Score{}, err
	}
	sc := p.score
	if sc.Metrics, err = trial.Measure(ctx, s.data, samples, logits); err != nil {
		return store.Score{}, err
	}
	outputs, err := trial.EncodeOutputs(s.data, logits)
	if err != nil {
		return store.Score{}, err
	}
	if err := s.data.Unchanged(ctx); err != nil {
		return store.Score{}, err
	}
	if stored.Key != "" {
		return stored, scores.PutOutputs(ctx, stored, outputs)
	}
	sc.Key, sc.Specification, sc.Search, sc.Status, sc.Machine = key, canonical, s.config.Name, store.Finished, trial.Machine()
	return scores.Put(ctx, sc, nil, outputs)
}
