package trial

import (
	"context"
	"encoding/json"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/dataset/datasettest"
)

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
	spec := On(datasettest.Numbers{}, nil, nil)
	spec.Numerics, spec.Model, spec.Recipe, spec.Seed = local().Device.Numerics(), model, recipe, 1
	return Job{Name: "test/numbers", Label: "numbers", Specification: spec}
}

func local() *Local {
	return &Local{Device: cpu.New(cpu.Options{Workers: 1}), Data: datasettest.Numbers{}}
}

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
	encoded          [][2]int
}

func (s *steps) Started(all int)       { s.all = all }
func (s *steps) Encoded(done, all int) { s.encoded = append(s.encoded, [2]int{done, all}) }
func (s *steps) Notice(text string)    { s.notices = append(s.notices, text) }
func (s *steps) Step(int, float64) {
	if s.done++; s.cancel != nil && s.done == s.limit {
		s.cancel()
	}
}
