package trial

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"mixmas/search/store"
)

// A job that was sent elsewhere as JSON trains to the same bits there.
func TestJobsTravel(t *testing.T) {
	job := numbersJob(t)
	job.Train, job.Outputs, job.Until = []int{5, 3, 8, 1, 9, 2, 7, 4, 6, 0, 50}, []int{2}, 4
	job.Specification.Sample = Identify(job.Train, 60)
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	var received Job
	if err := json.Unmarshal(text, &received); err != nil {
		t.Fatal(err)
	}
	if received.Validation != nil || !slices.Equal(received.Train, job.Train) {
		t.Errorf("rows %v and %v were received", received.Train, received.Validation)
	}
	key, _, err := job.Specification.Key()
	if again, _, e := received.Specification.Key(); err != nil || e != nil || again != key {
		t.Errorf("the key is %s, was %s (%v, %v)", again, key, e, err)
	}
	a, err := local().Run(t.Context(), job, &steps{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := local().Run(t.Context(), received, &steps{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Score.Status != store.Partial || len(a.Score.Curve) != 4 || a.Weights != nil || len(a.Checkpoint) == 0 {
		t.Errorf("%s after %d epochs, %d bytes of weights and of a checkpoint %d", a.Score.Status, len(a.Score.Curve), len(a.Weights), len(a.Checkpoint))
	}
	if len(a.EpochOutputs) != 2 || a.EpochOutputs[2] == nil || !bytes.Equal(a.EpochOutputs[4], a.Outputs) {
		t.Errorf("outputs after %d epochs", len(a.EpochOutputs))
	}
	for epoch, outputs := range a.EpochOutputs {
		if !bytes.Equal(outputs, b.EpochOutputs[epoch]) {
			t.Errorf("the outputs after epoch %d differ", epoch)
		}
	}
}

// The key depends on the specification alone, and on a repeat number only where there is one.
func TestWhatIsInTheKey(t *testing.T) {
	job := numbersJob(t)
	key, canonical, err := job.Specification.Key()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(canonical), "repeat") {
		t.Errorf("the first repeat is in the specification: %s", canonical)
	}
	seed, err := job.Specification.seed()
	if err != nil {
		t.Fatal(err)
	}
	job.Specification.Repeat = 2
	again, _, err := job.Specification.Key()
	if other, e := job.Specification.seed(); err != nil || e != nil || again == key || other == seed {
		t.Errorf("the second repeat has the key %s and the seed %d, the first %s and %d", again, other, key, seed)
	}
}

// A job that contradicts itself, or the data, is refused before anything is opened.
func TestContradictoryJobs(t *testing.T) {
	for name, c := range map[string]struct {
		change func(j *Job)
		says   string
	}{
		"data":       {func(j *Job) { j.Specification.Data = "ffff" }, "data with fingerprint ffff"},
		"rows":       {func(j *Job) { j.Train = []int{1, 2} }, "2 rows of the train split, but its specification has 60"},
		"validation": {func(j *Job) { j.Specification.Validation.Count = 9 }, "30 rows of the validation split, but its specification has 9"},
		"start":      {func(j *Job) { j.Start = map[string]Origin{"numbers": {Key: "a"}} }, "starts from 1 trainings, but its specification from 0"},
		"other start": {func(j *Job) {
			j.From("numbers", Origin{Key: "abc"})
			j.Specification.Start["numbers"] = "def"
		}, "starts from abc, but in the specification from def"},
		"soft labels":       {func(j *Job) { j.Soft = &Origin{Key: "a"} }, "name different soft labels"},
		"other soft labels": {func(j *Job) { j.Soft, j.Specification.Soft = &Origin{Key: "a"}, &Soft{Labels: "b", Weight: 1} }, "name different soft labels"},
		"weight":            {func(j *Job) { j.Soft, j.Specification.Soft = &Origin{Key: "a"}, &Soft{Labels: "a", Weight: 1.5} }, "weight 1.5"},
		"class weights":     {func(j *Job) { j.Specification.Recipe.ClassWeights = "equal" }, `class weights "equal": want none or "balanced"`},
		"two weights": {func(j *Job) {
			j.Specification.Recipe.ClassWeights, j.Specification.Model.PosWeight = Balanced, []float32{1, 2, 3}
		}, "want one of the two"},
		"smoothing": {func(j *Job) { j.Specification.Recipe.LabelSmoothing = 1 }, "label smoothing 1"},
		"until":     {func(j *Job) { j.Until = -1 }, "until epoch -1"},
		"repeat":    {func(j *Job) { j.Specification.Repeat = -1 }, "repeat -1"},
	} {
		job := numbersJob(t)
		c.change(&job)
		if _, err := local().Run(t.Context(), job, &steps{}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got error %v, want one with %q", name, err, c.says)
		}
	}
}
