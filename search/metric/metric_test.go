package metric_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"mixmas/search/metric"
	"mixmas/search/task"

	"pgregory.net/rapid"
)

const severalOnly = "hamming_accuracy"

// listed are outputs whose labels are the given ones.
type listed struct {
	metric.Outputs
	labels []float32
}

func list(o metric.Outputs, labels ...float32) listed {
	o.Label = metric.Listed(labels)
	return listed{o, labels}
}

// outputs draws small cases whose logits tie often.
func outputs(t *rapid.T) listed {
	o := metric.Outputs{
		Rows:    rapid.IntRange(1, 25).Draw(t, "rows"),
		Classes: rapid.IntRange(1, 5).Draw(t, "classes"),
		Kind:    rapid.SampledFrom(task.Classification()).Draw(t, "kind"),
	}
	label := rapid.Map(rapid.IntRange(0, o.Classes-1), func(c int) float32 { return float32(c) })
	n := o.Rows
	if o.Kind == task.MultiLabel {
		label, n = rapid.Map(rapid.IntRange(0, 1), func(c int) float32 { return float32(c) }), n*o.Classes
	}
	labels := rapid.SliceOfN(label, n, n).Draw(t, "labels")
	logit := rapid.Map(rapid.IntRange(-6, 6), func(z int) float32 { return float32(z) / 2 })
	o.Logits = rapid.SliceOfN(logit, o.Rows*o.Classes, o.Rows*o.Classes).Draw(t, "logits")
	return list(o, labels...)
}

// has tells whether row r has label c.
func has(o listed, r, c int) bool {
	if o.Kind == task.MultiLabel {
		return o.labels[r*o.Classes+c] == 1
	}
	return int(o.labels[r]) == c
}

// probability is softmax or sigmoid, written down plainly.
func probability(o listed, r, c int) float64 {
	z := func(c int) float64 { return float64(o.Logits[r*o.Classes+c]) }
	if o.Kind == task.MultiLabel {
		return 1 / (1 + math.Exp(-z(c)))
	}
	sum := 0.0
	for k := range o.Classes {
		sum += math.Exp(z(k) - z(c))
	}
	return 1 / sum
}

func predicted(o listed, r, c int) bool {
	if o.Kind == task.MultiLabel {
		return o.Logits[r*o.Classes+c] > 0
	}
	row := o.Logits[r*o.Classes : (r+1)*o.Classes]
	return slices.Index(row, slices.Max(row)) == c
}

