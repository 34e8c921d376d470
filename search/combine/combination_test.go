package combine_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"mixmas/search/combine"
	"mixmas/search/metric"
	"mixmas/search/task"

	"pgregory.net/rapid"
)

// probabilities are softmax or sigmoids of one row's logits, written down plainly.
func probabilities(kind task.Kind, z []float64) []float64 {
	p := make([]float64, len(z))
	sum := 0.0
	for k, x := range z {
		p[k] = 1 / (1 + math.Exp(-x))
		sum += math.Exp(x)
	}
	if kind == task.OneLabel {
		for k, x := range z {
			p[k] = math.Exp(x) / sum
		}
	}
	return p
}

// Combinations are the means that they are called.
func TestLogitsAreOfTheMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(task.Kinds()).Draw(t, "kind")
		mean := rapid.SampledFrom([]combine.Mean{combine.Probabilities, combine.LogProbabilities}).Draw(t, "mean")
		rows, classes, n := rapid.IntRange(1, 4).Draw(t, "rows"), rapid.IntRange(1, 4).Draw(t, "classes"), rapid.IntRange(1, 4).Draw(t, "members")
		var members []combine.Member
		var logits [][]float32
		total := 0.0
		for range n {
			m := combine.Member{Weight: rapid.Float64Range(0.1, 3).Draw(t, "weight"), Temperature: rapid.Float64Range(0.1, 10).Draw(t, "temperature")}
			total += m.Weight
			members = append(members, m)
			logits = append(logits, rapid.SliceOfN(rapid.Float32Range(-5, 5), rows*classes, rows*classes).Draw(t, "logits"))
		}
		got := combine.Logits(kind, classes, mean, members, logits)
		for row := range rows {
			want := make([]float64, classes)
			for i, m := range members {
				z := make([]float64, classes)
				for k := range z {
					z[k] = float64(logits[i][row*classes+k]) / m.Temperature
				}
				p := probabilities(kind, z)
				for k := range want {
					switch {
					case mean == combine.Probabilities:
						want[k] += m.Weight / total * p[k]
					case kind == task.MultiLabel:
						want[k] += m.Weight / total * z[k]
					default:
						want[k] += m.Weight / total * math.Log(p[k])
					}
				}
			}
			if mean == combine.LogProbabilities {
				want = probabilities(kind, want)
			}
			z := make([]float64, classes)
			for k := range z {
				z[k] = float64(got[row*classes+k])
			}
			for k, p := range probabilities(kind, z) {
				if math.Abs(p-want[k]) > 1e-6 {
					t.Fatalf("%v, %s: row %d, class %d: probability %v, want %v", kind, mean, row, k, p, want[k])
				}
			}
		}
	})
}

// Whatever the logits, what is combined is finite, and a lone member keeps its order.
func TestLogitsAreFinite(t *testing.T) {
	huge := float32(math.MaxFloat32)
	for _, kind := range task.Kinds() {
		for _, mean := range []combine.Mean{combine.Probabilities, combine.LogProbabilities} {
			for _, temperature := range []float64{1e-6, 1, 1e6} {
				z := []float32{huge, -huge, 0, 300, -300, 1e-30}
				got := combine.Logits(kind, 6, mean, []combine.Member{{Weight: 1e-6, Temperature: temperature}, {Weight: 1e6, Temperature: 1}}, [][]float32{z, z})
				if slices.ContainsFunc(got, func(x float32) bool { return x-x != 0 }) || slices.Max(got) != got[0] {
					t.Errorf("%v, %s, temperature %v: %v", kind, mean, temperature, got)
				}
			}
		}
	}
}

// Logits of a known temperature are found to have it, and none of hopeless ones is outside the bounds.
func TestTemperatureIsFound(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	for _, kind := range task.Kinds() {
		for _, want := range []float64{0.25, 1, 3} {
			const rows, classes = 4000, 3
			logits, labels := make([]float32, rows*classes), make([]float32, 0, rows*classes)
			for row := range rows {
				z := make([]float64, classes)
				for k := range z {
					z[k] = 2 * random.NormFloat64()
					logits[row*classes+k] = float32(z[k] * want)
				}
				p, u := probabilities(kind, z), random.Float64()
				if kind == task.MultiLabel {
					for _, x := range p {
						label := float32(0)
						if random.Float64() < x {
							label = 1
						}
						labels = append(labels, label)
					}
					continue
				}
				class := 0
				for ; class < classes-1 && u > p[class]; class++ {
					u -= p[class]
				}
				labels = append(labels, float32(class))
			}
			p := combine.Pool{Kind: kind, Classes: classes, Rows: rows, Label: metric.Listed(labels), Logits: [][]float32{logits}}
			got, err := combine.Temperature(t.Context(), p, 0, allOf(rows))
			if err != nil || math.Abs(math.Log(got/want)) > 0.1 {
				t.Errorf("%v: temperature %v, %v, want about %v", kind, got, err, want)
			}
		}
	}
	// Of two rows that are right the label counts as 9/10, which is the sigmoid of log(9): the temperature is 1/log(9).
	right, wrong := []float32{1, 0, 0, 1}, []float32{-1, 0, 0, -1}
	for _, c := range []struct {
		logits []float32
		rows   []int
		want   float64
	}{{right, []int{0, 1}, 1 / math.Log(9)}, {wrong, []int{0, 1}, 20}, {make([]float32, 4), []int{0, 1}, 1}, {right, nil, 1}} {
		p := combine.Pool{Classes: 2, Rows: 2, Label: metric.Listed([]float32{0, 1}), Logits: [][]float32{c.logits}}
		if got, err := combine.Temperature(t.Context(), p, 0, c.rows); err != nil || math.Abs(got/c.want-1) > 1e-3 {
			t.Errorf("%v: temperature %v, %v, want %v", c.logits, got, err, c.want)
		}
	}
}

