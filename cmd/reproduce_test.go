package cmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmas/cmd/paper"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/dataset/builtin"
	"mixmas/search/store"
	"mixmas/search/strategy"
)

// A small search on the built-in data, with the stages of the paper.
const paperPlan = `
settings: paper
data: {format: builtin, train: 160, validation: 60, test: 40, classes: 3, ambiguity: 0.2}
sample: {size: 60}
search:
  encoders:
    image: {defaults: {width: 8, depth: 1, patch: 7, channel_width: 8}, candidates: [mlp_mixer, monarch_mixer]}
    audio: {defaults: {width: 8, depth: 1, patch: 7, channel_width: 8}, candidates: [mlp_mixer, monarch_mixer]}
  fusions: [concat, mean]
  networks: {defaults: {width: 8, depth: 1, channel_width: 8}, candidates: [mlp_mixer]}
  training: {epochs: 1}
train:
  training: {batch: 32, epochs: 1, dropout: 0}
`

// watched counts trainings, and can interrupt them.
type watched struct {
	*progress
	trained []string
	after   int // trainings before an interruption; 0: never
	cancel  func()
}

func (w *watched) TrainingDone(e search.TrainingDone) {
	w.progress.TrainingDone(e)
	if w.trained = append(w.trained, e.Model); len(w.trained) == w.after {
		w.cancel()
	}
}

func (w *watched) StageDone(e strategy.StageDone) { w.progress.StageDone(e) }

func newReproduction(t *testing.T, folder string, observer *watched) *reproduction {
	t.Helper()
	configuration := func() (*config.Config, error) { return config.Parse("small.yaml", []byte(paperPlan)) }
	plan, err := configuration()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := builtin.Open(t.Context(), *plan.Data.Options.(*builtin.Options), dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	data := firstRows{whole, 100}
	scores, err := store.Open(t.Context(), filepath.Join(folder, "scores.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	observer.progress = newProgress(new(strings.Builder))
	t.Cleanup(observer.progress.Close)
	return &reproduction{
		configuration: configuration, data: data, work: filepath.Join(folder, "work"), page: filepath.Join(folder, "results", "paper.md"),
		options: search.Options{Device: cpu.New(cpu.Options{Workers: 1}), Store: scores, Workers: 1, Observer: observer, Train: true},
		notice:  func(string) {},
		model: func(name string, dropout float64) (mixer.Specification, error) {
			spec := mixer.Specification{Classes: 3, Fusion: mixer.Fuse("concat"), Prediction: mixer.FusionPrediction}
			small := mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: 8, Depth: 1, TokenWidth: 4, ChannelWidth: 8, Patch: 7}}
			if name == paper.Searched {
				spec.Prediction = mixer.MeanPrediction
			}
			for _, m := range data.Modalities() {
				spec.Modalities = append(spec.Modalities, mixer.Modality{Name: m.Name, Kind: m.Kind, Shape: m.Shape, Encoder: small})
			}
			spec.Network = &small
			return spec, nil
		},
		Results: paper.Results{Command: "test", Seeds: 2, Epochs: 2, Data: paper.Data{Fingerprint: data.Fingerprint(),
			Train: data.Len(dataset.Train), Validation: data.Len(dataset.Validation), Test: data.Len(dataset.Test), Cut: true}},
	}
}

// The searches and trainings are run once, whatever interrupts them, and the page always says how far they are.
func TestReproduce(t *testing.T) {
	folder := t.TempDir()
	page := func() string {
		text, err := os.ReadFile(filepath.Join(folder, "results", "paper.md"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	first := &watched{after: 8, cancel: cancel}
	if err := newReproduction(t, folder, first).run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	if text := page(); !strings.Contains(text, "So far 2 of 2 searches and 8 of 12 full trainings have finished.") {
		t.Errorf("interrupted:\n%s", text)
	}
	second := &watched{}
	again := newReproduction(t, folder, second)
	if err := again.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := page()
	for _, want := range []string{"### encoder/audio", " of 2 |", "| searched-avmnist | 0.01 |", "| found here | 0.001 |", "the better rate", "- seed 2: "} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "So far") || strings.Contains(text, "NaN") {
		t.Errorf("the page:\n%s", text)
	}
	for i, training := range again.Trainings { // the test's score is that of the rows
		if share := float64(training.Right.Count()) / 40; share != training.Test {
			t.Errorf("training %d: accuracy %v, but %v of the rows are right", i, training.Test, share)
		}
	}
	third := newReproduction(t, folder, &watched{})
	if err := third.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if page() != text {
		t.Errorf("another run changes the page:\n%s", page())
	}
	if entries, err := os.ReadDir(filepath.Join(folder, "work")); err != nil || len(entries) > 0 {
		t.Errorf("the folder of unfinished trainings holds %v (%v)", entries, err)
	}
}

// Fewer rows are other data.
func TestFirstRows(t *testing.T) {
	plan, err := config.Parse("small.yaml", []byte(paperPlan))
	if err != nil {
		t.Fatal(err)
	}
	data, err := builtin.Open(t.Context(), *plan.Data.Options.(*builtin.Options), dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	a, b := firstRows{data, 50}, firstRows{data, 60}
	if a.Fingerprint() == b.Fingerprint() || a.Fingerprint() == data.Fingerprint() || a.Len(dataset.Train) != 50 || a.Len(dataset.Test) != 40 {
		t.Errorf("%s with %d training and %d test rows", a.Fingerprint(), a.Len(dataset.Train), a.Len(dataset.Test))
	}
}

func TestReproduceUsage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"--seeds", "0"}, {"--epochs", "0"}, {"--rows", "0"}, {"plan.yaml"}, {"--to", t.TempDir()}, {"--to", file, "--store", file}} {
		if code, _, stderr := mixmas(t, append([]string{"reproduce", "avmnist"}, args...)...); code != exitUsage || stderr == "" {
			t.Errorf("%v: exit code %d, %s", args, code, stderr)
		}
	}
	for _, flag := range []string{"--to", "--work"} { // before hours of training
		if code, _, stderr := mixmas(t, "reproduce", "avmnist", flag, filepath.Join(file, "new", "x")); code != exitFailure || !strings.Contains(stderr, "is a file") {
			t.Errorf("%s below a file: exit code %d, %s", flag, code, stderr)
		}
	}
	if code, _, stderr := mixmas(t, "reproduce", "avmnist", "--data", t.TempDir(), "--store", filepath.Join(t.TempDir(), "s.db"), "--device", "cpu"); code != exitFailure ||
		!strings.Contains(stderr, "train_labels.npy") {
		t.Errorf("no data: exit code %d, %s", code, stderr)
	}
}
