package evaluate

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmas/search/dataset/datasettest"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// scoredJob is a job on some training rows, of which others score it together with some of the validation rows.
func scoredJob(t *testing.T) trial.Job {
	j := job(t, true)
	j.Train, j.Validation, j.Unused = []int{5, 3, 8, 1, 9, 2, 7, 4, 6, 0}, []int{4, 2}, []int{50, 11, 30}
	unused := trial.Identify(j.Unused, 60)
	j.Specification.Sample, j.Specification.Validation, j.Specification.Unused = trial.Identify(j.Train, 60), trial.Identify(j.Validation, 30), &unused
	return j
}

// The outputs of an outcome are those of the rows that score it, whatever became of the file.
func TestOutputsOfAnOutcome(t *testing.T) {
	for _, until := range []int{0, 2} {
		e, l := evaluator(t)
		j := scoredJob(t)
		j.Until = until
		o := score(t, e, j)
		want, err := e.Outputs(t.Context(), o)
		if err != nil || len(want) != 5*3 {
			t.Fatalf("%d outputs (%v)", len(want), err)
		}
		scoring, err := trial.Scoring(datasettest.Numbers{}, j, nil)
		if err != nil {
			t.Fatal(err)
		}
		metrics, err := trial.Measure(t.Context(), datasettest.Numbers{}, scoring, want)
		if err != nil || metrics["loss"] != o.Score.Metrics["loss"] {
			t.Errorf("the outputs have the metrics %v (%v), the score %v", metrics, err, o.Score.Metrics)
		}
		steps := l.steps
		path := filepath.Join(e.options.Store.Path()+".files", string(o.Score.Outputs[:2]), string(o.Score.Outputs))
		for name, spoil := range map[string]func() error{
			"removed": func() error { return os.Remove(path) },
			"damaged": func() error { return os.WriteFile(path, []byte("?"), 0o644) },
		} {
			if err := spoil(); err != nil {
				t.Fatal(err)
			}
			if got, err := e.Outputs(t.Context(), o); err != nil || !slices.Equal(got, want) {
				t.Errorf("until %d, %s: %v (%v), want %v", until, name, got, err, want)
			}
			if l.steps == steps {
				t.Errorf("until %d, %s: nothing was trained", until, name)
			}
			steps = l.steps
			if got, err := e.Outputs(t.Context(), o); err != nil || !slices.Equal(got, want) || l.steps != steps {
				t.Errorf("until %d, %s, then stored again: %v (%v) after %d more steps", until, name, got, err, l.steps-steps)
			}
		}
		if file, err := (Files{e.options.Store}).Outputs(trial.Origin{Key: o.Score.Key, Name: j.Name, File: o.Score.Outputs}); err != nil || len(file) == 0 {
			t.Errorf("a job that learns from the outputs gets %d bytes (%v)", len(file), err)
		}
	}
}

func TestFailedTrialsHaveNoOutputs(t *testing.T) {
	e, l := evaluator(t)
	j := job(t, false)
	j.Specification.Recipe.Optimiser, j.Specification.Recipe.LearningRate = "sgd", 1e30
	o := score(t, e, j)
	steps := l.steps
	if _, err := e.Outputs(t.Context(), o); o.Score.Status != store.Failed || err == nil || !strings.Contains(err.Error(), j.Name) || l.steps != steps {
		t.Errorf("%s: %v", o.Score.Status, err)
	}
}

// A part of a training that is known to its end is measured on all rows that score it.
func TestPartsAreMeasuredOnAllRows(t *testing.T) {
	part := scoredJob(t)
	part.Until = 2
	want := alone(t, part)
	e, l := evaluator(t)
	whole := scoredJob(t)
	whole.Outputs = []int{2}
	score(t, e, whole)
	steps := l.steps
	if got := score(t, e, part).Score; l.steps != steps || !maps.Equal(got.Metrics, want.Metrics) || got.Curve[1].ValidationLoss != want.Curve[1].ValidationLoss {
		t.Errorf("%d more steps and the metrics %v, want none and %v", l.steps-steps, got.Metrics, want.Metrics)
	}
}
