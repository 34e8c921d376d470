package metric_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"mixmas/search/metric"
	"mixmas/search/task"

	"pgregory.net/rapid"
)

// dense computes loss and AUROC as they were first defined, from arrays of rows × classes, in that order of sums.
func dense(o listed) (loss float64, areas []float64) {
	scores := make([]float64, len(o.Logits))
	for i, z := range o.Logits {
		scores[i] = float64(z)
	}
	for r := range o.Rows {
		row := scores[r*o.Classes:][:o.Classes]
		if o.Kind == task.MultiLabel {
			for c, z := range row {
				loss += max(z, 0) + math.Log1p(math.Exp(-math.Abs(z)))
				if has(o, r, c) {
					loss -= z
				}
			}
			continue
		}
		top, sum := slices.Max(row), 0.0
		for c, z := range row {
			if has(o, r, c) {
				loss -= z - top
			}
			row[c] = math.Exp(z - top)
			sum += row[c]
		}
		loss += math.Log(sum)
		for c := range row {
			row[c] /= sum
		}
	}
	if o.Kind == task.MultiLabel {
		loss /= float64(len(scores))
	} else {
		loss /= float64(o.Rows)
	}
	for c := range o.Classes {
		order := make([]int, o.Rows)
		for r := range order {
			order[r] = r
		}
		score := func(r int) float64 { return scores[r*o.Classes+c] }
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(score(a), score(b)) })
		halves, positives, negatives := 0, 0, 0
		for len(order) > 0 {
			tied, tiedPositives := 0, 0
			for tied < len(order) && score(order[tied]) == score(order[0]) {
				if has(o, order[tied], c) {
					tiedPositives++
				}
				tied++
			}
			halves += tiedPositives * (2*negatives + tied - tiedPositives)
			positives, negatives, order = positives+tiedPositives, negatives+tied-tiedPositives, order[tied:]
		}
		if positives > 0 && negatives > 0 {
			areas = append(areas, float64(halves)/(2*float64(positives)*float64(negatives)))
		}
	}
	return loss, areas
}

// large draws outputs of hundreds of rows, so that scores are sorted and found in every way.
func large(t *rapid.T) listed {
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	o := metric.Outputs{Rows: rapid.IntRange(1, 700).Draw(t, "rows"), Classes: rapid.IntRange(1, 12).Draw(t, "classes"),
		Kind: rapid.SampledFrom(task.Classification()).Draw(t, "kind")}
	scale := rapid.SampledFrom([]float64{1e-30, 1, 30, 1e30}).Draw(t, "scale")
	coarse := rapid.Bool().Draw(t, "coarse")
	for range o.Rows * o.Classes {
		z := random.NormFloat64()
		if coarse {
			z = math.Round(2*z) / 2
		}
		if z == 0 && random.IntN(2) == 0 {
			z = math.Copysign(0, -1)
		}
		o.Logits = append(o.Logits, float32(z*scale))
	}
	var labels []float32
	for range o.Rows {
		if o.Kind == task.OneLabel {
			labels = append(labels, float32(random.IntN(1+random.IntN(o.Classes))))
			continue
		}
		for c := range o.Classes {
			labels = append(labels, float32(random.IntN(c+2)/(c+1)))
		}
	}
	return list(o, labels...)
}

// Metrics are in every score: counting and ranking without dense arrays changes none of their bits.
func TestBitsAreThoseOfDenseArrays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := large(t)
		got, err := metric.Evaluate(t.Context(), o.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		loss, areas := dense(o)
		if alone, err := metric.Loss(t.Context(), o.Outputs); err != nil || got["loss"] != loss || alone != loss {
			t.Errorf("loss %v, alone %v, %v, want %v", got["loss"], alone, err, loss)
		}
		sum := 0.0
		for _, a := range areas {
			sum += a
		}
		if v, defined := got["auroc_macro"]; defined != (len(areas) > 0) || defined && v != sum/float64(len(areas)) {
			t.Errorf("auroc %v, want the mean of %v", v, areas)
		}
	})
}

