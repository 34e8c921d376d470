package assess_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"mixmas/search/assess"
	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/task"
)

// outputs are made-up outputs of a model.
type outputs struct {
	metric.Outputs
	labels []float32
	names  []string
	ranks  []float64 // rows × classes
}

// drawn are outputs of few different logits, so that many tie, of which some classes may have no rows.
func drawn(t *rapid.T) outputs {
	kind := rapid.SampledFrom(task.Kinds()).Draw(t, "kind")
	classes, rows := rapid.IntRange(2, 5).Draw(t, "classes"), rapid.IntRange(1, 40).Draw(t, "rows")
	o := made(kind, classes, rows, rapid.Uint64().Draw(t, "seed"), rapid.SampledFrom([]float64{1, 4, 1000}).Draw(t, "levels"))
	if rapid.Bool().Draw(t, "thresholds") {
		o.Thresholds = make([]float64, classes)
		for k := range o.Thresholds {
			o.Thresholds[k] = float64(rapid.IntRange(-4, 4).Draw(t, "threshold")) / 4
		}
	}
	for i := range rows * classes {
		o.ranks = append(o.ranks, o.rankOf(i/classes, i%classes))
	}
	return o
}

func made(kind task.Kind, classes, rows int, seed uint64, levels float64) outputs {
	rng := rand.New(rand.NewPCG(seed, 1))
	o := outputs{Outputs: metric.Outputs{Rows: rows, Classes: classes, Kind: kind}}
	for range rows {
		if kind == task.OneLabel {
			o.labels = append(o.labels, float32(rng.IntN(1+rng.IntN(classes))))
		} else {
			for range classes {
				o.labels = append(o.labels, float32(rng.IntN(2)))
			}
		}
	}
	for range rows * classes {
		o.Logits = append(o.Logits, float32(math.Round(rng.NormFloat64()*levels)/levels))
	}
	o.Label = metric.Listed(o.labels)
	for k := range classes {
		o.names = append(o.names, fmt.Sprint("class ", k))
	}
	return o
}

// has reports whether a row has a class.
func (o outputs) has(row, class int) bool {
	if o.Kind == task.OneLabel {
		return int(o.labels[row]) == class
	}
	return o.labels[row*o.Classes+class] == 1
}

// probability is that of a class of a row.
func (o outputs) probability(row, class int) float64 {
	z := o.Logits[row*o.Classes:][:o.Classes]
	if o.Kind == task.MultiLabel {
		return 1 / (1 + math.Exp(-float64(z[class])))
	}
	sum := 0.0
	for _, x := range z {
		sum += math.Exp(float64(x) - float64(z[class]))
	}
	return 1 / sum
}

// predicts reports whether a row is predicted to have a class.
func (o outputs) predicts(row, class int) bool {
	above := func(k int) float64 {
		z := float64(o.Logits[row*o.Classes+k])
		if o.Thresholds != nil {
			z -= o.Thresholds[k]
		}
		return z
	}
	if o.Kind == task.MultiLabel {
		return above(class) > 0
	}
	for k := range o.Classes {
		if above(k) > above(class) || above(k) == above(class) && k < class {
			return false
		}
	}
	return true
}

func near(t rapid.TB, what string, got report.Number, want float64) {
	t.Helper()
	if g := float64(got); math.IsNaN(g) != math.IsNaN(want) || math.Abs(g-want) > 1e-9 {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// ratio is a/b, NaN for 0/0.
func ratio(a, b int) float64 { return float64(a) / float64(b) }

// The figures are those of the definitions, computed without any cleverness.
func TestFiguresAreThoseOfTheDefinitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		m, err := assess.Figures(t.Context(), o.names, o.Outputs)
		if err != nil {
			t.Fatal(err)
		}
		checkClasses(t, o, m)
		checkConfusion(t, o, m)
		checkCalibration(t, o, m)
		checkMistakes(t, o, m)
		checkCurves(t, o, m)
		if _, err := json.Marshal(m); err != nil {
			t.Error(err)
		}
	})
}

