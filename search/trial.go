package search

import (
	"context"
	"errors"
	"fmt"

	"mixmas/nn/device"
	"mixmas/nn/safetensors"
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
// specification is a score of status failed, not an error. Equal trials at the same time are trained once.
func (s *Search) score(ctx context.Context, t *Trial) (*Outcome, error) {
	key, canonical, err := t.Key()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	result, err, _ := s.flights.Do(key, func() (any, error) {
		if o, err := s.lookUp(ctx, t, key); o != nil || err != nil {
			return o, err
		}
		if s.lookOnly {
			return nil, fmt.Errorf("%s has no score: %w", t.Name, ErrUntrained)
		}
		sc, weights, outputs, err := s.trainBeside(ctx, t)
		if errors.Is(err, device.ErrOutOfMemory) {
			// Another day the memory may suffice: the trial loses this search, but has no score.
			sc = store.Score{Key: key, Name: t.Name, Status: store.Failed, Reason: err.Error()}
			return &Outcome{Trial: t, Score: sc, memory: err}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		if err := s.data.Unchanged(); err != nil { // the score would be that of other data
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		sc.Key, sc.Specification = key, canonical
		if sc, err = s.store.Put(sc, weights, outputs); err != nil {
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

// trainBeside trains the trial beside others. The weights that it starts from come first: to train them again takes a slot,
// and who holds one must not wait for another.
func (s *Search) trainBeside(ctx context.Context, t *Trial) (sc store.Score, weights, outputs []byte, err error) {
	for {
		for _, from := range t.start {
			if _, err := s.weights(ctx, from); err != nil {
				return sc, nil, nil, err
			}
		}
		err = s.beside(ctx, func() (err error) {
			sc, weights, outputs, err = s.train(ctx, t)
			return err
		})
		if !errors.Is(err, store.ErrPruned) { // while it waited for the slot
			return sc, weights, outputs, err
		}
	}
}

// beside uses the device beside other trials when there is a free slot, and again alone if the device's memory was too full
// for that.
func (s *Search) beside(ctx context.Context, use func() error) error {
	err := s.holding(ctx, 1, use)
	if errors.Is(err, device.ErrOutOfMemory) && s.workers > 1 {
		err = s.holding(ctx, s.workers, use)
	}
	return err
}

// holding uses the device while it holds a number of slots.
func (s *Search) holding(ctx context.Context, slots int64, use func() error) error {
	if err := s.slots.Acquire(ctx, slots); err != nil {
		return err
	}
	defer s.slots.Release(slots)
	return use()
}

// lookUp returns the kept outcome of a trial, or nil.
func (s *Search) lookUp(ctx context.Context, t *Trial, key string) (*Outcome, error) {
	sc, err := s.store.Get(key)
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
	case sc.Status == store.Failed && s.config.Search.RetryFailed && !s.lookOnly:
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
	tensors, _, err := safetensors.Parse(file)
	if err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	validation, err := dataset.Select(s.data, dataset.Validation, t.validation, nil)
	if err != nil {
		return err
	}
	sc.Metrics, err = s.evaluate(ctx, validation, tensors["logits"].Data)
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
		sc, weights, _, err := s.trainBeside(ctx, o.Trial)
		if err != nil {
			return nil, err
		}
		if sc.Status == store.Failed {
			return nil, errors.New(sc.Reason)
		}
		return weights, s.store.PutWeights(o.Score.Key, weights)
	})
	if err != nil {
		return nil, err
	}
	return file.([]byte), nil
}
