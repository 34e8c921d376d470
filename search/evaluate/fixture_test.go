package evaluate

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/store"
	"mixmas/search/task"
	"mixmas/search/trial"
)

// numbers is a data set of tables of 3 numbers and three classes.
type numbers struct{ dataset.Dataset }

func (numbers) Modalities() []dataset.Modality {
	return []dataset.Modality{{Name: "numbers", Kind: mixer.Table, Shape: []int{3}}}
}
func (numbers) Name() string                    { return "numbers" }
func (numbers) Task() task.Task                 { return task.Task{Classes: []string{"a", "b", "c"}} }
func (numbers) Len(s dataset.Split) int         { return [...]int{60, 30, 20}[s] }
func (numbers) Fingerprint() string             { return strings.Repeat("ab", 32) }
func (numbers) Unchanged(context.Context) error { return nil }

func (numbers) Read(s dataset.Split, modality, row int, dst []float32) error {
	rng := rand.New(rand.NewPCG(uint64(s)<<32|uint64(row), uint64(modality)))
	for i := range dst {
		dst[i] = float32(rng.NormFloat64())
		if i%3 == row%3 {
			dst[i] += 1.5
		}
	}
	return nil
}

func (numbers) Label(_ dataset.Split, row int, dst []float32) error {
	dst[0] = float32(row % 3)
	return nil
}

// job is a small training of 6 epochs of 4 steps, with a recipe that watches the validation loss or not.
func job(t testing.TB, watches bool) trial.Job {
	t.Helper()
	var encoder mixer.Choice
	if err := json.Unmarshal([]byte(`{"architecture": "simple_mlp", "options": {"width": 4, "hidden": 4, "layers": 1, "dropout": 0.1}}`), &encoder); err != nil {
		t.Fatal(err)
	}
	spec := trial.On(numbers{}, nil, nil)
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
	runner := &trial.Local{Device: cpu.New(cpu.Options{Workers: 1}), Data: numbers{}, Files: Files{scores}}
	return New(Options{Data: numbers{}, Store: scores, Runner: runner, Workers: 2, Observer: l, Metric: "accuracy"}), l
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