// naive computes every metric from its definition.
func naive(o listed) map[string]float64 {
	want := map[string]float64{}
	right, rightLabels, loss := 0, 0, 0.0
	for r := range o.Rows {
		whole := true
		for c := range o.Classes {
			p := probability(o, r, c)
			switch {
			case has(o, r, c):
				loss -= math.Log(p)
			case o.Kind == task.MultiLabel:
				loss -= math.Log(1 - p)
			}
			if has(o, r, c) == predicted(o, r, c) {
				rightLabels++
			} else {
				whole = false
			}
		}
		if whole {
			right++
		}
	}
	want["accuracy"] = float64(right) / float64(o.Rows)
	if o.Kind == task.MultiLabel {
		want[severalOnly] = float64(rightLabels) / float64(o.Rows*o.Classes)
		want["loss"] = loss / float64(o.Rows*o.Classes)
	} else {
		want["loss"] = loss / float64(o.Rows)
	}
	divide := func(a, b float64) float64 {
		if b == 0 {
			return 0
		}
		return a / b
	}
	var truePositives, predictions, supports, occurring, areas, areaSupport float64
	for c := range o.Classes {
		var tp, pp, support, pairs, ordered float64
		for r := range o.Rows {
			if predicted(o, r, c) {
				pp++
			}
			if !has(o, r, c) {
				continue
			}
			support++
			if predicted(o, r, c) {
				tp++
			}
			for other := range o.Rows {
				if has(o, other, c) {
					continue
				}
				pairs++
				// The logits are so coarse that rounding cannot be taken for a difference.
				switch d := probability(o, r, c) - probability(o, other, c); {
				case math.Abs(d) < 1e-12:
					ordered += 0.5
				case d > 0:
					ordered++
				}
			}
		}
		precision, recall, f1 := divide(tp, pp), divide(tp, support), divide(2*tp, pp+support)
		for name, v := range map[string]float64{"precision": precision, "recall": recall, "f1": f1} {
			want[name+"_macro"] += v / float64(o.Classes)
			want[name+"_weighted"] += v * support
		}
		truePositives, predictions, supports = truePositives+tp, predictions+pp, supports+support
		if support > 0 {
			occurring++
			want["balanced_accuracy"] += recall
		}
		if pairs > 0 {
			areas++
			areaSupport += support
			want["auroc_macro"] += ordered / pairs
			want["auroc_weighted"] += ordered / pairs * support
		}
	}
	for _, name := range []string{"precision", "recall", "f1"} {
		want[name+"_weighted"] = divide(want[name+"_weighted"], supports)
	}
	want["precision_micro"] = divide(truePositives, predictions)
	want["recall_micro"] = divide(truePositives, supports)
	want["f1_micro"] = divide(2*truePositives, predictions+supports)
	want["balanced_accuracy"] = divide(want["balanced_accuracy"], occurring)
	if o.Kind == task.MultiLabel {
		delete(want, "balanced_accuracy")
	}
	if areas > 0 {
		want["auroc_macro"] /= areas
		want["auroc_weighted"] /= areaSupport
	}
	return want
}

func compare(t *rapid.T, got, want map[string]float64) {
	if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
		t.Fatalf("metrics %v, want %v", g, w)
	}
	for name := range want {
		if !(math.Abs(got[name]-want[name]) < 1e-9) {
			t.Errorf("%s: got %v, want %v", name, got[name], want[name])
		}
	}
}

func TestEvaluateEqualsDefinitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := outputs(t)
		got, err := metric.Evaluate(t.Context(), o.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		want := naive(o)
		if o.Kind == task.MultiLabel {
			compare(t, got, want)
			return
		}
		// Equal probabilities of different rows may differ in the last bit, which AUROC sees and no definition foresees:
		// it is compared below, on rounded probabilities.
		exact := maps.Clone(want)
		for _, name := range []string{"auroc_macro", "auroc_weighted"} {
			if _, defined := got[name]; defined {
				exact[name] = got[name]
			}
		}
		compare(t, got, exact)
		var probabilities []float64
		for r := range o.Rows {
			for c := range o.Classes {
				probabilities = append(probabilities, math.Round(1e9*probability(o, r, c))/1e9)
			}
		}
		if got, err = metric.EvaluateProbabilities(t.Context(), probabilities, o.Outputs); err != nil {
			t.Fatal(err)
		}
		delete(got, "loss")
		delete(want, "loss")
		compare(t, got, want)
	})
}

// Softmax does not change when a constant is added to a row, and no metric may.
func TestEvaluateKeepsUnderShift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := outputs(t)
		o.Kind = task.OneLabel
		o = list(o.Outputs, make([]float32, o.Rows)...)
		want, err := metric.Evaluate(t.Context(), o.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range o.Logits {
			o.Logits[i] += 1024
		}
		got, err := metric.Evaluate(t.Context(), o.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, want) {
			t.Errorf("shifted: %v, want %v", got, want)
		}
	})
}

