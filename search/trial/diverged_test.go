package trial

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmas/search/store"
)

// The reason of a training that diverged names the operation and the step in which the first infinity or NaN was made, wherever the
// training began.
func TestDivergenceNamesTheOperation(t *testing.T) {
	for name, c := range map[string]struct {
		optimiser string
		rate      float64
		watches   bool
		epochs    int // done before
		says      string
	}{
		"at once":         {"sgd", 1e30, true, 0, "epoch 1, step 2: the training diverged: the loss is NaN; the first "},
		"by adam":         {"adam", 1e15, false, 0, "epoch 1, step 2, comes from matmul at head.weight (linear)"},
		"later":           {"sgd", 100, false, 1, ", in epoch 2, step 1, comes from matmul at head.weight (linear)"},
		"in a prediction": {"sgd", 100, true, 0, ", in the prediction after epoch 1, comes from matmul at head.weight (linear)"},
	} {
		job := numbersJob(t)
		if !c.watches {
			job.Specification.Recipe.Plateau, job.Specification.Recipe.EarlyStopping = nil, 0
		}
		job.Specification.Recipe.Optimiser, job.Specification.Recipe.LearningRate = c.optimiser, c.rate
		for _, file := range []string{"", filepath.Join(t.TempDir(), "checkpoint")} {
			job.CheckpointFile = file
			r, err := local().Run(t.Context(), job, &steps{})
			if err != nil || r.Score.Status != store.Failed || len(r.Score.Curve) != c.epochs || !strings.Contains(r.Score.Reason, c.says) {
				t.Errorf("%s: %s after %d epochs (%v): %s; want %s", name, r.Score.Status, len(r.Score.Curve), err, r.Score.Reason, c.says)
			}
		}
	}
	l, files, _ := kindsRunner()
	job := frozenJob(t, l, files)
	job.Specification.Recipe.Optimiser, job.Specification.Recipe.LearningRate = "sgd", 1e30
	r, err := l.Run(t.Context(), job, &steps{})
	if want := "comes from matmul at network.blocks.0.token_mix.fc1.weight"; err != nil || !strings.Contains(r.Score.Reason, want) {
		t.Errorf("with frozen encoders: %s (%v), want %s", r.Score.Reason, err, want)
	}
}

// The last epoch may leave weights whose predictions are no numbers, if nothing watched them.
func TestDivergenceInTheLastEpoch(t *testing.T) {
	job := numbersJob(t)
	job.Specification.Recipe.Plateau, job.Specification.Recipe.EarlyStopping = nil, 0
	job.Specification.Recipe.Optimiser, job.Specification.Recipe.LearningRate = "sgd", 100
	job.Specification.Recipe.Epochs = 1
	for _, file := range []string{"", filepath.Join(t.TempDir(), "checkpoint")} {
		job.CheckpointFile = file
		r, err := local().Run(t.Context(), job, &steps{})
		if want := "in the prediction after epoch 1, comes from matmul at head.weight"; err != nil || len(r.Score.Curve) != 1 || !strings.Contains(r.Score.Reason, want) {
			t.Errorf("%s (%v), want %s", r.Score.Reason, err, want)
		}
	}
}

// A diagnosis that has to train from the first epoch, for lack of a checkpoint, leaves none.
func TestDiagnosisLeavesNoFiles(t *testing.T) {
	job, folder := numbersJob(t), t.TempDir()
	job.CheckpointFile = filepath.Join(folder, "checkpoint"+previousSuffix)
	if fault, err := local().fault(t.Context(), job, 1); fault != nil || err != nil {
		t.Errorf("got %v (%v)", fault, err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%v are left (%v)", left, err)
	}
}

func TestInterruptedDiagnosis(t *testing.T) {
	job := numbersJob(t)
	job.Specification.Recipe.Optimiser, job.Specification.Recipe.LearningRate = "sgd", 1e30
	l := local()
	ctx, cancel := context.WithCancel(t.Context())
	began, err := l.start(ctx, job, &steps{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if where, err := l.whereDiverged(ctx, began); err == nil || where != "" {
		t.Errorf("got %q (%v), want the end of the context", where, err)
	}
}
