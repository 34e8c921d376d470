package trial

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn"
	"mixmas/search/store"
)

// curve is a curve of validation losses, and of metrics where there are such.
func curve(losses []float64, metrics ...float64) []store.Epoch {
	list := make([]store.Epoch, len(losses))
	for i, loss := range losses {
		list[i].ValidationLoss = loss
		if i < len(metrics) {
			list[i].ValidationMetric = &metrics[i]
		}
	}
	return list
}

// What selects the best epoch also reduces the learning rate and stops the training.
func TestBestEpoch(t *testing.T) {
	const rate = 1.0
	watching := Recipe{Recipe: nn.Recipe{LearningRate: rate, Epochs: 8}, Plateau: &nn.Reduction{Factor: 0.5, Patience: 1}, EarlyStopping: 3}
	by := func(metric string, of Recipe) Recipe {
		of.Select = metric
		return of
	}
	rising := []float64{0.5, 0.4, 0.6, 0.7, 0.8, 0.9}
	for name, c := range map[string]struct {
		recipe           Recipe
		curve            []store.Epoch
		best, ended      int
		reducedAfterward int // epochs until the learning rate is reduced; 0: never
	}{
		"the loss":                      {watching, curve(rising), 2, 5, 4},
		"a metric that grows":           {by("accuracy", watching), curve(rising, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6), 6, 0, 0},
		"a metric that falls":           {by("accuracy", watching), curve(rising, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1), 1, 4, 3},
		"lower is better":               {by("loss", watching), curve(rising, rising...), 2, 5, 4},
		"the first of equal epochs":     {by("accuracy", watching), curve([]float64{1, 1, 1, 1}, 0.5, 0.5, 0.5, 0.5), 1, 4, 3},
		"ties go by the loss":           {by("accuracy", watching), curve(rising, 0, 0, 0, 0, 0, 0), 2, 5, 4},
		"undefined values, by the loss": {by("accuracy", watching), curve(rising), 2, 5, 4},
		"defined from the third":        {by("accuracy", watching), func() []store.Epoch { c := curve(rising); c[2].ValidationMetric = new(0.0); return c }(), 3, 6, 5},
		"a metric and nothing else":     {by("accuracy", Recipe{Recipe: nn.Recipe{LearningRate: rate, Epochs: 8}}), curve(rising, 0.1, 0.9, 0.2, 0.3, 0.4, 0.5), 2, 0, 0},
		"nothing":                       {Recipe{Recipe: nn.Recipe{LearningRate: rate, Epochs: 8}}, curve(make([]float64, 6)), 6, 0, 0},
	} {
		p, ended, reduced := newProgress(c.recipe), 0, 0
		for i, e := range c.curve {
			p.add(c.recipe, e)
			if ended == 0 && p.ended(c.recipe) {
				ended = i + 1
			}
			if reduced == 0 && p.rate(c.recipe) < rate {
				reduced = i + 1
			}
		}
		if best := c.recipe.Best(c.curve); best != c.best || ended != c.ended || reduced != c.reducedAfterward {
			t.Errorf("%s: the best epoch is %d, the end %d, a reduction after %d; want %d, %d, %d", name, best, ended, reduced, c.best, c.ended, c.reducedAfterward)
		}
		if c.recipe.Watches() && p.bestEpoch != c.best {
			t.Errorf("%s: the weights of epoch %d are kept, want %d", name, p.bestEpoch, c.best)
		}
	}
}

// No epoch is better than the best one, which the training notices as it goes.
func TestNoEpochIsBetter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recipe := Recipe{EarlyStopping: 100, Select: rapid.SampledFrom([]string{"", "accuracy", "loss"}).Draw(t, "select")}
		few := rapid.SampledFrom([]float64{0, 0.25, 0.5, 1})
		list := curve(rapid.SliceOfN(few, 1, 9).Draw(t, "losses"), rapid.SliceOfN(few, 0, 9).Draw(t, "metrics")...)
		best, p := recipe.Best(list), newProgress(recipe)
		for i, e := range list {
			p.add(recipe, e)
			if recipe.better(e, list[best-1]) || i < best-1 && !recipe.better(list[best-1], e) {
				t.Errorf("epoch %d is as good as %d", i+1, best)
			}
		}
		if p.bestEpoch != best {
			t.Errorf("epoch %d is kept, want %d", p.bestEpoch, best)
		}
	})
}

// What selects the best epoch changes the key, but not the numbers that are drawn: until something is reduced or stops, the training
// is the same.
func TestSelectionAndKey(t *testing.T) {
	byLoss := numbersJob(t)
	byMetric := numbersJob(t)
	byMetric.Specification.Recipe.Select = "accuracy"
	one, text, err := byLoss.Specification.Key()
	if err != nil || strings.Contains(string(text), "select") {
		t.Errorf("the specification by the loss is %s (%v)", text, err)
	}
	if other, _, _ := byMetric.Specification.Key(); other == one {
		t.Error("both have one key")
	}
	want, err := local().Run(t.Context(), byLoss, &steps{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := local().Run(t.Context(), byMetric, &steps{})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := want.Score.Curve[0], got.Score.Curve[0]; a.TrainLoss != b.TrainLoss || a.ValidationLoss != b.ValidationLoss || a.ValidationMetric != nil || b.ValidationMetric == nil {
		t.Errorf("the first epoch is %+v by the loss, %+v by the metric", a, b)
	}
	best := got.Score.Curve[byMetric.Specification.Recipe.Best(got.Score.Curve)-1]
	if got.Score.Metrics["accuracy"] != *best.ValidationMetric || got.Score.Metrics["loss"] != best.ValidationLoss {
		t.Errorf("the model has %v, the best epoch %v and loss %v", got.Score.Metrics, *best.ValidationMetric, best.ValidationLoss)
	}
	byMetric.Specification.Recipe.Select = "hamming_accuracy"
	if _, err := local().Run(t.Context(), byMetric, &steps{}); err == nil || !strings.Contains(err.Error(), "the best epoch: metric") {
		t.Errorf("a metric of other data: %v", err)
	}
}

// A training that a metric selects from resumes from its checkpoint with the same bits.
func TestSelectionResumes(t *testing.T) {
	job := numbersJob(t)
	job.Specification.Recipe.Select = "accuracy"
	want, err := local().Run(t.Context(), job, &steps{})
	if err != nil {
		t.Fatal(err)
	}
	job.CheckpointFile = filepath.Join(t.TempDir(), "checkpoint")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := local().Run(ctx, job, &steps{limit: 4*len(want.Score.Curve) - 3, cancel: cancel}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	again := &steps{}
	got, err := local().Run(t.Context(), job, again)
	if err != nil || again.done != 4 || again.notices != nil {
		t.Errorf("resumed with %d steps, want 4; it said %q (%v)", again.done, again.notices, err)
	}
	same := slices.EqualFunc(got.Score.Curve, want.Score.Curve, func(a, b store.Epoch) bool {
		return a.ValidationLoss == b.ValidationLoss && *a.ValidationMetric == *b.ValidationMetric && a.LearningRate == b.LearningRate
	})
	if !same || !bytes.Equal(got.Weights, want.Weights) {
		t.Errorf("the curve is %+v, want %+v; the same weights: %t", got.Score.Curve, want.Score.Curve, bytes.Equal(got.Weights, want.Weights))
	}
}
