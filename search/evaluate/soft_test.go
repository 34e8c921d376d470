package evaluate

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"mixmas/search/dataset/datasettest"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// A job learns from soft labels that the store has, and is an error if it has not.
func TestSoftLabels(t *testing.T) {
	e, l := evaluator(t)
	file, err := trial.EncodeOutputs(datasettest.Numbers{}, slices.Repeat([]float32{1, 0, -1}, 60))
	if err != nil {
		t.Fatal(err)
	}
	key, canonical, err := store.Key("soft labels")
	if err != nil {
		t.Fatal(err)
	}
	j := job(t, false)
	j.Specification.Soft = &trial.Soft{Labels: key, Weight: 0.5}
	j.Soft = &trial.Origin{Key: key, Name: "soft/test", File: store.Digest(strings.Repeat("ab", 32))}
	if _, err := e.Score(t.Context(), j); !errors.Is(err, store.ErrPruned) || !strings.Contains(err.Error(), "soft labels of soft/test: ") || l.steps != 0 {
		t.Errorf("got error %v after %d steps", err, l.steps)
	}
	sc, err := e.options.Store.Put(t.Context(), store.Score{Key: key, Name: "soft/test", Specification: canonical, Status: store.Finished}, nil, file)
	if err != nil {
		t.Fatal(err)
	}
	j.Soft.File = sc.Outputs
	soft, plain := score(t, e, j), score(t, e, job(t, false))
	if soft.Score.Status != store.Finished || soft.Score.Key == plain.Score.Key || soft.Score.Weights == plain.Score.Weights {
		t.Errorf("on soft labels %+v, on labels %+v", soft.Score, plain.Score)
	}
}