func TestEvaluateExtremeLogits(t *testing.T) {
	for name, o := range map[string]metric.Outputs{
		"one label":   {Rows: 2, Classes: 2, Logits: []float32{3e38, -3e38, 3e38, -3e38}, Label: metric.Listed([]float32{0, 1})},
		"multi-label": {Rows: 2, Classes: 1, Logits: []float32{3e38, 3e38}, Label: metric.Listed([]float32{1, 0}), Kind: task.MultiLabel},
	} {
		got, err := metric.Evaluate(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if got["accuracy"] != 0.5 || got["auroc_macro"] != 0.5 || !(got["loss"] > 1e38) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// An undefined metric is absent, so that it cannot select.
func TestUndefinedIsAbsent(t *testing.T) {
	got, err := metric.Evaluate(t.Context(), metric.Outputs{Rows: 2, Classes: 2, Logits: []float32{1, 0, 0, 1}, Label: metric.Listed([]float32{1, 1})})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"auroc_macro", "auroc_weighted"} {
		if v, there := got[name]; there {
			t.Errorf("%s is %v where one class only occurs", name, v)
		}
	}
	if got["accuracy"] != 0.5 || got["balanced_accuracy"] != 0.5 || got["recall_macro"] != 0.25 {
		t.Errorf("got %v", got)
	}
	got, err = metric.EvaluateProbabilities(t.Context(), []float64{0, 1}, metric.Outputs{Rows: 1, Classes: 2, Label: metric.Listed([]float32{0})})
	if _, there := got["loss"]; err != nil || there {
		t.Errorf("infinite loss: got %v, %v", got, err)
	}
}

func TestBadInput(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		o    metric.Outputs
		want string
	}{
		{metric.Outputs{}, "nothing to evaluate"},
		{metric.Outputs{Rows: 2, Classes: 3, Logits: make([]float32, 5), Label: metric.Listed(make([]float32, 2))}, "5 logits, want 2 rows × 3 classes"},
		{metric.Outputs{Rows: 1 << 62, Classes: 4, Label: metric.Listed(make([]float32, 2))}, "0 logits"},
		{metric.Outputs{Rows: 4, Classes: 1, Logits: make([]float32, 4), Label: metric.Listed(make([]float32, 3))}, "row 3 has no label: there are 3 labels"},
		{metric.Outputs{Rows: 2, Classes: 2, Logits: []float32{0, 0, 0, nan}, Label: metric.Listed(make([]float32, 2))}, "row 1, class 1: logits contain NaN"},
		{metric.Outputs{Rows: 2, Classes: 2, Logits: []float32{0, 0, inf, 0}, Label: metric.Listed(make([]float32, 2))}, "row 1, class 0: logits contain +Inf"},
		{metric.Outputs{Rows: 2, Classes: 2, Logits: make([]float32, 4), Label: metric.Listed([]float32{0, 2})}, "row 1: label 2 is out of range, want 0 to 1"},
		{metric.Outputs{Rows: 1, Classes: 2, Logits: make([]float32, 2), Label: metric.Listed([]float32{-1})}, "label -1"},
		{metric.Outputs{Rows: 1, Classes: 2, Logits: make([]float32, 2), Label: metric.Listed([]float32{0.5})}, "label 0.5"},
		{metric.Outputs{Rows: 1, Classes: 2, Logits: make([]float32, 2), Label: metric.Listed([]float32{nan})}, "label NaN"},
		{metric.Outputs{Rows: 1, Classes: 2, Logits: make([]float32, 2), Label: metric.Listed([]float32{1, 2}), Kind: task.MultiLabel}, "row 0: label 2 of class 1 is neither 0 nor 1"},
	} {
		if _, err := metric.Evaluate(t.Context(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want an error with %q", err, c.want)
		}
	}
	o := metric.Outputs{Rows: 1, Classes: 2, Label: metric.Listed([]float32{0})}
	if _, err := metric.EvaluateProbabilities(t.Context(), []float64{0.5, 1.5}, o); err == nil || !strings.Contains(err.Error(), "row 0, class 1: probability 1.5") {
		t.Errorf("got %v", err)
	}
}

func TestCheck(t *testing.T) {
	for _, kind := range task.Kinds() {
		for _, name := range metric.Names(kind) {
			if err := metric.Check(name, kind); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range []struct {
		name string
		kind task.Kind
		want []string
	}{
		{"acuracy", task.OneLabel, []string{`unknown metric "acuracy": known are accuracy, balanced_accuracy, precision_micro`, "(did you mean accuracy?)"}},
		{"balanced_accuracy", task.MultiLabel, []string{"mutually exclusive", "accuracy, hamming_accuracy"}},
		{"hamming_accuracy", task.OneLabel, []string{"counts each label", "auroc_weighted, loss"}},
	} {
		err := metric.Check(c.name, c.kind)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want an error with %q", c.name, err, want)
			}
		}
	}
}

func TestBetter(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name string
		a, b float64
		want bool
	}{
		{"accuracy", 0.6, 0.5, true}, {"accuracy", 0.5, 0.6, false}, {"accuracy", 0.5, 0.5, false},
		{"loss", 0.5, 0.6, true}, {"loss", 0.6, 0.5, false}, {"loss", 0.5, 0.5, false},
		{"f1_macro", 0, nan, true}, {"f1_macro", nan, 0, false}, {"loss", nan, nan, false}, {"loss", 9, nan, true},
	} {
		if got := metric.Better(c.name, c.a, c.b); got != c.want {
			t.Errorf("Better(%s, %v, %v) = %v", c.name, c.a, c.b, got)
		}
	}
}

// A metric of one's own is computed, listed and compared as the built-in ones are.
func TestRegister(t *testing.T) {
	metric.Register(metric.Metric{Name: "errors", Doc: "Wrong rows.", LowerIsBetter: true, Kinds: []task.Kind{task.OneLabel}, Refusal: "counts rows",
		Value: func(e *metric.Evaluation) (float64, bool) { return float64(e.Total.FalsePositive), true }})
	t.Cleanup(func() { metric.Unregister("errors") })
	got, err := metric.Evaluate(t.Context(), metric.Outputs{Rows: 3, Classes: 2, Logits: []float32{1, 0, 1, 0, 1, 0}, Label: metric.Listed([]float32{0, 1, 1})})
	if err != nil || got["errors"] != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	if !slices.Contains(metric.Names(task.OneLabel), "errors") || slices.Contains(metric.Names(task.MultiLabel), "errors") || !metric.Better("errors", 1, 2) {
		t.Error("the registered metric is not treated as declared")
	}
	defer func() {
		if recover() == nil {
			t.Error("a taken name was registered")
		}
	}()
	metric.Register(metric.Metric{Name: "accuracy", Kinds: task.Kinds(), Doc: "Another.", Value: func(*metric.Evaluation) (float64, bool) { return 0, false }})
}

// Every kind of task has metrics that are computed, one of them a loss; what is no kind is an error.
func TestKinds(t *testing.T) {
	for _, kind := range task.Kinds() {
		o := metric.Outputs{Rows: 2, Classes: 2, Kind: kind, Logits: []float32{1, -1, -1, 1}, Label: metric.Listed([]float32{0, 1, 1, 0})}
		got, err := metric.Evaluate(t.Context(), o)
		if err != nil {
			t.Errorf("%v: %v", kind, err)
		}
		names := metric.Names(kind)
		for _, name := range names {
			if _, defined := got[name]; !defined {
				t.Errorf("%v: %s is undefined", kind, name)
			}
		}
		if len(names) != len(got) || !slices.Contains(names, "loss") {
			t.Errorf("%v: metrics %v, values %v", kind, names, got)
		}
	}
	unknown := metric.Outputs{Rows: 1, Classes: 1, Kind: task.Kind(len(task.Kinds())), Logits: []float32{1}, Label: metric.Listed([]float32{0})}
	if _, err := metric.Evaluate(t.Context(), unknown); err == nil {
		t.Error("outputs of no kind are evaluated")
	}
}