func checkClasses(t *rapid.T, o outputs, m *assess.Model) {
	if len(m.Classes) != o.Classes || m.MoreClasses != 0 {
		t.Fatalf("%d classes and %d more", len(m.Classes), m.MoreClasses)
	}
	for k, c := range m.Classes {
		support, predicted, right := 0, 0, 0
		better, pairs := 0.0, 0
		for i := range o.Rows {
			if o.has(i, k) {
				support++
			}
			if o.predicts(i, k) {
				predicted++
				if o.has(i, k) {
					right++
				}
			}
			for j := range o.Rows {
				if !o.has(i, k) || o.has(j, k) {
					continue
				}
				pairs++
				switch p, q := o.rank(i, k), o.rank(j, k); {
				case p > q:
					better++
				case p == q:
					better += 0.5
				}
			}
		}
		if c.Class != k || c.Name != o.names[k] || c.Support != support || c.Predicted != predicted || c.Right != right {
			t.Errorf("class %d: %+v, want support %d, predicted %d, right %d", k, c, support, predicted, right)
		}
		near(t, "precision", c.Precision, ratio(right, predicted))
		near(t, "recall", c.Recall, ratio(right, support))
		near(t, "F1", c.F1, ratio(2*right, support+predicted))
		near(t, "AUROC", c.AUROC, better/float64(pairs))
		near(t, "average precision", c.AveragePrecision, o.averagePrecision(k, support))
		cut := math.NaN()
		if o.Kind == task.MultiLabel {
			cut = 1 / (1 + math.Exp(-float64(c.Threshold)))
		}
		near(t, "cut", c.Cut, cut)
		if o.Thresholds != nil {
			near(t, "threshold", c.Threshold, o.Thresholds[k])
		}
	}
}

func (o outputs) rank(row, class int) float64 { return o.ranks[row*o.Classes+class] }

// rankOf is what orders the rows by a class: its probability as the model computes it, or its logit.
func (o outputs) rankOf(row, class int) float64 {
	z := o.Logits[row*o.Classes:][:o.Classes]
	if o.Kind == task.MultiLabel {
		return float64(z[class])
	}
	top, sum := float64(slices.Max(z)), 0.0
	for _, x := range z {
		sum += math.Exp(float64(x) - top)
	}
	return math.Exp(float64(z[class])-top) / sum
}

// averagePrecision is the sum over the thresholds, from the highest, of the rise of recall times precision.
func (o outputs) averagePrecision(class, support int) float64 {
	if support == 0 {
		return math.NaN()
	}
	var thresholds []float64
	for row := range o.Rows {
		thresholds = append(thresholds, o.rank(row, class))
	}
	slices.Sort(thresholds)
	sum, before := 0.0, 0.0
	for _, threshold := range slices.Backward(slices.Compact(thresholds)) {
		right, all := 0, 0
		for row := range o.Rows {
			if o.rank(row, class) >= threshold {
				all++
				if o.has(row, class) {
					right++
				}
			}
		}
		recall := ratio(right, support)
		sum += (recall - before) * ratio(right, all)
		before = recall
	}
	return sum
}

func checkConfusion(t *rapid.T, o outputs, m *assess.Model) {
	if o.Kind == task.MultiLabel {
		if m.Confusion != nil || m.Confused != nil {
			t.Error("there is a confusion matrix")
		}
		return
	}
	want := make([][]int, o.Classes)
	for k := range want {
		want[k] = make([]int, o.Classes)
		for j := range want[k] {
			for row := range o.Rows {
				if o.has(row, k) && o.predicts(row, j) {
					want[k][j]++
				}
			}
		}
	}
	if !reflect.DeepEqual(m.Confusion, want) {
		t.Errorf("confusion %v, want %v", m.Confusion, want)
	}
}

func checkCalibration(t *rapid.T, o outputs, m *assess.Model) {
	type prediction struct {
		probability float64
		right       bool
	}
	var list []prediction
	brier := 0.0
	for row := range o.Rows {
		for k := range o.Classes {
			p, truth := o.probability(row, k), 0.0
			if o.has(row, k) {
				truth = 1
			}
			brier += (p - truth) * (p - truth)
			if o.Kind == task.MultiLabel || o.predicts(row, k) {
				list = append(list, prediction{p, o.has(row, k)})
			}
		}
	}
	if brier /= float64(o.Rows); o.Kind == task.MultiLabel {
		brier /= float64(o.Classes)
	}
	near(t, "Brier score", m.Calibration.Brier, brier)
	ece, count := 0.0, 0
	for i, b := range m.Calibration.Bins {
		count += b.Count
		n, sum, right := 0, 0.0, 0
		for _, p := range list {
			if p.probability >= float64(b.Low)+1e-12 && p.probability < float64(b.High)-1e-12 || i == 9 && p.probability >= float64(b.High)-1e-12 {
				n, sum = n+1, sum+p.probability
				if p.right {
					right++
				}
			}
		}
		if n != b.Count { // a probability at the edge of a bin is in one of the two, by rounding
			return
		}
		if n == 0 {
			near(t, "share", b.Share, math.NaN())
			continue
		}
		near(t, "share", b.Share, ratio(right, n))
		near(t, "confidence", b.Confidence, sum/float64(n))
		if !(b.ShareLow <= b.Share && b.Share <= b.ShareHigh) {
			t.Errorf("the interval [%v, %v] is not around %v", b.ShareLow, b.ShareHigh, b.Share)
		}
		ece += math.Abs(float64(right)-sum) / float64(len(list))
	}
	if count != len(list) {
		t.Errorf("%d predictions in the bins, want %d", count, len(list))
	}
	near(t, "ECE", m.Calibration.ECE, ece)
}

