package evaluate

import (
	"errors"
	"slices"
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// The stored weights predict for the validation rows what the training ended with; weights that were pruned are an error.
func TestPredicted(t *testing.T) {
	e, _ := evaluator(t)
	o := score(t, e, job(t, false))
	want, err := e.Outputs(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	runner := e.options.Runner.(*trial.Local)
	got, samples, err := Predicted(t.Context(), runner, e.options.Store, o.Score, dataset.Validation)
	if err != nil {
		t.Fatal(err)
	}
	if samples.Len() != o.Job.Specification.ScoringRows() || !slices.Equal(got, want) {
		t.Errorf("%d rows: %v, want %v", samples.Len(), got, want)
	}
	lost := o.Score
	lost.Weights = store.Digest("0000000000000000000000000000000000000000000000000000000000000000")
	if _, _, err := Predicted(t.Context(), runner, e.options.Store, lost, dataset.Validation); !errors.Is(err, store.ErrPruned) {
		t.Errorf("of weights that are gone: %v", err)
	}
}
