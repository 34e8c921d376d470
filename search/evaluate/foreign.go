package evaluate

import (
	"context"
	"encoding/json"
	"errors"

	"mixmas/search/store"
	"mixmas/search/trial"
)

// lookUpForeign returns the score of a job that differs only in its numerics and kernel revision, for reuse: any-numerics. If
// there are several, it returns the first by name and key.
func (e *Evaluator) lookUpForeign(ctx context.Context, job trial.Job) (store.Score, error) {
	scores, err := e.options.Store.List(ctx)
	if err != nil && !errors.Is(err, store.ErrDamaged) { // damaged records are not reused
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

// looseKeys are the keys of specifications without their numerics and kernel revision, and without those of the trials that
// they start from.
type looseKeys struct {
	known map[string]json.RawMessage // specifications by key
	found map[string]string          // loose keys by key: many trials may start from one
}

// of returns the loose key of a specification.
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

// ofKey returns the loose key of the trial with the key, or the key itself if that trial is unknown.
func (l looseKeys) ofKey(key string) string {
	if loose, ok := l.found[key]; ok {
		return loose
	}
	l.found[key] = key // ends a cycle, which only a damaged store can have
	var spec trial.Specification
	if text, ok := l.known[key]; ok && json.Unmarshal(text, &spec) == nil {
		if loose, err := l.of(spec); err == nil {
			l.found[key] = loose
		}
	}
	return l.found[key]
}
