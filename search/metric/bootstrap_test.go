package metric_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mixmas/search/metric"
	"mixmas/search/task"

	"pgregory.net/rapid"
)

// register registers a metric of an extension, that reads rows, for the time of a test.
func register(t testing.TB) string {
	const name = "test_confidence"
	metric.Register(metric.Metric{Name: name, Doc: "Of tests.", Kinds: task.Classification(), Value: func(e *metric.Evaluation) (float64, bool) {
		sum := 0.0
		for row := range e.Rows {
			for class := range e.Classes {
				if e.Truth(row, class) && e.Predicted(row, class) {
					sum += e.Score(row, class)
				}
			}
		}
		return sum / float64(e.Rows), e.Right > 0
	}})
	t.Cleanup(func() { metric.Unregister(name) })
	return name
}

// gathered are the outputs of some rows.
func gathered(o listed, rows []uint32) listed {
	width := task.Width(o.Kind, o.Classes)
	some := metric.Outputs{Rows: len(rows), Classes: o.Classes, Kind: o.Kind, Thresholds: o.Thresholds}
	var labels []float32
	for _, row := range rows {
		some.Logits = append(some.Logits, o.Logits[int(row)*o.Classes:][:o.Classes]...)
		labels = append(labels, o.labels[int(row)*width:][:width]...)
	}
	return list(some, labels...)
}

// A bootstrap's values are those of the drawn rows, for every metric, those of extensions too.
func TestBootstrapEvaluatesDrawnRows(t *testing.T) {
	register(t)
	rapid.Check(t, func(t *rapid.T) {
		o := outputs(t)
		another := list(o.Outputs, o.labels...)
		another.Logits = slices.Clone(o.Logits)
		slices.Reverse(another.Logits)
		if rapid.Bool().Draw(t, "thresholds") {
			another.Thresholds = rapid.SliceOfN(rapid.Map(rapid.IntRange(-2, 2), func(x int) float64 { return float64(x) }), o.Classes, o.Classes).Draw(t, "threshold")
		}
		var groups []uint64
		if rapid.Bool().Draw(t, "grouped") {
			groups = rapid.SliceOfN(rapid.Uint64Range(0, 4), o.Rows, o.Rows).Draw(t, "groups")
		}
		const draws = 3
		seed := rapid.Uint64().Draw(t, "seed")
		for _, name := range metric.Names(o.Kind) {
			got, err := metric.Bootstrap(t.Context(), name, []metric.Outputs{o.Outputs, another.Outputs}, groups, draws, seed)
			if err != nil {
				t.Fatal(err)
			}
			for draw := range draws {
				rows := metric.Drawn(o.Rows, groups, seed, draw)
				for run, of := range []listed{o, another} {
					values, err := metric.Evaluate(t.Context(), gathered(of, rows).Outputs)
					if err != nil {
						t.Fatal(err)
					}
					want, defined := values[name]
					if x := got[run][draw]; defined && math.Abs(x-want) > 1e-12*max(1, math.Abs(want)) || !defined && !math.IsNaN(x) {
						t.Fatalf("%s of run %d, draw %d is %v, want %v (%t)", name, run, draw, x, want, defined)
					}
				}
			}
		}
	})
}

// Groups are drawn whole; rows one by one.
func TestBootstrapDrawsGroups(t *testing.T) {
	groups := []uint64{7, 7, 3, 3, 3, 7, 9}
	for draw := range 20 {
		counts := map[uint32]int{}
		for _, row := range metric.Drawn(len(groups), groups, 1, draw) {
			counts[row]++
		}
		if counts[0] != counts[1] || counts[0] != counts[5] || counts[2] != counts[3] || counts[2] != counts[4] || counts[0]+counts[2]+counts[6] != 3 {
			t.Fatalf("draw %d has %v", draw, counts)
		}
		if n := len(metric.Drawn(7, nil, 1, draw)); n != 7 {
			t.Fatalf("draw %d has %d rows, want 7", draw, n)
		}
	}
}

func TestRowsRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := outputs(t)
		right, err := metric.RowsRight(t.Context(), o.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		for r := range o.Rows {
			want := true
			for c := range o.Classes {
				want = want && has(o, r, c) == predicted(o, r, c)
			}
			if right.Has(r) != want {
				t.Fatalf("row %d is right: %t, want %t", r, !want, want)
			}
		}
	})
}

func TestBootstrapErrors(t *testing.T) {
	good := metric.Outputs{Logits: []float32{1, 0, 0, 1}, Rows: 2, Classes: 2, Label: metric.Listed([]float32{0, 1})}
	longer, broken := good, good
	longer.Rows, longer.Logits = 3, append(longer.Logits, 0, 0)
	broken.Logits = []float32{1, 0, float32(math.NaN()), 1}
	ended, end := context.WithCancel(t.Context())
	end()
	for _, c := range []struct {
		name   string
		ctx    context.Context
		metric string
		runs   []metric.Outputs
		groups []uint64
		draws  int
		want   string
	}{
		{"no runs", t.Context(), "accuracy", nil, nil, 2, "0 runs"},
		{"no draws", t.Context(), "accuracy", []metric.Outputs{good}, nil, 0, "0 draws"},
		{"metric", t.Context(), "speed", []metric.Outputs{good}, nil, 2, "speed"},
		{"groups", t.Context(), "accuracy", []metric.Outputs{good}, []uint64{1}, 2, "1 groups for 2 rows"},
		{"lengths", t.Context(), "accuracy", []metric.Outputs{good, longer}, nil, 2, "run 2 has 3 rows"},
		{"NaN", t.Context(), "accuracy", []metric.Outputs{good, broken}, nil, 2, "run 2: metric: row 1, class 0"},
		{"ended", ended, "accuracy", []metric.Outputs{good}, nil, 2, "canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := metric.Bootstrap(c.ctx, c.metric, c.runs, c.groups, c.draws, 1); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// BenchmarkBootstrap draws 200 times from 5,000 rows of 24 classes, for 12 runs.
func BenchmarkBootstrap(b *testing.B) {
	const rows, classes, runs, draws = 5000, 24, 12, 200
	custom := register(b)
	rng := rand.New(rand.NewPCG(1, 0))
	for _, kind := range task.Classification() {
		width := task.Width(kind, classes)
		labels := make([]float32, rows*width)
		for i := range labels {
			labels[i] = float32(rng.IntN(map[task.Kind]int{task.OneLabel: classes, task.MultiLabel: 2}[kind]))
		}
		var list []metric.Outputs
		for range runs {
			logits := make([]float32, rows*classes)
			for i := range logits {
				logits[i] = float32(rng.NormFloat64())
			}
			list = append(list, metric.Outputs{Logits: logits, Rows: rows, Classes: classes, Kind: kind, Label: metric.Listed(labels)})
		}
		for _, name := range []string{"accuracy", "f1_macro", "auroc_macro", "loss", custom} {
			b.Run(map[task.Kind]string{task.OneLabel: "one label/", task.MultiLabel: "several/"}[kind]+name, func(b *testing.B) {
				for b.Loop() {
					if _, err := metric.Bootstrap(b.Context(), name, list, nil, draws, 1); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
