package trial

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/task"
)

// numbers is a data set of tables of 3 numbers and three classes.
type numbers struct{ dataset.Dataset }

func (numbers) Modalities() []dataset.Modality {
	return []dataset.Modality{{Name: "numbers", Kind: mixer.Table, Shape: []int{3}}}
}
func (numbers) Name() string            { return "numbers" }
func (numbers) Task() task.Task         { return task.Task{Classes: []string{"a", "b", "c"}} }
func (numbers) Len(s dataset.Split) int { return [...]int{60, 30, 20}[s] }
func (numbers) Fingerprint() string     { return strings.Repeat("ab", 32) }

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

// numbersJob is a small training of 6 epochs of 4 steps that watches the validation loss.
func numbersJob(t testing.TB) Job {
	t.Helper()
	var encoder mixer.Choice
	if err := json.Unmarshal([]byte(`{"architecture": "simple_mlp", "options": {"width": 2, "hidden": 2, "layers": 1}}`), &encoder); err != nil {
		t.Fatal(err)
	}
	model := mixer.Specification{Classes: 3, Modalities: []mixer.Modality{{Name: "numbers", Kind: mixer.Table, Shape: []int{3},
		Encoder: encoder}}}
	recipe := Recipe{Recipe: nn.Recipe{Optimiser: "adam", LearningRate: 0.03, Batch: 16, Epochs: 6},
		Plateau: &nn.Reduction{Factor: 0.5, Patience: 1}, EarlyStopping: 5}
	spec := On(numbers{}, nil, nil)
	spec.Numerics, spec.Model, spec.Recipe, spec.Seed = local().Device.Numerics(), model, recipe, 1
	return Job{Name: "test/numbers", Label: "numbers", Specification: spec}
}

func local() *Local { return &Local{Device: cpu.New(cpu.Options{Workers: 1}), Data: numbers{}} }

func built(t testing.TB, job Job) nn.Model {
	t.Helper()
	m, err := mixer.Build(job.Specification.Model)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// steps counts the steps of a training, and cancels after a number of them where it has a cancel function.
type steps struct {
	all, done, limit int
	cancel           context.CancelFunc
	notices          []string
}

func (s *steps) Started(all int)    { s.all = all }
func (s *steps) Notice(text string) { s.notices = append(s.notices, text) }
func (s *steps) Step(int, float64) {
	if s.done++; s.cancel != nil && s.done == s.limit {
		s.cancel()
	}
}
