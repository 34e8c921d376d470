package trial

import (
	"errors"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn"
	"mixmas/nn/safetensors"
	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
	"mixmas/search/store"
	"mixmas/search/task"
)

// classes are training rows with given labels.
type classes struct {
	datasettest.Numbers
	kind   task.Kind
	labels [][]float32
}

func (c classes) Task() task.Task {
	return task.Task{Kind: c.kind, Classes: []string{"a", "b", "c", "d"}}
}
func (c classes) Len(s dataset.Split) int {
	if s == dataset.Train {
		return len(c.labels)
	}
	return c.Numbers.Len(s)
}
func (c classes) Label(_ dataset.Split, row int, dst []float32) error {
	copy(dst, c.labels[row%len(c.labels)])
	return nil
}

// file is a source of one file of outputs.
type file []byte

func (f file) Outputs(Origin) ([]byte, error)  { return f, nil }
func (file) Weights(Origin) ([]byte, error)    { return nil, store.ErrPruned }
func (file) Temporary() (*os.File, error)      { return nil, os.ErrPermission }
func (file) Checkpoint(Origin) ([]byte, error) { return nil, store.ErrPruned }

// predicted returns a file of outputs with the logits of given probabilities.
func predicted(t testing.TB, data dataset.Dataset, p ...float64) file {
	t.Helper()
	var logits []float32
	for _, p := range p {
		if data.Task().Kind == task.OneLabel {
			logits = append(logits, float32(math.Log(p)+3)) // any number may be added to a row
		} else {
			logits = append(logits, float32(math.Log(p/(1-p))))
		}
	}
	content, err := EncodeOutputs(data, logits)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestTargets(t *testing.T) {
	one := classes{kind: task.OneLabel, labels: [][]float32{{0}, {0}, {1}, {0}, {2}, {0}}} // 4, 1, 1 and 0 rows
	several := classes{kind: task.MultiLabel, labels: [][]float32{{1, 0, 0, 1}, {1, 1, 0, 1}, {0, 0, 0, 1}, {1, 0, 0, 1}}}
	oneFile := predicted(t, one, slices.Repeat([]float64{0.1, 0.2, 0.3, 0.4}, 6)...)
	severalFile := predicted(t, several, slices.Repeat([]float64{0.5, 0.25, 0.75, 0.5}, 4)...)
	for name, c := range map[string]struct {
		data      classes
		weights   string
		smoothing float64
		share     float64
		row       int
		want      []float32
		posWeight []float32
	}{
		"one, smoothed":                    {one, "", 0.2, 0, 2, []float32{0.05, 0.85, 0.05, 0.05}, nil},
		"one, balanced":                    {one, Balanced, 0, 0, 2, []float32{0, 2, 0, 0}, nil}, // 6/(3·1)
		"one, balanced, frequent":          {one, Balanced, 0, 0, 0, []float32{0.5, 0, 0, 0}, nil},
		"one, balanced and smoothed":       {one, Balanced, 0.4, 0, 4, []float32{0.2, 0.2, 1.4, 0.2}, nil},
		"one, soft":                        {one, "", 0, 0.5, 4, []float32{0.05, 0.1, 0.65, 0.2}, nil},
		"one, soft alone":                  {one, "", 0, 1, 4, []float32{0.1, 0.2, 0.3, 0.4}, nil},
		"one, soft, balanced and smoothed": {one, Balanced, 0.4, 0.5, 4, []float32{0.2, 0.3, 1.0, 0.5}, nil},
		"several, smoothed":                {several, "", 0.2, 0, 1, []float32{0.9, 0.9, 0.1, 0.9}, nil},
		"several, balanced":                {several, Balanced, 0, 0, 1, []float32{1, 1, 0, 1}, []float32{1. / 3, 3, 1, 1}},
		"several, soft":                    {several, "", 0, 0.5, 1, []float32{0.75, 0.625, 0.375, 0.75}, nil},
		"several, soft and smoothed":       {several, "", 0.2, 0.5, 1, []float32{0.7, 0.575, 0.425, 0.7}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			samples, err := dataset.Select(c.data, dataset.Train, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			job := Job{Specification: Specification{Recipe: Recipe{ClassWeights: c.weights, LabelSmoothing: c.smoothing}}}
			var source Source
			if c.share > 0 {
				job.Soft, job.Specification.Soft, source = &Origin{Name: "soft"}, &Soft{Weight: c.share}, oneFile
				if c.data.kind == task.MultiLabel {
					source = severalFile
				}
			}
			targets, model, err := newTargets(c.data, job, samples, samples, source)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(model.PosWeight, c.posWeight) {
				t.Errorf("the positive labels weigh %v, want %v", model.PosWeight, c.posWeight)
			}
			got := []float32{canary, canary, canary, canary}
			if err := targets.Label(c.row, got); err != nil {
				t.Fatal(err)
			}
			for i, want := range c.want {
				if math.Abs(float64(got[i]-want)) > 1e-6 {
					t.Fatalf("the target is %v, want %v", got, c.want)
				}
			}
			if n := testing.AllocsPerRun(10, func() { _ = targets.Label(c.row, got) }); n != 0 {
				t.Errorf("a target makes %v allocations", n)
			}
		})
	}
}

const canary = -9e9

// A sample is a part of the training split: its soft labels are those of its rows there, and its weights those of its classes.
func TestTargetsOfASample(t *testing.T) {
	data := classes{kind: task.OneLabel, labels: [][]float32{{0}, {1}, {0}, {0}}}
	samples, err := dataset.Select(data, dataset.Train, []int{1, 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	source := predicted(t, data, 1, 1, 1, 1, 0.1, 0.2, 0.3, 0.4, 1, 1, 1, 1, 0.4, 0.3, 0.2, 0.1)
	job := Job{Soft: &Origin{}, Specification: Specification{Recipe: Recipe{ClassWeights: Balanced}, Soft: &Soft{Weight: 1}}}
	targets, _, err := newTargets(data, job, samples, samples, source)
	if err != nil {
		t.Fatal(err)
	}
	for row, want := range [][]float32{{0.1, 0.2, 0.3, 0.4}, {0.4, 0.3, 0.2, 0.1}} { // each class has one row: no weights
		got := make([]float32, 4)
		if err := targets.Label(row, got); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-6 {
				t.Errorf("row %d: %v, want %v", row, got, want)
			}
		}
	}
}

// All classes that have rows count the same, and the rows count 1 in the mean, unless a class is so rare that its weight is bounded.
func TestBalancedWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := rapid.SliceOfN(rapid.IntRange(0, 200), 1, 20).Draw(t, "counts")
		rows, present := 0, 0
		for _, n := range counts {
			if rows += n; n > 0 {
				present++
			}
		}
		weights, total := rowWeights(counts, rows), 0.0
		for class, n := range counts {
			if n == 0 {
				continue
			}
			w := float64(weights[class])
			total += w * float64(n)
			want := float64(rows) / float64(present)
			if unbounded := want / float64(n); unbounded <= heaviest && unbounded >= 1.0/heaviest && math.Abs(w*float64(n)-want) > 1e-4*want {
				t.Fatalf("class %d of %v counts %v, want %v", class, counts, w*float64(n), want)
			}
			if w < 1.0/heaviest || w > heaviest {
				t.Fatalf("weight %v", w)
			}
		}
		if total > float64(rows)*(1+1e-4) {
			t.Fatalf("%d rows count %v", rows, total)
		}
		for class, w := range positiveWeights(counts, rows) {
			if n := counts[class]; n > 0 && n < rows && (w != bounded(float64(rows-n), float64(n)) || w <= 0 || w > heaviest) {
				t.Fatalf("class %d of %v has the positive weight %v", class, counts, w)
			}
		}
	})
}

