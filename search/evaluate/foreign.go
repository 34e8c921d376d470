package evaluate

import (
	"context"
	"encoding/json"
	"errors"

	"mixmas/search/store"
	"mixmas/search/trial"
)

// lookUpForeign finds the score of a job that differs only in its numerics and the revision of the kernels, for reuse:
// any-numerics. Of several the one of the first name and key is taken.
func (e *Evaluator) lookUpForeign(ctx context.Context, job trial.Job) (store.Score, error) {
	scores, err := e.options.Store.List(ctx)
	if err != nil && !errors.Is(err, store.ErrDamaged) { // of damaged records none is reused
		return store.Score{}, err
	}
	keys := looseKeys{known: map[string]json.RawMessage{}, found: map[string]string{}}
	for _, sc := range scores {
		keys.known[sc.Key] = sc.Specification
	}
	want, err := keys.of(job.Specification)
	if err != nil {
		return store.Score{}, err
	}
	for _, sc := range scores {
		if err := ctx.Err(); err != nil {
			return store.Score{}, err
		}
		if sc.Status == store.Finished && keys.ofKey(sc.Key) == want {
			return sc, nil
		}
	}
	return store.Score{}, store.ErrNotFound
}

// looseKeys are the keys of specifications without their numerics, the revision of the kernels, and those of the trials that
// they start from.
type looseKeys struct {
	known map[string]json.RawMessage // specifications by key
	found map[string]string          // loose keys by key: a trial may be the start of many
}

// of is the loose key of a specification.
func (l looseKeys) of(spec trial.Specification) (string, error) {
	spec.Revision, spec.Numerics = 0, ""
	start := map[string]string{}
	for modality, key := range spec.Start {
		start[modality] = l.ofKey(key)
	}
	spec.Start = start
	key, _, err := spec.Key()
	return key, err
}

// ofKey is the loose key of what has a key; where that is not known, or no trial, the key itself.
func (l looseKeys) ofKey(key string) string {
	if loose, ok := l.found[key]; ok {
		return loose
	}
	l.found[key] = key // ends a circle, which only a damaged store can have
	var spec trial.Specification
	if text, ok := l.known[key]; ok && json.Unmarshal(text, &spec) == nil {
		if loose, err := l.of(spec); err == nil {
			l.found[key] = loose
		}
	}
	return l.found[key]
}