// A custom metric reads the same rows and classes that the built-in ones count.
func TestEvaluationSaysWhatItCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := outputs(t)
		var seen *metric.Evaluation
		metric.Register(metric.Metric{Name: "seen", Kinds: task.Kinds(), Doc: "What is seen.", Value: func(e *metric.Evaluation) (float64, bool) { seen = e; return 0, false }})
		defer metric.Unregister("seen")
		if _, err := metric.Evaluate(t.Context(), o.Outputs); err != nil {
			t.Fatal(err)
		}
		right := 0
		counts := make([]metric.Counts, o.Classes)
		for r := range o.Rows {
			whole := true
			for c := range o.Classes {
				if seen.Truth(r, c) != has(o, r, c) || seen.Predicted(r, c) != predicted(o, r, c) {
					t.Fatalf("row %d, class %d: truth %t, predicted %t", r, c, seen.Truth(r, c), seen.Predicted(r, c))
				}
				want := probability(o, r, c)
				if o.Kind == task.MultiLabel {
					want = float64(o.Logits[r*o.Classes+c])
				}
				if math.Abs(seen.Score(r, c)-want) > 1e-12 {
					t.Errorf("row %d, class %d: score %v, want %v", r, c, seen.Score(r, c), want)
				}
				whole = whole && seen.Truth(r, c) == seen.Predicted(r, c)
				switch {
				case seen.Truth(r, c) && seen.Predicted(r, c):
					counts[c].TruePositive++
				case seen.Truth(r, c):
					counts[c].FalseNegative++
				case seen.Predicted(r, c):
					counts[c].FalsePositive++
				}
			}
			if whole {
				right++
			}
		}
		if seen.Right != right || !slices.Equal(seen.Classwise, counts) {
			t.Errorf("%d right, counts %v, want %d, %v", seen.Right, seen.Classwise, right, counts)
		}
	})
}

// random are outputs of many rows and classes.
func random(rows, classes int, kind task.Kind) metric.Outputs {
	rng := rand.New(rand.NewPCG(1, 0))
	o := metric.Outputs{Rows: rows, Classes: classes, Kind: kind, Logits: make([]float32, rows*classes)}
	for i := range o.Logits {
		o.Logits[i] = float32(rng.NormFloat64())
	}
	o.Label = func(row int, dst []float32) error {
		dst[0] = float32(row * 7919 % classes)
		for i := range dst {
			if kind == task.MultiLabel {
				dst[i] = float32((row + i) % 2)
			}
		}
		return nil
	}
	return o
}

// Beside the logits little is needed: 60,000 classes of one label per row died of arrays of rows × classes. More rows take at most
// a few bits for each of their logits.
func TestManyClassesAreSmall(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // each core takes some
	for _, kind := range task.Kinds() {
		used := func(rows int) float64 {
			o := random(rows, 20_000, kind)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, err := metric.Evaluate(t.Context(), o)
			runtime.ReadMemStats(&after)
			if err != nil || !(math.Abs(got["auroc_macro"]-0.5) < 0.05) {
				t.Fatalf("%v: %v, %v", kind, got, err)
			}
			return float64(after.TotalAlloc - before.TotalAlloc)
		}
		if bytes := (used(50) - used(20)) / (30 * 20_000); bytes > 0.5 {
			t.Errorf("%v: %.2f bytes a logit", kind, bytes)
		}
	}
}

// counted is a context that ends after it was asked a number of times.
type counted struct {
	context.Context
	left atomic.Int32
}

func (c *counted) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// An interruption is heard in every pass over the rows.
func TestInterruption(t *testing.T) {
	for _, kind := range task.Kinds() {
		o := random(300, 5, kind)
		if _, err := metric.Loss(&counted{Context: t.Context()}, o); !errors.Is(err, context.Canceled) {
			t.Errorf("the loss alone: error %v", err)
		}
		want, err := metric.Evaluate(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for asked := 0; ; asked++ {
			ctx := &counted{Context: t.Context()}
			ctx.left.Store(int32(asked))
			got, err := metric.Evaluate(ctx, o)
			if err == nil {
				if !maps.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
				}
				if asked < 4*300/64 {
					t.Errorf("asked only %d times", asked)
				}
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	for _, c := range []struct {
		name          string
		rows, classes int
		kind          task.Kind
	}{{"9000x10000", 9000, 10_000, task.OneLabel}, {"2000x60000", 2000, 60_000, task.OneLabel}, {"1000000x10", 1_000_000, 10, task.OneLabel},
		{"9000x10000 multi-label", 9000, 10_000, task.MultiLabel}} {
		b.Run(c.name, func(b *testing.B) {
			o := random(c.rows, c.classes, c.kind)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := metric.Evaluate(b.Context(), o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
