package search_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// watching is a fixture whose full training, of 6 epochs of 4 steps, watches the validation loss.
func watching(t testing.TB) *fixture {
	f := newFixture(t)
	f.change("training: {batch: 16, epochs: 3, dropout: 0.1}",
		"training: {batch: 16, epochs: 6, learning_rate: 0.03, dropout: 0.1}\n  plateau: {factor: 0.5, patience: 1}\n  early_stopping: 5")
	return f
}

// With train.select: metric the model is that of the best epoch by the search's metric, and the document says which. A search that
// selects by the loss has one way only.
func TestFullTrainingSelectsByTheMetric(t *testing.T) {
	byLoss := watching(t)
	one, err := byLoss.train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := watching(t)
	f.change("early_stopping: 5", "early_stopping: 5\n  select: metric")
	trained, err := f.train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	best := 0.0
	for _, e := range trained.Score.Curve {
		best = max(best, *e.ValidationMetric)
	}
	if trained.Metrics["accuracy"] != best || one.Score.Key == trained.Score.Key {
		t.Errorf("the model's accuracy is %v, the best of its epochs %v", trained.Metrics["accuracy"], best)
	}
	s, r := f.searched()
	m := s.Document(r, trained, 1).Model
	if m.Select != "accuracy" || *trained.Score.Curve[m.Kept-1].ValidationMetric != best {
		t.Errorf("the document says epoch %d by %q", m.Kept, m.Select)
	}
	if m := s.Document(r, one, 1).Model; m.Select != "" || m.Kept != 0 {
		t.Errorf("by the loss, the document says epoch %d by %q", m.Kept, m.Select)
	}
	for _, f := range []*fixture{byLoss, f} {
		f.change("search:\n", "search:\n  metric: loss\n")
	}
	one, err = byLoss.train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if trained, err = f.train(t.Context(), t.TempDir()); err != nil || trained.Score.Key != one.Score.Key {
		t.Errorf("a search by the loss has two full trainings (%v)", err)
	}
}

// interrupted trains in full until a number of steps, and returns the checkpoint that is left.
func (f *fixture) interrupted(folder string, steps int) string {
	f.t.Helper()
	f.run()
	ctx, cancel := context.WithCancel(f.t.Context())
	defer cancel()
	f.watch = &counter{limit: steps, cancel: cancel}
	if _, err := f.train(ctx, folder); !errors.Is(err, context.Canceled) {
		f.t.Fatalf("the training that was to be interrupted ends with %v", err)
	}
	f.watch = nil
	found, err := filepath.Glob(filepath.Join(folder, "checkpoint-*.safetensors"))
	if err != nil || len(found) != 1 {
		f.t.Fatalf("the folder has the checkpoints %v (%v), want one", found, err)
	}
	return found[0]
}

// Damaged checkpoints are set aside, and the training goes on from the last good one, or begins again: the model is the same,
// bit for bit.
func TestDamagedCheckpointsAreSetAside(t *testing.T) {
	undisturbed, err := watching(t).train(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := watching(t)
	path := f.interrupted(t.TempDir(), 17)
	last, before := readFile(t, path), readFile(t, path+".previous")
	flipped := func(file []byte) []byte {
		file = slices.Clone(file)
		file[len(file)-5] ^= 4
		return file
	}
	const all = 6 * 4
	for name, c := range map[string]struct {
		last, before []byte // nil: a folder; empty: none
		setAside     int
		steps        int // that are trained after it
	}{
		"none is":          {last, before, 0, all - 4*4},
		"the last":         {flipped(last), before, 1, all - 3*4},
		"the one before":   {last, flipped(before), 0, all - 4*4},
		"both":             {flipped(last), flipped(before), 2, all},
		"the last is gone": {[]byte{}, before, 0, all - 3*4},
		"cut":              {last[:100], before, 1, all - 3*4},
		"a folder":         {nil, before, 1, all - 3*4},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, filepath.Base(path))
			for path, file := range map[string][]byte{path: c.last, path + ".previous": c.before} {
				var err error
				if file == nil {
					err = os.Mkdir(path, 0o755)
				} else if len(file) > 0 {
					err = os.WriteFile(path, file, 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			l := &listener{}
			f.watch = l
			trained, err := f.train(t.Context(), folder)
			if err != nil {
				t.Fatal(err)
			}
			defer f.store.Remove(t.Context(), trained.Score.Key) // so that the next one trains again
			if trained.Score.Weights != undisturbed.Score.Weights || len(trained.Score.Curve) != len(undisturbed.Score.Curve) {
				t.Errorf("the weights are %s after %d epochs, want %s", trained.Score.Weights, len(trained.Score.Curve), undisturbed.Score.Weights)
			}
			if l.steps != c.steps {
				t.Errorf("trained %d steps, want %d", l.steps, c.steps)
			}
			said := strings.Join(l.notices, "\n")
			if n := strings.Count(said, "full/tiny: checkpoint "+path); n != c.setAside || strings.Contains(said, "full/tiny: starts from the beginning") != (c.steps == all) ||
				strings.Contains(said, "full/tiny: resumes from the previous checkpoint, after epoch 3 of 6") != (c.setAside == 1) {
				t.Errorf("it said:\n%s", said)
			}
			files, err := os.ReadDir(folder)
			if err != nil || len(files) != 2+c.setAside {
				t.Errorf("the folder holds %v (%v), want the model, its description and %d files that were set aside", files, err, c.setAside)
			}
		})
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