// What is no file of predictions of the training rows is an error of the job, not a failed trial.
func TestWrongSoftLabels(t *testing.T) {
	data := datasettest.Numbers{}
	whole := predicted(t, data, slices.Repeat([]float64{0.2, 0.3, 0.5}, 60)...)
	infinite, err := encode(nn.Weights{"logits": {Shape: []int{60, 3}, Data: slices.Repeat([]float32{0, 0, float32(math.Inf(1))}, 60)}},
		map[string]string{"data": data.Fingerprint()})
	if err != nil {
		t.Fatal(err)
	}
	tensors, _, err := safetensors.Parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := encode(tensors, map[string]string{"data": "another"})
	if err != nil {
		t.Fatal(err)
	}
	nothing, err := encode(nn.Weights{"x": tensors["logits"]}, map[string]string{"data": data.Fingerprint()})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		source Source
		says   string
	}{
		"pruned":     {pruned{}, "not stored"},
		"empty":      {file{}, "soft labels of soft/test: "},
		"too few":    {predicted(t, data, 0.2, 0.3, 0.5), "logits of shape [1 3], want 60 rows of the training split × 3 classes"},
		"other data": {file(foreign), "they are of data with fingerprint another"},
		"infinite":   {file(infinite), "row 0 has the logit +Inf"},
		"no logits":  {file(nothing), "the file has no logits"},
	} {
		t.Run(name, func(t *testing.T) {
			l := local()
			l.Files = c.source
			job := softJob(t, 0.5)
			if _, err := l.Run(t.Context(), job, &steps{}); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got error %v, want one with %q", err, c.says)
			}
		})
	}
}

