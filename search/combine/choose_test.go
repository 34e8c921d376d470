package combine_test

import (
	"math/rand/v2"
	"testing"

	"mixmas/search/combine"
	"mixmas/search/metric"
	"mixmas/search/task"
)

// pool has models whose logits point to the truth, each with noise of its own.
func pool(rows, classes, models int, noise float64, kind task.Kind, seed uint64) combine.Pool {
	random := rand.New(rand.NewPCG(seed, 0))
	labels := make([]float32, rows*task.Width(kind, classes))
	for i := range labels {
		if kind == task.MultiLabel {
			labels[i] = float32(random.IntN(4) / 3)
		} else {
			labels[i] = float32(random.IntN(classes))
		}
	}
	p := combine.Pool{Kind: kind, Classes: classes, Rows: rows, Label: metric.Listed(labels)}
	for range models {
		logits := make([]float32, rows*classes)
		for row := range rows {
			for k := range classes {
				z := noise * random.NormFloat64()
				if kind == task.OneLabel && int(labels[row]) == k || kind == task.MultiLabel && labels[row*classes+k] == 1 {
					z += 2
				}
				logits[row*classes+k] = float32(z - 1)
			}
		}
		p.Logits = append(p.Logits, logits)
	}
	return p
}

// Of models with independent errors the ensemble is better than each.
func TestChooseCombines(t *testing.T) {
	for _, kind := range task.Kinds() {
		for _, name := range []string{"accuracy", "f1_weighted", "auroc_macro", "loss", "recall_macro"} {
			p := pool(120, 4, 6, 2, kind, 1)
			e, err := combine.Choose(t.Context(), p, name, combine.Options{Thresholds: true})
			if err != nil {
				t.Fatal(err)
			}
			if len(e.Members) < 3 {
				t.Errorf("%v, %s: %+v", kind, name, e)
			}
			late, _, err := combine.LateFusion(t.Context(), p, []int{0, 1, 2, 3, 4, 5}, name)
			if err != nil || !(late.Honest > 0) {
				t.Errorf("%v, %s: %+v, %v", kind, name, late, err)
			}
			if testing.Verbose() {
				t.Logf("%s %.4f %.4f late %.4f %.4f members %v %v", name, e.Score, e.Honest, late.Score, late.Honest, e.Members, e.Mean)
			}
		}
	}
}

// A pool like that of a search with repeats.
func BenchmarkChoose(b *testing.B) {
	for _, c := range []struct {
		kind    task.Kind
		classes int
		metric  string
	}{{task.OneLabel, 10, "accuracy"}, {task.OneLabel, 2, "auroc_macro"}, {task.OneLabel, 5, "balanced_accuracy"}, {task.MultiLabel, 24, "f1_weighted"}} {
		b.Run(c.metric, func(b *testing.B) {
			p := pool(600, c.classes, 40, 3, c.kind, 1)
			for b.Loop() {
				if _, err := combine.Choose(b.Context(), p, c.metric, combine.Options{Thresholds: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