func checkMistakes(t *rapid.T, o outputs, m *assess.Model) {
	type mistake struct {
		row  int
		sure float64
	}
	var want []mistake
	for row := range o.Rows {
		sure := -1.0
		for k := range o.Classes {
			p := o.probability(row, k)
			switch has, predicted := o.has(row, k), o.predicts(row, k); {
			case predicted && !has:
				sure = max(sure, p)
			case has && !predicted && o.Kind == task.MultiLabel:
				sure = max(sure, 1-p)
			}
		}
		if sure >= 0 {
			want = append(want, mistake{row, sure})
		}
	}
	slices.SortStableFunc(want, func(a, b mistake) int {
		switch {
		case a.sure > b.sure+1e-12:
			return -1
		case b.sure > a.sure+1e-12:
			return 1
		}
		return 0
	})
	if len(m.Mistakes) != min(len(want), 12) {
		t.Fatalf("%d mistakes, want %d of 12", len(m.Mistakes), len(want))
	}
	for i, got := range m.Mistakes {
		near(t, "probability of a mistake", got.Probability, want[i].sure)
		var is, predicted []string
		for k, name := range o.names {
			if o.has(got.Row, k) {
				is = append(is, name)
			}
			if o.predicts(got.Row, k) {
				predicted = append(predicted, name)
			}
		}
		if !slices.Equal(got.True, is) || !slices.Equal(got.Predicted, predicted) || (got.Class != "") != (o.Kind == task.MultiLabel) || slices.Equal(is, predicted) {
			t.Errorf("mistake %+v, want %v predicted as %v", got, is, predicted)
		}
	}
}

// The area below a curve is what the class says, and so is that of the mean.
func checkCurves(t *rapid.T, o outputs, m *assess.Model) {
	with := 0
	for _, c := range m.Classes {
		if !math.IsNaN(float64(c.AUROC)) {
			with++
		}
	}
	if with > 0 {
		with++
	}
	if len(m.ROC) != with || len(m.PrecisionRecall) != with {
		t.Fatalf("%d and %d curves, want %d", len(m.ROC), len(m.PrecisionRecall), with)
	}
	for i := range with {
		roc, pr := m.ROC[i], m.PrecisionRecall[i]
		trapezoids, steps := 0.0, 0.0
		for k := range roc.X[1:] {
			trapezoids += float64(roc.X[k+1]-roc.X[k]) * float64(roc.Y[k+1]+roc.Y[k]) / 2
		}
		for k := range pr.X[1:] {
			steps += float64(pr.X[k+1]-pr.X[k]) * float64(pr.Y[k+1])
		}
		tolerance := 0.003 // rounding to four decimals
		if roc.Class < 0 {
			tolerance = 0.02 // at 101 places
			if i != with-1 || pr.Class != -1 {
				t.Error("the mean is not the last curve")
			}
		} else if roc.Class != pr.Class || roc.Name != o.names[roc.Class] {
			t.Errorf("curves of %s (%d) and %s (%d)", roc.Name, roc.Class, pr.Name, pr.Class)
		}
		if math.Abs(trapezoids-float64(roc.Area)) > tolerance || math.Abs(steps-float64(pr.Area)) > tolerance {
			t.Errorf("class %d: areas %v and %v below the curves, want %v and %v", roc.Class, trapezoids, steps, roc.Area, pr.Area)
		}
		last := len(roc.X) - 1
		if roc.X[0] != 0 || roc.X[last] != 1 || roc.Y[last] != 1 || !slices.IsSorted(roc.X) || !slices.IsSorted(roc.Y) || !slices.IsSorted(pr.X) {
			t.Errorf("ROC from %v to %v, %v", roc.X[0], roc.X[last], roc.Y[last])
		}
	}
}

