package metric_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mixmas/search/metric"
	"mixmas/search/task"

	"pgregory.net/rapid"
)

// shifted are outputs with random thresholds, some of them among the logits.
func shifted(t *rapid.T) listed {
	o := outputs(t)
	if rapid.Bool().Draw(t, "with thresholds") {
		threshold := rapid.Map(rapid.IntRange(-6, 6), func(z int) float64 { return float64(z) / 2 })
		o.Thresholds = rapid.SliceOfN(threshold, o.Classes, o.Classes).Draw(t, "thresholds")
	}
	return o
}

// A scorer computes the values of Evaluate, of all rows and of some, though it computes only what a metric reads.
func TestScorersAgreeWithEvaluate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := shifted(t)
		rows := rapid.SliceOfN(rapid.IntRange(0, o.Rows-1), 1, 30).Draw(t, "rows")
		var part listed
		part.Outputs = o.Outputs
		part.Logits, part.Rows = nil, len(rows)
		for _, row := range rows {
			part.Logits = append(part.Logits, o.Logits[row*o.Classes:][:o.Classes]...)
		}
		part.Label = func(row int, dst []float32) error { return o.Label(rows[row], dst) }
		for _, name := range metric.Names(o.Kind) {
			all, err := metric.NewScorer(t.Context(), name, o.Outputs)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				scorer *metric.Scorer
				o      metric.Outputs
			}{{all, o.Outputs}, {all.Of(rows), part.Outputs}, {all.By("loss").By(name), o.Outputs}} {
				want, err := metric.Evaluate(t.Context(), c.o)
				if err != nil {
					t.Fatal(err)
				}
				got, err := c.scorer.Score(t.Context(), c.o.Logits, c.o.Thresholds)
				if v, defined := want[name]; err != nil || defined && got != v || !defined && !math.IsNaN(got) {
					t.Fatalf("%s: %v, %v, want %v", name, got, err, want[name])
				}
			}
		}
	})
}

// Thresholds are subtracted from logits: what is predicted is what would be predicted of the differences, and neither loss nor
// AUROC change.
func TestThresholdsAreSubtracted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := shifted(t)
		plain, moved := o.Outputs, o.Outputs
		plain.Thresholds, moved.Thresholds = nil, nil
		moved.Logits = slices.Clone(o.Logits)
		for i := range moved.Logits {
			if o.Thresholds != nil {
				moved.Logits[i] -= float32(o.Thresholds[i%o.Classes])
			}
		}
		got, err := metric.Evaluate(t.Context(), o.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		decided, err := metric.Evaluate(t.Context(), moved)
		if err != nil {
			t.Fatal(err)
		}
		ranked, err := metric.Evaluate(t.Context(), plain)
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range got {
			want := decided
			if name == "loss" || strings.HasPrefix(name, "auroc") {
				want = ranked
			}
			if v != want[name] {
				t.Errorf("%s is %v, want %v", name, v, want[name])
			}
		}
	})
}

func TestWrongThresholds(t *testing.T) {
	o := metric.Outputs{Rows: 1, Classes: 2, Logits: []float32{0, 1}, Label: metric.Listed([]float32{0}), Thresholds: []float64{1}}
	if _, err := metric.Evaluate(t.Context(), o); err == nil || !strings.Contains(err.Error(), "1 thresholds for 2 classes") {
		t.Errorf("error %v", err)
	}
}

// As thresholds move, the counts stay those of an evaluation with these thresholds.
func TestCountsFollowThresholds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := large(t) // its float logits tie in groups, thresholds between them do not
		s, err := metric.NewScorer(t.Context(), "accuracy", o.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "moves"), 1))
		var classes []int
		var thresholds []float64
		for range 10 {
			classes = append(classes, random.IntN(o.Classes))
			thresholds = append(thresholds, random.NormFloat64())
		}
		got, at, err := s.Moved(t.Context(), o.Logits, classes, thresholds)
		if err != nil {
			t.Fatal(err)
		}
		o.Thresholds = at
		want, err := metric.Evaluate(t.Context(), o.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		if got != want["accuracy"] {
			t.Errorf("accuracy %v, want %v", got, want["accuracy"])
		}
	})
}

// Fitted thresholds are never worse than none on the rows that they are fitted to, and none are fitted where they say nothing.
func TestFittedThresholdsHelp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := outputs(t)
		for _, name := range metric.Names(o.Kind) {
			s, err := metric.NewScorer(t.Context(), name, o.Outputs)
			if err != nil {
				t.Fatal(err)
			}
			thresholds, err := s.Thresholds(t.Context(), o.Logits)
			if err != nil {
				t.Fatal(err)
			}
			plain, _ := s.Score(t.Context(), o.Logits, nil)
			fitted, err := s.Score(t.Context(), o.Logits, thresholds)
			if err != nil || thresholds != nil && !s.Better(fitted, plain) || len(thresholds)%o.Classes != 0 {
				t.Errorf("%s: %v with %v, %v without, %v", name, fitted, thresholds, plain, err)
			}
			ranks := name == "loss" || strings.HasPrefix(name, "auroc")
			trivial := o.Kind == task.MultiLabel && (strings.HasPrefix(name, "precision") || strings.HasPrefix(name, "recall"))
			if thresholds != nil && (ranks || trivial) {
				t.Errorf("%s has thresholds %v", name, thresholds)
			}
		}
	})
}

// A model that has seen one class too rarely predicts it too rarely: the thresholds move towards it.
func TestThresholdsUndoAPrior(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	o := metric.Outputs{Rows: 2000, Classes: 2, Logits: make([]float32, 4000)}
	labels := make([]float32, o.Rows)
	for row := range labels {
		if random.IntN(8) == 0 {
			labels[row] = 1
		}
		o.Logits[2*row] = 2 // log of the prior odds
		o.Logits[2*row+1] = 2*labels[row] - 1 + float32(random.NormFloat64())
	}
	o.Label = metric.Listed(labels)
	s, err := metric.NewScorer(t.Context(), "balanced_accuracy", o)
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := s.Score(t.Context(), o.Logits, nil)
	thresholds, err := s.Thresholds(t.Context(), o.Logits)
	if err != nil || len(thresholds) != 2 {
		t.Fatal(thresholds, err)
	}
	fitted, _ := s.Score(t.Context(), o.Logits, thresholds)
	if by := thresholds[0] - thresholds[1]; plain > 0.6 || fitted < 0.82 || by < 1.5 || by > 2.5 {
		t.Errorf("%v without, %v with thresholds %v", plain, fitted, thresholds)
	}
}