type pruned struct{ file }

func (pruned) Outputs(Origin) ([]byte, error) { return nil, store.ErrPruned }

func softJob(t testing.TB, weight float64) Job {
	job := numbersJob(t)
	job.Soft, job.Specification.Soft = &Origin{Key: "the key", Name: "soft/test", File: "digest"}, &Soft{Labels: "the key", Weight: weight}
	return job
}

// Soft labels that say what the labels say train almost as these do; others teach what they say.
func TestTrainingOnSoftLabels(t *testing.T) {
	data := datasettest.Numbers{}
	learning := func(j Job) Job { // until it has learnt
		j.Specification.Recipe.LearningRate, j.Specification.Recipe.Epochs = 0.1, 12
		return j
	}
	hard, err := local().Run(t.Context(), learning(numbersJob(t)), &steps{})
	if err != nil {
		t.Fatal(err)
	}
	var same, shifted []float64
	for row := range 60 {
		label := make([]float32, 1)
		if err := data.Label(dataset.Train, row, label); err != nil {
			t.Fatal(err)
		}
		for class := range 3 {
			p := []float64{1e-9, 1e-9, 1e-9}
			p[int(label[0])] = 1
			same, shifted = append(same, p[class]), append(shifted, p[(class+1)%3])
		}
	}
	train := func(weight float64, p []float64) Result {
		l := local()
		l.Files = predicted(t, data, p...)
		r, err := l.Run(t.Context(), learning(softJob(t, weight)), &steps{})
		if err != nil || r.Score.Status != store.Finished {
			t.Fatalf("%s: %v", r.Score.Reason, err)
		}
		return r
	}
	for _, weight := range []float64{0.5, 1} {
		r := train(weight, same)
		for i, e := range r.Score.Curve {
			if want := hard.Score.Curve[i]; math.Abs(e.TrainLoss-want.TrainLoss) > 1e-3 || math.Abs(e.ValidationLoss-want.ValidationLoss) > 1e-3 {
				t.Errorf("weight %v, epoch %d: losses %v and %v, on labels %v and %v", weight, i+1, e.TrainLoss, e.ValidationLoss, want.TrainLoss, want.ValidationLoss)
			}
		}
	}
	if a, b := hard.Score.Metrics["accuracy"], train(1, shifted).Score.Metrics["accuracy"]; !(a > 0.6 && b < 0.4) {
		t.Errorf("accuracy %v on labels, %v on those of other classes", a, b)
	}
}

// A recipe that weighs and smooths trains another model with the same tensors; its validation loss is that of the labels.
func TestTrainingWithClassWeights(t *testing.T) {
	plain, err := local().Run(t.Context(), numbersJob(t), &steps{})
	if err != nil {
		t.Fatal(err)
	}
	job := numbersJob(t)
	job.Specification.Recipe.ClassWeights, job.Specification.Recipe.LabelSmoothing = Balanced, 0.1
	r, err := local().Run(t.Context(), job, &steps{})
	if err != nil {
		t.Fatal(err)
	}
	a, _, err := safetensors.Parse(plain.Weights)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := safetensors.Parse(r.Weights)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b))) || slices.Equal(plain.Weights, r.Weights) {
		t.Error("the weights are the same, or of another model")
	}
	samples, err := dataset.Select(datasettest.Numbers{}, dataset.Validation, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	loss, err := LossOfFile(t.Context(), datasettest.Numbers{}, samples, r.Outputs)
	if best := job.Specification.Recipe.Best(r.Score.Curve); err != nil || r.Score.Curve[best-1].ValidationLoss != loss {
		t.Errorf("the loss of the best epoch is %v, that of the outputs %v (%v)", r.Score.Curve[best-1].ValidationLoss, loss, err)
	}
	seed, err := job.Specification.seed()
	if of, e := numbersJob(t).Specification.seed(); err != nil || e != nil || of != seed {
		t.Errorf("the seeds %d and %d differ (%v, %v)", seed, of, err, e)
	}
}

// Unreadable labels are the data's fault.
func TestUnreadableLabelsAreNoFailedTrial(t *testing.T) {
	job := numbersJob(t)
	job.Specification.Recipe.ClassWeights = Balanced
	l := local()
	l.Data = unreadable{}
	if _, err := l.Run(t.Context(), job, &steps{}); !errors.Is(err, nn.ErrSamples) {
		t.Errorf("got error %v", err)
	}
}

type unreadable struct{ datasettest.Numbers }

func (unreadable) Label(dataset.Split, int, []float32) error { return errors.New("no labels") }