// Many rows have curves of 101 points, whose areas are still right.
func TestCurvesHaveFewPoints(t *testing.T) {
	o := made(task.OneLabel, 3, 20_000, 1, 1e9)
	m, err := assess.Figures(t.Context(), o.names, o.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range slices.Concat(m.ROC, m.PrecisionRecall) {
		if len(l.X) != 101 || len(l.Y) != 101 || l.Class >= 0 && len(l.Threshold) != 101 || l.Class < 0 && l.Threshold != nil {
			t.Errorf("class %d: %d points", l.Class, len(l.X))
		}
		for k := range l.X[1:] {
			gap := math.Abs(float64(l.X[k+1]-l.X[k])) + math.Abs(float64(l.Y[k+1]-l.Y[k]))
			if i < len(m.ROC)-1 && gap > 0.03 { // precision jumps
				t.Errorf("class %d: a gap of %v between two points", l.Class, gap)
			}
		}
	}
	area := 0.0
	for k := range m.ROC[0].X[1:] {
		area += float64(m.ROC[0].X[k+1]-m.ROC[0].X[k]) * float64(m.ROC[0].Y[k+1]+m.ROC[0].Y[k]) / 2
	}
	if math.Abs(area-float64(m.ROC[0].Area)) > 0.002 {
		t.Errorf("area %v, want %v", area, m.ROC[0].Area)
	}
}

// The figures have the same bits at any number of cores, and some thousand classes stay within bounds.
func TestThousandsOfClasses(t *testing.T) {
	for _, kind := range task.Kinds() {
		o := made(kind, 2000, 200, 7, 50)
		var texts []string
		before := runtime.GOMAXPROCS(1)
		for _, cores := range []int{1, 4} {
			runtime.GOMAXPROCS(cores)
			m, err := assess.Figures(t.Context(), o.names, o.Outputs)
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Classes) > 200 || kind == task.MultiLabel && len(m.Classes) != 200 || len(m.Classes)+m.MoreClasses != 2000 || len(m.ROC) != 13 || len(m.PrecisionRecall) != 13 || m.Confusion != nil || len(m.Mistakes) != 12 {
				t.Errorf("%v: %d classes, %d more, %d curves, %d mistakes", kind, len(m.Classes), m.MoreClasses, len(m.ROC), len(m.Mistakes))
			}
			if kind == task.OneLabel && (len(m.Confused) != 30 || m.Confused[0].Count < m.Confused[29].Count || !(m.Confused[0].Share > 0)) {
				t.Errorf("confused %+v", m.Confused)
			}
			text, err := json.Marshal(m)
			if err != nil || len(text) > 200_000 {
				t.Errorf("%d bytes, error %v", len(text), err)
			}
			texts = append(texts, string(text))
		}
		runtime.GOMAXPROCS(before)
		if texts[0] != texts[1] {
			t.Errorf("%v: other figures on four cores than on one", kind)
		}
	}
}

// Numbers that are undefined are null in JSON, and can be read again.
func TestUndefinedNumbersAreNull(t *testing.T) {
	o := made(task.OneLabel, 3, 5, 1, 4)
	for i := range o.labels {
		o.labels[i] = 0
	}
	m, err := assess.Figures(t.Context(), o.names, o.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(m.Classes[1])
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(text, &raw); err != nil || raw["auroc"] != nil || raw["recall"] != nil || raw["support"] != 0.0 {
		t.Errorf("%s, error %v", text, err)
	}
	var again assess.Class
	if err := json.Unmarshal(text, &again); err != nil || !math.IsNaN(float64(again.AUROC)) || again.AUROC.Text() != "–" {
		t.Errorf("AUROC %v, error %v", again.AUROC, err)
	}
	if m.ROC != nil || m.PrecisionRecall != nil {
		t.Error("there are curves of classes of which all or no rows are")
	}
}

// Rows are bounded, and so is what they take.
func TestRows(t *testing.T) {
	for _, c := range []struct{ rows, classes, want int }{{500, 10, 500}, {10_000_000, 2, 1 << 17}, {10_000_000, 1000, 1 << 25 / 1000}, {50, 1 << 30, 1}} {
		if got := assess.Rows(c.rows, c.classes); got != c.want {
			t.Errorf("%d rows of %d classes: %d are assessed, want %d", c.rows, c.classes, got, c.want)
		}
	}
}

func BenchmarkFigures(b *testing.B) {
	for _, c := range []struct{ rows, classes int }{{500, 10}, {10_000, 10}, {33_554, 1000}, {1 << 17, 2}} {
		b.Run(fmt.Sprintf("%dx%d", c.rows, c.classes), func(b *testing.B) {
			o := made(task.OneLabel, c.classes, c.rows, 1, 1e9)
			for b.Loop() {
				if _, err := assess.Figures(b.Context(), o.names, o.Outputs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
