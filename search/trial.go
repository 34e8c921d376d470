package search

import (
	"context"
	"errors"
	"fmt"

	"mixmas/nn/device"
	"mixmas/search/dataset"
	"mixmas/search/store"
)

// Trial is one training and its score.
type Trial struct {
	// Name is the place in the search, "encoder/image/mlp_mixer"; Label is the candidate's own name.
	Name, Label string
	Specification

	// train and validation are the rows that Sample and Validation identify, nil for all.
	train, validation []int
	// start holds the trials of Start, in case one must be trained again because its weights were pruned.
	start map[string]*Outcome
	// checkpoint is the file that an interrupted training goes on from; empty for none.
	checkpoint string
	// id tells the observer which training it was; 0 for none.
	id int
}

// Outcome is a trial with its score.
type Outcome struct {
	Trial *Trial
	Score store.Score
	// Cached says that the score was there already.
	Cached bool
	// Foreign says that the score was computed with other numerics.
	Foreign bool

	// memory is the error of a trial that failed because the device's memory is full. Its score is not kept.
	memory error
}

// score returns the trial's score: from the store if it is there, else by training. A training that fails by its own
// specification is a score of status failed, not an error. Equal trials at the same time are trained once, in all processes
// that share the store.
func (s *Search) score(ctx context.Context, t *Trial) (*Outcome, error) {
	key, canonical, err := t.Key()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	result, err, _ := s.flights.Do(key, func() (any, error) {
		var o *Outcome
		look := func() (found bool, err error) {
			o, err = s.lookUp(ctx, t, key)
			return o != nil, err
		}
		if found, err := look(); found || err != nil {
			return o, err
		}
		if s.lookOnly {
			return nil, fmt.Errorf("%s has no score: %w", t.Name, ErrUntrained)
		}
		var sc store.Score
		var weights, outputs []byte
		lease, err := s.trainOnce(ctx, t, work{key: key, look: look, do: func() (err error) {
			sc, weights, outputs, err = s.train(ctx, t)
			return err
		}})
		if errors.Is(err, device.ErrOutOfMemory) {
			// Another day the memory may suffice: the trial loses this search, but has no score.
			sc = store.Score{Key: key, Name: t.Name, Status: store.Failed, Reason: err.Error()}
			return &Outcome{Trial: t, Score: sc, memory: err}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		if lease == nil { // another process has trained it
			return o, nil
		}
		defer lease.Release()
		if err := s.data.Unchanged(ctx); err != nil { // the score would be that of other data
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		sc.Key, sc.Specification = key, canonical
		if sc, err = s.store.Put(ctx, sc, weights, outputs); err != nil {
			return nil, err
		}
		return &Outcome{Trial: t, Score: sc}, nil
	})
	if err != nil {
		return nil, err
	}
	o := *result.(*Outcome)
	if o.Trial != t { // an equal trial of another name was trained at the same time
		o.Trial, o.Cached = t, true
	}
	return &o, nil
}

// trainOnce is once for work that trains a trial. The weights that it starts from come first: to train them again takes a slot,
// and who holds one must not wait for another.
func (s *Search) trainOnce(ctx context.Context, t *Trial, w work) (*store.Lease, error) {
	train, pruned := w.do, false
	w.waiting = t.Name + ": trained by another process, waiting"
	w.do = func() error {
		err := train()
		pruned = errors.Is(err, store.ErrPruned) // while it waited for the slot
		return err
	}
	for {
		for _, from := range t.start {
			if _, err := s.weights(ctx, from); err != nil {
				return nil, err
			}
		}
		pruned = false
		if lease, err := s.once(ctx, w); !pruned {
			return lease, err
		}
	}
}

// lookUp returns the kept outcome of a trial, or nil.
func (s *Search) lookUp(ctx context.Context, t *Trial, key string) (*Outcome, error) {
	sc, err := s.store.Get(ctx, key)
	foreign := false
	if errors.Is(err, store.ErrNotFound) && s.config.Search.Reuse == "any-numerics" {
		sc, err = s.lookUpForeign(ctx, t)
		foreign = err == nil
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case sc.Status == store.Failed && s.config.Search.RetryFailed && !s.lookOnly && sc.Finished.Before(s.started):
		return nil, nil
	case foreign && !s.hasWeights(sc): // trained again here, they would be others
		return nil, nil
	}
	if _, known := sc.Metrics[s.config.Search.Metric]; !known && sc.Status == store.Finished {
		if err := s.measure(ctx, t, &sc); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
	}
	return &Outcome{Trial: t, Score: sc, Cached: true, Foreign: foreign}, nil
}

// measure computes the metrics of a kept score from its outputs: the plan may ask for one that is newer than the score.
func (s *Search) measure(ctx context.Context, t *Trial, sc *store.Score) error {
	file, err := s.store.Outputs(*sc)
	if err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	validation, err := dataset.Select(s.data, dataset.Validation, t.validation, nil)
	if err != nil {
		return err
	}
	sc.Metrics, err = s.evaluateOutputs(ctx, validation, file)
	return err
}

// hasWeights reports whether a score's weights are still there, and whole.
func (s *Search) hasWeights(sc store.Score) bool {
	_, err := s.store.Weights(sc)
	return err == nil
}

// weights is the file of weights that a trial ended with. Weights that were pruned or damaged are trained again and kept.
func (s *Search) weights(ctx context.Context, o *Outcome) ([]byte, error) {
	file, err := s.store.Weights(o.Score)
	if errors.Is(err, store.ErrPruned) || errors.Is(err, store.ErrDamaged) {
		file, err = s.trainAgain(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("weights of %s: %w", o.Trial.Name, err)
	}
	return file, nil
}

// trainAgain trains a trial whose weights were pruned or damaged, and keeps them. The score stays: it would be the same.
func (s *Search) trainAgain(ctx context.Context, o *Outcome) ([]byte, error) {
	file, err, _ := s.flights.Do("again "+o.Score.Key, func() (any, error) {
		var sc store.Score
		var weights []byte
		look := func() (found bool, err error) {
			weights, err = s.store.Weights(o.Score)
			if errors.Is(err, store.ErrPruned) || errors.Is(err, store.ErrDamaged) {
				return false, nil
			}
			return err == nil, err
		}
		lease, err := s.trainOnce(ctx, o.Trial, work{key: o.Score.Key, look: look, do: func() (err error) {
			sc, weights, _, err = s.train(ctx, o.Trial)
			return err
		}})
		if lease == nil || err != nil {
			return weights, err
		}
		defer lease.Release()
		if sc.Status == store.Failed {
			return nil, errors.New(sc.Reason)
		}
		return weights, s.store.PutWeights(ctx, o.Score, weights)
	})
	if err != nil {
		return nil, err
	}
	return file.([]byte), nil
}
