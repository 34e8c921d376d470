package evaluate

import (
	"encoding/json"
	"path/filepath"
	"sync"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/dataset/datasettest"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// job is a small training of 6 epochs of 4 steps, with a recipe that watches the validation loss or not.
func job(t testing.TB, watches bool) trial.Job {
	t.Helper()
	var encoder mixer.Choice
	if err := json.Unmarshal([]byte(`{"architecture": "simple_mlp", "options": {"width": 4, "hidden": 4, "layers": 1, "dropout": 0.1}}`), &encoder); err != nil {
		t.Fatal(err)
	}
	spec := trial.On(datasettest.Numbers{}, nil, nil)
	spec.Numerics, spec.Seed = "test", 1
	spec.Model = mixer.Specification{Classes: 3, Modalities: []mixer.Modality{{Name: "numbers", Kind: mixer.Table, Shape: []int{3}, Encoder: encoder}}}
	spec.Recipe = trial.Recipe{Recipe: nn.Recipe{Optimiser: "adam", LearningRate: 0.1, Batch: 16, Epochs: 6}}
	if watches {
		spec.Recipe.Plateau, spec.Recipe.EarlyStopping = &nn.Reduction{Factor: 0.5, Patience: 0}, 5
	}
	return trial.Job{Name: "test/numbers", Label: "numbers", Specification: spec}
}

// listener counts the steps of trainings and hears notices.
type listener struct {
	Silent
	sync.Mutex
	steps   int
	notices []string
}

func (l *listener) TrialStep(TrialStep) {
	l.Lock()
	l.steps++
	l.Unlock()
}

func (l *listener) Notice(text string) {
	l.Lock()
	l.notices = append(l.notices, text)
	l.Unlock()
}

// evaluator has a store of its own, which is given too.
func evaluator(t testing.TB) (*Evaluator, *listener) {
	t.Helper()
	scores, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "scores.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return evaluatorOf(scores)
}

func evaluatorOf(scores *store.Store) (*Evaluator, *listener) {
	l := &listener{}
	runner := &trial.Local{Device: cpu.New(cpu.Options{Workers: 1}), Data: datasettest.Numbers{}, Files: Files{scores}}
	return New(Options{Data: datasettest.Numbers{}, Store: scores, Runner: runner, Workers: 2, Observer: l, Metric: "accuracy"}), l
}

// score is the outcome of one job.
func score(t testing.TB, e *Evaluator, job trial.Job) *Outcome {
	t.Helper()
	outcomes, err := e.Score(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes[0]
}
