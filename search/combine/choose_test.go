package combine_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
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

// few are options that take little time.
var few = combine.Options{Bags: 2, Thresholds: true}

func choose(t *testing.T, p combine.Pool, name string, o combine.Options) *combine.Ensemble {
	t.Helper()
	e, err := combine.Choose(t.Context(), p, name, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// score is the metric of an ensemble on the rows of a pool.
func score(t *testing.T, p combine.Pool, name string, logits []float32, thresholds []float64) float64 {
	t.Helper()
	values, err := metric.Evaluate(t.Context(), metric.Outputs{Logits: logits, Rows: p.Rows, Classes: p.Classes, Kind: p.Kind, Label: p.Label, Thresholds: thresholds})
	if err != nil {
		t.Fatal(err)
	}
	return values[name]
}

// Of models with independent errors several are chosen, and on other rows they are better than each of them. The late fusion of
// all, which is the best there is here, is not much better.
func TestChooseCombines(t *testing.T) {
	for _, c := range []struct {
		kind task.Kind
		name string
	}{{task.OneLabel, "accuracy"}, {task.OneLabel, "auroc_macro"}, {task.OneLabel, "loss"}, {task.MultiLabel, "f1_macro"}, {task.MultiLabel, "loss"}} {
		all := pool(300, 3, 5, 2, c.kind, 5)
		p, test := half(all, 0), half(all, 1)
		e := choose(t, p, c.name, few)
		got := score(t, test, c.name, e.Logits(c.kind, 3, test.Logits), e.Thresholds)
		for i, logits := range test.Logits {
			if alone := score(t, test, c.name, logits, nil); !metric.Better(c.name, got, alone) {
				t.Errorf("%v, %s: %v, but model %d alone %v", c.kind, c.name, got, i, alone)
			}
		}
		if on := score(t, p, c.name, e.Logits(c.kind, 3, p.Logits), e.Thresholds); on != e.Score || len(e.Members) < 3 || math.Abs(e.Honest-got) > 0.1 {
			t.Errorf("%v, %s: score %v, test %v: %+v", c.kind, c.name, on, got, e)
		}
		late, crossed, err := combine.LateFusion(t.Context(), p, []int{4, 3, 2, 1, 0, 0}, c.name, combine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if v := score(t, p, c.name, crossed, nil); v != late.Honest || !slices.Equal(late.Members, []int{0, 1, 2, 3, 4}) ||
			score(t, p, c.name, late.Logits(c.kind, 3, p.Logits), nil) != late.Score {
			t.Errorf("%v, %s: %v: %+v", c.kind, c.name, v, late)
		}
	}
}

// half is every second row of a pool.
func half(p combine.Pool, first int) combine.Pool {
	part := p
	part.Rows, part.Logits = p.Rows/2, nil
	part.Label = func(row int, dst []float32) error { return p.Label(2*row+first, dst) }
	for _, logits := range p.Logits {
		var own []float32
		for row := first; row < p.Rows; row += 2 {
			own = append(own, logits[row*p.Classes:][:p.Classes]...)
		}
		part.Logits = append(part.Logits, own)
	}
	return part
}

// A model that knows everything stays alone beside models that know nothing, as it is.
func TestChooseKeepsTheBest(t *testing.T) {
	for _, kind := range task.Kinds() {
		p := pool(60, 3, 4, 100, kind, 2)
		p.Logits[2] = pool(60, 3, 1, 0, kind, 2).Logits[0]
		e := choose(t, p, "accuracy", few)
		if !reflect.DeepEqual(e.Parts(), []combine.Member{{Weight: 1, Temperature: 1}}) || e.Members[0] != 2 || e.Thresholds != nil || e.Score != 1 || e.Honest != 1 {
			t.Errorf("%v: %+v", kind, e)
		}
	}
}

// The best modality of each class is another one: only a given late fusion of two models is as good as can be.
func TestChooseTakesAGivenLateFusion(t *testing.T) {
	p := pool(200, 4, 2, 0.5, task.OneLabel, 3)
	for i := range p.Logits {
		for row := range p.Rows {
			for k := range 4 { // model 0 knows whether the class is below 2, model 1 whether it is even
				z := &p.Logits[i][row*4+k]
				other := p.Logits[i][row*4+(k^(1<<i))]
				if *z > other {
					p.Logits[i][row*4+(k^(1<<i))] = *z
				} else {
					*z = other
				}
			}
		}
	}
	for range 8 { // and many others know nothing
		p.Logits = append(p.Logits, pool(200, 4, 1, 3, task.OneLabel, uint64(len(p.Logits)+10)).Logits[0])
	}
	o := few
	o.LateFusions = [][]int{{0, 1}}
	late, _, err := combine.LateFusion(t.Context(), p, []int{0, 1}, "accuracy", combine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e := choose(t, p, "accuracy", o); e.Honest < late.Honest-0.02 || len(e.Members) < 2 {
		t.Errorf("%+v, the late fusion %+v", e, late)
	}
}

// However many models there are, an ensemble has the size that was asked for, and loses little to the late fusion of them all: of a
// set those that are missed most stay.
func TestChooseKeepsTheSize(t *testing.T) {
	for _, kind := range task.Kinds() {
		all := pool(400, 3, 24, 3, kind, 11)
		for i := range all.Logits {
			if i%3 > 0 { // it knows nothing
				all.Logits[i] = pool(400, 3, 1, 3, kind, uint64(100+i)).Logits[0]
			}
		}
		p, test := half(all, 0), half(all, 1)
		e := choose(t, p, "accuracy", combine.Options{Size: 8, Bags: 2, LateFusions: [][]int{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}}})
		late, _, err := combine.LateFusion(t.Context(), p, allOf(24), "accuracy", combine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, whole := score(t, test, "accuracy", e.Logits(kind, 3, test.Logits), nil), score(t, test, "accuracy", late.Logits(kind, 3, test.Logits), nil)
		if len(e.Members) > 8 || len(late.Members) != 24 || got < whole-0.05 {
			t.Errorf("%v: %d members have %v, the late fusion of %d %v", kind, len(e.Members), got, len(late.Members), whole)
		}
	}
}

// The same pool and seed give the same ensemble; the members are few, in order, and their weights sum to 1.
func TestChoiceIsDeterministic(t *testing.T) {
	p := pool(60, 3, 12, 2, task.OneLabel, 4)
	o := combine.Options{Size: 4, Bags: 4, Seed: 7}
	first := choose(t, p, "accuracy", o)
	sum := 0.0
	for _, w := range first.Weights {
		sum += w
	}
	if again := choose(t, p, "accuracy", o); !reflect.DeepEqual(again, first) || math.Abs(sum-1) > 1e-12 || !slices.IsSorted(first.Members) {
		t.Errorf("%+v and %+v", first, again)
	}
	if len(first.Members) > 4 {
		t.Errorf("%d members, want at most 4", len(first.Members))
	}
}

// Where there is little or nothing to choose from, there is an answer all the same.
func TestLittleToChooseFrom(t *testing.T) {
	one := pool(40, 3, 1, 2, task.OneLabel, 5)
	if e := choose(t, one, "f1_macro", few); !slices.Equal(e.Members, []int{0}) || math.IsNaN(e.Honest) {
		t.Errorf("one model: %+v", e)
	}
	for _, kind := range task.Kinds() {
		for _, name := range []string{"accuracy", "f1_weighted", "auroc_macro", "loss"} {
			for rows := 1; rows <= 3; rows++ {
				if e := choose(t, pool(rows, 2, 3, 2, kind, 6), name, few); len(e.Members) == 0 {
					t.Errorf("%d rows, %s: %+v", rows, name, e)
				}
			}
		}
	}
	grouped := pool(40, 2, 3, 2, task.OneLabel, 7)
	grouped.Groups = make([]uint64, 40)
	choose(t, grouped, "accuracy", few)
}

func TestWrongPools(t *testing.T) {
	p := func(change func(p *combine.Pool)) combine.Pool {
		p := pool(10, 2, 2, 1, task.OneLabel, 8)
		p.Names = []string{"a", "b"}
		change(&p)
		return p
	}
	for _, c := range []struct {
		pool   combine.Pool
		metric string
		fuse   [][]int
		want   string
	}{
		{p(func(p *combine.Pool) { p.Logits = nil }), "accuracy", nil, "there are no models to combine"},
		{p(func(p *combine.Pool) { p.Logits[1] = p.Logits[1][:19] }), "accuracy", nil, "b has 19 logits, want 10 rows × 2 classes"},
		{p(func(p *combine.Pool) { p.Logits[1][5] = float32(math.NaN()) }), "accuracy", nil, "b: row 2, class 1: logits contain NaN"},
		{p(func(p *combine.Pool) { p.Groups = make([]uint64, 9) }), "accuracy", nil, "9 groups for 10 rows"},
		{p(func(p *combine.Pool) { p.Rows, p.Logits = 0, [][]float32{{}} }), "accuracy", nil, "nothing to evaluate"},
		{p(func(p *combine.Pool) { p.Label = metric.Listed([]float32{0, 2}) }), "accuracy", nil, "row 1: label 2 is out of range"},
		{p(func(*combine.Pool) {}), "acuracy", nil, "did you mean accuracy?"},
		{p(func(*combine.Pool) {}), "accuracy", [][]int{{0, 2}}, "there is no model 2 among 2"},
		{p(func(*combine.Pool) {}), "accuracy", [][]int{{}}, "a late fusion of no models"},
	} {
		_, err := combine.Choose(t.Context(), c.pool, c.metric, combine.Options{LateFusions: c.fuse})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
		if c.fuse != nil {
			if _, _, err := combine.LateFusion(t.Context(), c.pool, c.fuse[0], c.metric, combine.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("late fusion: error %v, want one with %q", err, c.want)
			}
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := combine.Choose(ended, pool(10, 2, 2, 1, task.OneLabel, 8), "accuracy", few); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
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

// Where every model is right on all rows, the log loss says which is likely to be right on others.
func TestChooseAtTheTopOfTheMetric(t *testing.T) {
	all := pool(400, 3, 4, 1.5, task.OneLabel, 9)
	p, test := half(all, 0), half(all, 1)
	for _, logits := range p.Logits {
		for row := range p.Rows {
			z := logits[row*3:][:3]
			var label [1]float32
			if err := p.Label(row, label[:]); err != nil {
				t.Fatal(err)
			}
			z[int(label[0])] = slices.Max(z) + 0.01
		}
	}
	e := choose(t, p, "accuracy", few)
	if e.Honest != 1 || len(e.Members) < 2 {
		t.Fatalf("%v by members %v: want several models", e.Honest, e.Members)
	}
	got := score(t, test, "accuracy", e.Logits(p.Kind, 3, test.Logits), e.Thresholds)
	for i, logits := range test.Logits {
		if alone := score(t, test, "accuracy", logits, nil); alone >= got {
			t.Errorf("on other rows the ensemble has %v, model %d has %v", got, i, alone)
		}
	}
}

// The first of three methods is the single model, the second the usual ensemble. 500 rows.
func TestPreferred(t *testing.T) {
	p, nan := pool(500, 3, 1, 1, task.OneLabel, 1), math.NaN()
	for _, c := range []struct {
		name           string
		honest, losses []float64
		want           int
	}{
		{"accuracy", []float64{0.8}, []float64{1}, 0},
		{"accuracy", []float64{0.8, 0.81, 0.815}, []float64{1, 1.1, 0.5}, 1},
		{"accuracy", []float64{0.8, 0.81, 0.83}, []float64{1, 1.1, 1.2}, 2},
		{"accuracy", []float64{1, 1, 1}, []float64{0.1, 0.01, 0.01}, 1},
		{"accuracy", []float64{1, 0.999, 1}, []float64{0.1, 0.01, 0.01}, 1},    // a row behind
		{"accuracy", []float64{1, 0.999, 1}, []float64{0.01, 0.1, 0.1}, 0},     // and worse by the loss
		{"accuracy", []float64{1, 0.98, 0.98}, []float64{0.1, 0.01, 0.01}, 0},  // ten rows behind
		{"accuracy", []float64{0.5, 0.48, 0.4}, []float64{0.9, 0.8, 0.8}, 1},   // a standard error is 2.2 points
		{"accuracy", []float64{0.5, 0.475, 0.4}, []float64{0.9, 0.8, 0.8}, 0},  //
		{"loss", []float64{0.5, 0.5001, 0.6}, []float64{0.5, 0.5001, 0.6}, 0},  // no share: a metric without a standard error
		{"loss", []float64{0.5, 0.4, 0.45}, []float64{0.5, 0.4, 0.45}, 1},      //
		{"accuracy", []float64{nan, nan, nan}, []float64{nan, nan, nan}, 0},    // too few rows to halve
		{"auroc_macro", []float64{nan, nan, nan}, []float64{0.9, 0.8, 0.8}, 0}, // undefined
	} {
		got, err := combine.Preferred(t.Context(), p, c.name, c.honest, c.losses)
		if err != nil || got != c.want {
			t.Errorf("%s %v, losses %v: method %d, %v, want %d", c.name, c.honest, c.losses, got, err, c.want)
		}
	}
}

// An ensemble has thresholds only if it is then better, on rows that nothing was fitted to, than what is chosen without them.
func TestThresholdsAreWorthIt(t *testing.T) {
	with, without := 0, 0
	for seed := range uint64(20) {
		p := pool(40, 3, 3, 2.5, task.MultiLabel, seed)
		o := combine.Options{Bags: 1, Seed: seed}
		plain := choose(t, p, "accuracy", o)
		o.Thresholds = true
		switch e := choose(t, p, "accuracy", o); {
		case e.Thresholds == nil:
			without++
		case metric.Better("accuracy", e.Honest, plain.Honest):
			with++
		default:
			t.Errorf("seed %d: %v with thresholds, %v without", seed, e.Honest, plain.Honest)
		}
	}
	if with == 0 || without == 0 {
		t.Errorf("%d choices with thresholds and %d without: want some of both", with, without)
	}
}