// Logits that are right on every row are not made sure beyond what so many rows can tell: new rows with errors have no great loss.
func TestTemperatureOfSeparatedRows(t *testing.T) {
	for _, kind := range task.Kinds() {
		for _, rows := range []int{20, 200} {
			p := pool(rows, 4, 1, 0, kind, 1)
			temperature, err := combine.Temperature(t.Context(), p, 0, allOf(rows))
			if err != nil {
				t.Fatal(err)
			}
			scaled := make([]float32, len(p.Logits[0]))
			for i, z := range p.Logits[0] {
				scaled[i] = z / float32(temperature)
			}
			right := score(t, p, "loss", scaled, nil) // of each row
			if perRow := 1 / float64(2*rows+1); right < perRow/4 || right > 4*perRow {
				t.Errorf("%v, %d rows: loss %v at temperature %v, want about %v", kind, rows, right, temperature, perRow)
			}
		}
	}
}

// allOf are so many rows.
func allOf(rows int) []int {
	list := make([]int, rows)
	for i := range list {
		list[i] = i
	}
	return list
}

// Halves hold each row once and each class alike; groups stay whole; a seed gives the same halves, another one others.
func TestHalves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(task.Kinds()).Draw(t, "kind")
		rows := rapid.IntRange(2, 60).Draw(t, "rows")
		p := pool(rows, 3, 1, 1, kind, rapid.Uint64Range(0, 99).Draw(t, "labels"))
		var groups []uint64
		if rapid.Bool().Draw(t, "grouped") {
			for range rows {
				groups = append(groups, rapid.Uint64Range(0, 5).Draw(t, "group"))
			}
		}
		p.Groups = groups
		a, b, err := p.Halves(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		again, _, _ := p.Halves(context.Background(), 1)
		both := slices.Concat(a, b)
		slices.Sort(both)
		for i, row := range both {
			if i != row {
				t.Fatalf("the halves %v and %v", a, b)
			}
		}
		if len(both) != rows || len(a) == 0 || len(b) == 0 || !slices.Equal(a, again) || !slices.IsSorted(a) || !slices.IsSorted(b) {
			t.Fatalf("the halves %v and %v of %d rows", a, b, rows)
		}
		if groups != nil && slices.Max(groups) != slices.Min(groups) {
			for _, row := range a {
				if slices.ContainsFunc(b, func(other int) bool { return groups[other] == groups[row] }) {
					t.Fatalf("group %d is in both halves", groups[row])
				}
			}
			return
		}
		counts := [2][3]int{}
		for h, part := range [][]int{a, b} {
			for _, row := range part {
				label := make([]float32, task.Width(kind, 3))
				_ = p.Label(row, label)
				if kind == task.OneLabel {
					counts[h][int(label[0])]++
				}
			}
		}
		for k := range 3 {
			if d := counts[0][k] - counts[1][k]; d < -1 || d > 1 {
				t.Errorf("class %d is in the halves %d and %d times", k, counts[0][k], counts[1][k])
			}
		}
	})
	p := pool(40, 2, 1, 1, task.OneLabel, 1)
	a, _, _ := p.Halves(context.Background(), 1)
	if b, _, _ := p.Halves(context.Background(), 2); slices.Equal(a, b) {
		t.Error("two seeds give the same halves")
	}
}

// Thresholds undo a shift; the loss, which does not depend on them, has none.
func TestThresholdsUndoAShift(t *testing.T) {
	for _, kind := range task.Kinds() {
		p := pool(300, 3, 1, 1, kind, 9)
		name := map[task.Kind]string{task.OneLabel: "balanced_accuracy", task.MultiLabel: "f1_macro"}[kind]
		fit := func(logits []float32) []float64 {
			p.Logits = [][]float32{logits}
			thresholds, err := combine.Thresholds(t.Context(), p, 0, name)
			if err != nil {
				t.Fatal(err)
			}
			return thresholds
		}
		shifted := slices.Clone(p.Logits[0])
		for i := range shifted {
			if i%3 == 1 {
				shifted[i] -= 4
			}
		}
		thresholds := fit(shifted)
		if plain, fitted := score(t, p, name, shifted, nil), score(t, p, name, shifted, thresholds); thresholds == nil || fitted < plain+0.1 {
			t.Errorf("%v: %v without, %v with thresholds %v", kind, plain, fitted, thresholds)
		}
		if thresholds, err := combine.Thresholds(t.Context(), p, 0, "loss"); thresholds != nil || err != nil {
			t.Errorf("%v: the loss has thresholds %v, %v", kind, thresholds, err)
		}
	}
}
