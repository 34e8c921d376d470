package trial

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
)

// sampled is numbersJob on some of the training rows.
func sampled(t testing.TB) Job {
	job := numbersJob(t)
	for row := range 40 {
		job.Train = append(job.Train, row)
	}
	job.Specification.Sample = Identify(job.Train, 60)
	return job
}

// scoredOn lets rows of the training split score a job.
func (j *Job) scoredOn(rows ...int) {
	id := Identify(rows, 60)
	j.Unused, j.Specification.Unused = rows, &id
}

// A trial is scored on its validation rows followed by its unused training rows, and trains as it would without them.
func TestUnusedRowsScore(t *testing.T) {
	job := sampled(t)
	job.Specification.Recipe.Plateau, job.Specification.Recipe.EarlyStopping = nil, 0 // nothing watches
	job.Validation = []int{7, 3}
	job.Specification.Validation = Identify(job.Validation, 30)
	want, err := local().Run(t.Context(), job, &steps{})
	if err != nil {
		t.Fatal(err)
	}
	key, text, _ := job.Specification.Key()
	if bytes.Contains(text, []byte("unused")) {
		t.Errorf("without unused rows the specification is %s", text)
	}
	job.scoredOn(59, 41, 50)
	job.Outputs = []int{2}
	if other, _, _ := job.Specification.Key(); other == key {
		t.Error("the rows that score a trial are not in its key")
	}
	got, err := local().Run(t.Context(), job, &steps{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Weights, want.Weights) {
		t.Error("the rows that score a trial change its weights")
	}
	few, err := DecodeOutputs(want.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	all, err := DecodeOutputs(got.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	if len(few) != 2*3 || len(all) != 5*3 || job.Specification.ScoringRows() != 5 || !slices.Equal(all[:6], few) {
		t.Errorf("%d outputs begin with %v, want 15 and %v", len(all), all[:6], few)
	}
	scoring, err := Scoring(datasettest.Numbers{}, job, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		split dataset.Split
		row   int
	}{{dataset.Validation, 7}, {dataset.Validation, 3}, {dataset.Train, 59}, {dataset.Train, 41}, {dataset.Train, 50}} {
		if split, row := scoring.Row(i); split != want.split || row != want.row {
			t.Errorf("row %d is row %d of the %s split, want %d of %s", i, row, split, want.row, want.split)
		}
	}
	for name, file := range map[string][]byte{"end": got.Outputs, "epoch 2": got.EpochOutputs[2]} {
		metrics, err := MeasureFile(t.Context(), datasettest.Numbers{}, scoring, file)
		if err != nil || name == "end" && !cmp.Equal(metrics, got.Score.Metrics) {
			t.Errorf("%s: the outputs have the metrics %v (%v), the score %v", name, metrics, err, got.Score.Metrics)
		}
	}
}

// What selects the best epoch watches all rows that score.
func TestUnusedRowsSelect(t *testing.T) {
	job := sampled(t)
	job.Specification.Recipe.Select = "accuracy"
	job.scoredOn(59, 41, 50, 45)
	got, err := local().Run(t.Context(), job, &steps{})
	if err != nil {
		t.Fatal(err)
	}
	best := got.Score.Curve[job.Specification.Recipe.Best(got.Score.Curve)-1]
	if got.Score.Metrics["accuracy"] != *best.ValidationMetric || got.Score.Metrics["loss"] != best.ValidationLoss {
		t.Errorf("the model has %v, the best epoch %v and loss %v", got.Score.Metrics, *best.ValidationMetric, best.ValidationLoss)
	}
	if n := 34 * got.Score.Metrics["accuracy"]; n != float64(int(n+0.5)) {
		t.Errorf("an accuracy of %v is not one of 34 rows", got.Score.Metrics["accuracy"])
	}
}

func TestContradictoryUnusedRows(t *testing.T) {
	for says, change := range map[string]func(j *Job){
		"row 39 of the train split scores the job, which trains":   func(j *Job) { j.scoredOn(41, 39) },
		"2 unused rows that score it, but its specification has 0": func(j *Job) { j.Unused = []int{41, 42} },
		"0 unused rows that score it, but its specification has 2": func(j *Job) { j.scoredOn(41, 42); j.Unused = nil },
		"trains on all rows of the train split": func(j *Job) {
			j.Train, j.Specification.Sample = nil, Identify(nil, 60)
			j.scoredOn(41)
		},
	} {
		job := sampled(t)
		change(&job)
		if _, err := local().Run(t.Context(), job, &steps{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got error %v, want one with %q", err, says)
		}
	}
}

// Neither what scores a trial, nor frozen encoders, nor soft labels change its random numbers.
func TestSeedOfTheSpecification(t *testing.T) {
	spec := sampled(t).Specification
	want, err := spec.seed()
	if err != nil {
		t.Fatal(err)
	}
	spec.Unused, spec.Frozen, spec.Soft = &Rows{Count: 1}, true, &Soft{Labels: "abc", Weight: 0.5}
	if got, err := spec.seed(); err != nil || got != want {
		t.Errorf("the seed is %d, was %d (%v)", got, want, err)
	}
}
