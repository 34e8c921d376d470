package study

import (
	"math"
	"strings"
	"testing"

	"mixmas/search/packed"
)

// firstRows are bits of which the first n are true.
func firstRows(rows, n int) packed.Bits {
	b := packed.NewBits(rows)
	for i := range n {
		b.Set(i)
	}
	return b
}

// Two candidates: a is better on the test rows, and looks better in two of three repeats; b costs a tenth.
func TestEvidence(t *testing.T) {
	const rows = 100
	r := &Recording{Validation: rows, Test: rows}
	add := func(candidate string, repeat int, flops float64, test int, epochs ...int) {
		run := Run{Description: Description{"s", candidate, repeat, 0, flops}, Test: firstRows(rows, test)}
		for _, n := range epochs {
			run.Right = append(run.Right, firstRows(rows, n))
		}
		r.Runs = append(r.Runs, run)
	}
	for repeat, last := range []int{60, 62, 40} {
		add("a", repeat, 10, 80, 70, last)
		add("b", repeat, 1, 70, 50)
	}
	list, err := r.Evidence(t.Context(), Layout{})
	if err != nil {
		t.Fatal(err)
	}
	e := list[0]
	for _, x := range []struct {
		what      string
		got, want float64
	}{
		{"spread", e.Spread, 0.1}, {"chance", e.Chance, 0.5},
		{"right with 1 run", e.Best[0].Right, 2. / 3}, {"regret", e.Best[0].Regret, 0.1 / 3},
		{"right with 3", e.Best[1].Right, 1}, {"regret", e.Best[1].Regret, 0}, {"with 5", e.Best[2].Right, math.NaN()},
		{"close", e.Close.Regret, 0}, {"its cost", e.Close.Cost, 1},
		{"tied", e.Tied.Regret, 0.1}, {"its cost", e.Tied.Cost, 0.1},
		{"best epoch", e.BestEpoch, (0.1 + 0.08 + 0.3) / 6},
		{"optimism", e.Optimism, 0},
		{"different", e.Different, 2. / 6}, // 60 and 62 right against 40, three pairs of each candidate
	} {
		if math.Abs(x.got-x.want) > 1e-9 && !(math.IsNaN(x.got) && math.IsNaN(x.want)) {
			t.Errorf("%s is %v, want %v", x.what, x.got, x.want)
		}
	}
	if e.Candidates != 2 || e.Trainings != 3 {
		t.Errorf("%d candidates, %d trainings", e.Candidates, e.Trainings)
	}
	var b strings.Builder
	if err := WriteMarkdown(&b, []Subject{{Name: "small", Evidence: list}}); err != nil {
		t.Fatal(err)
	}
	if line := "| small, s | 2 | 3 | 10.0 | 50 | 67 | 100 | – | 3.33 | 0.00 | – | 0.00 | 1.00 | 10.00 | 0.10 |"; !strings.Contains(b.String(), line) {
		t.Errorf("no line %q in\n%s", line, b.String())
	}
}

// The headline: single-run winners are the best encoder in under half of the stages, and the best fusion or network by chance.
func TestSingleRunWinners(t *testing.T) {
	encoders, others, n := 0.0, 0.0, 0.0
	for _, name := range []string{"builtin", "har"} {
		list, err := open(t, name).Evidence(t.Context(), layout)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if strings.HasPrefix(e.Stage, "enc/") {
				encoders += e.Best[0].Right
			} else {
				others += e.Best[0].Right
			}
			n += 0.5
		}
	}
	if encoders /= n; math.Abs(encoders-0.44) > 0.005 {
		t.Errorf("single-run winners are the best encoder in %.3f of the choices, want 0.44", encoders)
	}
	if others /= n; math.Abs(others-0.275) > 0.005 {
		t.Errorf("single-run winners are the best of the others in %.3f of the choices, want 0.275", others)
	}
}

// Of many repeats some sets are looked at.
func TestSubsetsAreBounded(t *testing.T) {
	s := Stage{}
	for repeat := range 60 {
		s.Keys = append(s.Keys, Key{repeat, repeat % 2})
	}
	if n := len(s.subsets(5)); n != 2*mostSubsets {
		t.Errorf("%d sets, want %d", n, 2*mostSubsets)
	}
	if n := len(s.subsets(1)); n != 60 {
		t.Errorf("%d sets of one, want 60", n)
	}
}
