package search

import (
	"context"
	"encoding/json"

	"mixmas/search/store"
)

// lookUpForeign finds the score of a trial that differs only in its numerics and the revision of the kernels, for reuse:
// any-numerics. Of several the one of the first name and key is taken.
func (s *Search) lookUpForeign(ctx context.Context, t *Trial) (store.Score, error) {
	scores, err := s.store.List(ctx)
	if err != nil {
		return store.Score{}, err
	}
	known := map[string]store.Score{}
	for _, sc := range scores {
		known[sc.Key] = sc
	}
	want, err := looseKey(t.Specification, known)
	if err != nil {
		return store.Score{}, err
	}
	for _, sc := range scores {
		var spec Specification
		if json.Unmarshal(sc.Specification, &spec) != nil || sc.Status != store.Finished {
			continue // a score of another kind, such as one on the test split
		}
		if key, err := looseKey(spec, known); err == nil && key == want {
			return sc, nil
		}
	}
	return store.Score{}, store.ErrNotFound
}

// looseKey is the key of a specification without its numerics, the revision of the kernels, and those of the trials that it
// starts from.
func looseKey(spec Specification, known map[string]store.Score) (string, error) {
	spec.Revision, spec.Numerics = 0, ""
	start := map[string]string{}
	for modality, key := range spec.Start {
		start[modality] = key
		var from Specification
		if sc, ok := known[key]; ok && json.Unmarshal(sc.Specification, &from) == nil {
			loose, err := looseKey(from, known)
			if err != nil {
				return "", err
			}
			start[modality] = loose
		}
	}
	spec.Start = start
	key, _, err := spec.Key()
	return key, err
}
