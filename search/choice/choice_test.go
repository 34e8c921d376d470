package choice

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/search/packed"
)

// recorded makes runs from right or wrong by candidate, repeat and row.
func recorded(right [][][]bool) Runs {
	r := Runs{Rows: len(right[0][0])}
	for _, candidate := range right {
		var scores []float64
		var predictions []packed.Bits
		for _, run := range candidate {
			bits := packed.NewBits(len(run))
			for row, ok := range run {
				if ok {
					bits.Set(row)
				}
			}
			scores = append(scores, float64(bits.Count())/float64(len(run)))
			predictions = append(predictions, bits)
		}
		r.Scores, r.Right = append(r.Scores, scores), append(r.Right, predictions)
	}
	return r
}

// drawn makes C×R runs in which candidate c is right with probability level[c], with a seed's and a row's share in it.
func drawn(seed uint64, level []float64, repeats, rows int) [][][]bool {
	rng := rand.New(rand.NewPCG(seed, 0))
	hard := make([]float64, rows)
	for v := range hard {
		hard[v] = 0.3 * rng.NormFloat64()
	}
	right := make([][][]bool, len(level))
	for c := range level {
		for range repeats {
			run, luck := make([]bool, rows), 0.05*rng.NormFloat64()
			for v := range run {
				run[v] = rng.Float64()+hard[v]+luck < level[c]
			}
			right[c] = append(right[c], run)
		}
	}
	return right
}

// constant has the same run for each candidate in all repeats.
func constant(repeats, rows int, levels ...int) [][][]bool {
	var right [][][]bool
	for _, ok := range levels {
		run := make([]bool, rows)
		for v := range ok {
			run[v] = true
		}
		var candidate [][]bool
		for range repeats {
			candidate = append(candidate, run)
		}
		right = append(right, candidate)
	}
	return right
}

// The rule as its formulas are written, on numbers instead of bits.
func reference(right [][][]bool, a, b int) (ms, variance, f float64) {
	c, r, v := float64(len(right)), float64(len(right[0])), float64(len(right[0][0]))
	x := func(c, r, v int) float64 {
		if right[c][r][v] {
			return 1
		}
		return 0
	}
	score := func(c, r int) (sum float64) {
		for row := range right[c][r] {
			sum += x(c, r, row) / v
		}
		return sum
	}
	all, byRepeat, byCandidate := 0.0, make([]float64, len(right[0])), make([]float64, len(right))
	for i := range right {
		for j := range right[i] {
			byRepeat[j] += score(i, j) / c
			byCandidate[i] += score(i, j) / r
			all += score(i, j) / c / r
		}
	}
	f = (c - 1) * (r - 1)
	for i := range right {
		for j := range right[i] {
			rest := score(i, j) - byCandidate[i] - byRepeat[j] + all
			ms += rest * rest / f
		}
	}
	rows, repeats, mean := make([]float64, int(v)), make([]float64, int(r)), 0.0
	for j := range repeats {
		for row := range rows {
			d := x(a, j, row) - x(b, j, row)
			rows[row] += d / r
			repeats[j] += d / v
			mean += d / r / v
		}
	}
	e, between := 0.0, 0.0
	for row := range rows {
		between += (rows[row] - mean) * (rows[row] - mean) / (v - 1)
		for j := range repeats {
			rest := x(a, j, row) - x(b, j, row) - rows[row] - repeats[j] + mean
			e += rest * rest / (r - 1) / (v - 1)
		}
	}
	if ms < 1e-30 { // only rounding: then the rows that differ between repeats count
		return 0, max(e/(r*v), between/v), f
	}
	return ms, 2*ms/r + max(0, between/v-e/(r*v)), f
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

// Bits give what the formulas give.
func TestRuleIsItsFormulas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		candidates, repeats, rows := rapid.IntRange(2, 5).Draw(t, "C"), rapid.IntRange(2, 5).Draw(t, "R"), rapid.IntRange(30, 200).Draw(t, "V")
		levels := make([]float64, candidates)
		for c := range levels {
			levels[c] = rapid.Float64Range(0.3, 0.9).Draw(t, "level")
		}
		right := drawn(rapid.Uint64().Draw(t, "seed"), levels, repeats, rows)
		s, err := Compare(recorded(right))
		if err != nil {
			t.Fatal(err)
		}
		for a := range candidates {
			for b := range a {
				ms, variance, f := reference(right, a, b)
				d := s.difference(a, b)
				degrees := variance * variance * f / (2 * ms / float64(repeats)) / (2 * ms / float64(repeats))
				if floor := 1 / float64(rows); math.Sqrt(variance) < floor {
					variance = floor * floor
				}
				if ms == 0 {
					degrees = math.Inf(1)
				}
				if !near(s.ms, ms) || !near(d.err, math.Sqrt(variance)) || !near(min(d.degrees, 1e9), min(1e9, max(1, degrees))) {
					t.Fatalf("MS %v, SE %v, df %v; want %v, %v, %v", s.ms, d.err, d.degrees, ms, math.Sqrt(variance), degrees)
				}
			}
		}
	})
}

func TestStudentQuantile(t *testing.T) {
	for _, c := range []struct{ p, degrees, want float64 }{
		{0.975, 1, 12.706205}, {0.975, 2, 4.302653}, {0.975, 10, 2.228139}, {0.95, 1, 6.313752}, {0.95, 4, 2.131847},
		{0.975, 20, 2.0859634}, {0.975, 50, 2.0085591}, {0.99, 60, 2.3901194}, {0.975, 1e5, 1.959988}, {0.975, 2e6, 1.959964}, {0.975, math.Inf(1), 1.959964}, {1 - 5e-6, 1, 63661.977},
	} {
		if got := studentQuantile(c.p, c.degrees); math.Abs(got-c.want) > 1e-5*c.want {
			t.Errorf("t(%v, %v) is %v, want %v", c.p, c.degrees, got, c.want)
		}
	}
}

func TestWilson(t *testing.T) {
	for _, c := range []struct {
		p         float64
		n         int
		low, high float64
	}{{1, 20, 0.8389, 1}, {0, 20, 0, 0.1611}, {0.5, 10, 0.2366, 0.7634}, {0.9, 300, 0.8608, 0.9291}, {0.3, 0, 0, 1}} {
		low, high := Wilson(c.p, c.n)
		if math.Abs(low-c.low) > 1e-4 || math.Abs(high-c.high) > 1e-4 {
			t.Errorf("Wilson(%v, %d) is [%.4f, %.4f], want [%.4f, %.4f]", c.p, c.n, low, high, c.low, c.high)
		}
	}
}

func TestWords(t *testing.T) {
	nan := math.NaN()
	unlucky := recorded(constant(3, 100, 50, 40))
	unlucky.Scores[0][1], unlucky.Right[0][1] = nan, nil
	failed := recorded(constant(3, 100, 50, 40, 30))
	failed.Scores[0] = []float64{nan, nan, nan}
	losses := Runs{Rows: 50, LowerIsBetter: true, Scores: [][]float64{{0.5, 0.7}, {0.2, 0.3}},
		Draws: [][][]float64{{{0.5, 0.4, 0.6}, {0.6, 0.6, 0.7}}, {{0.2, 0.3, 0.1}, {0.3, 0.2, 0.4}}}}
	for _, c := range []struct {
		name   string
		runs   Runs
		leader int
		ties   string
		want   string
	}{
		{"one candidate", recorded(constant(3, 50, 20)), 0, "t", "the only candidate"},
		{"one run each", recorded(constant(1, 50, 20, 40)), 1, "tt", "one run each: another initialisation may change this order; not tested"},
		{"all right", recorded(constant(3, 50, 50, 50)), 0, "tt",
			"not decided: 2 of 2 cannot be told apart; the chosen one is at most 3.3 points below the best (95%); differences below 5.6 points would rarely show"},
		{"all right, none right", recorded(constant(2, 50, 0, 50)), 1, "-t", "ahead of all others (95%)"},
		{"one row more", recorded(constant(5, 50, 30, 31)), 1, "tt", "not decided: 2 of 2"},
		{"one row", recorded(constant(3, 1, 0, 1)), 1, "tt", "not tested: fewer than two rows"},
		{"a failed run", unlucky, 0, "t-", "ahead of all others (95%)"},
		{"a failed candidate", failed, 1, "-t-", "ahead of all others (95%)"},
		{"no outputs", Runs{Rows: 50, Scores: [][]float64{{0.1, 0.2}, {0.3, 0.4}}}, 1, "tt", "not tested: the outputs of the runs are missing"},
		{"too few", Runs{Rows: 50, Scores: [][]float64{{0.1, 0.2}, {0.3, nan}}}, 1, "tt", "too few finished runs to compare; not tested"},
		{"no repeat in common", Runs{Rows: 50, Scores: [][]float64{{0.1, 0.2, nan, nan}, {nan, nan, 0.3, 0.4}, {0.1, 0.3, 0.2, 0.3}},
			Draws: [][][]float64{{{1, 2}, {1, 3}, nil, nil}, {nil, nil, {1, 2}, {2, 1}}, {{1, 2}, {2, 1}, {1, 1}, {2, 3}}}}, 1, "ttt", "at most an unknown amount below the best"},
		{"loss", losses, 1, "-t", "ahead of all others (95%)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Compare(c.runs)
			if err != nil {
				t.Fatal(err)
			}
			ties := ""
			for _, tie := range s.Ties {
				ties += map[bool]string{true: "t", false: "-"}[tie]
			}
			if s.Leader != c.leader || ties != c.ties || !strings.Contains(s.Text("loss"), c.want) {
				t.Errorf("leader %d, ties %s, %q (bound %v, SE %v); want %d, %s, %q", s.Leader, ties, s.Text("loss"), s.Bound, s.Error, c.leader, c.ties, c.want)
			}
		})
	}
}

// Of a chosen candidate that is behind the best, the words do not say that it is ahead.
func TestWordsOfAWorseChoice(t *testing.T) {
	s, err := Compare(recorded(constant(3, 500, 250, 100)))
	if err != nil {
		t.Fatal(err)
	}
	if want := "ahead of all others (95%)"; s.Text("") != want {
		t.Errorf("%q, want %q", s.Text(""), want)
	}
	s.Choose(1)
	if got, want := s.Text(""), "the chosen one is behind the best (95%), by "; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestErrors(t *testing.T) {
	nan := math.NaN()
	good := func() Runs { return recorded(constant(2, 70, 20, 30)) }
	for _, c := range []struct {
		name   string
		change func(r *Runs)
		want   string
	}{
		{"nothing", func(r *Runs) { *r = Runs{} }, "0 candidates"},
		{"no repeat", func(r *Runs) { r.Scores = [][]float64{{}} }, "at least 1 repeat"},
		{"ragged", func(r *Runs) { r.Scores[1] = r.Scores[1][:1] }, "candidate 1 has 1 repeats, want 2"},
		{"infinite", func(r *Runs) { r.Scores[1][0] = math.Inf(1) }, "candidate 1, repeat 1: its score is +Inf"},
		{"no score", func(r *Runs) { r.Scores = [][]float64{{nan}, {nan}} }, "no run has a score"},
		{"no predictions", func(r *Runs) { r.Right[1][1] = nil }, "candidate 1, repeat 2: it has 0 words of predictions, want 2 for 70 rows"},
		{"beyond the rows", func(r *Runs) { r.Right[0][0][1] = 1 << 63 }, "candidate 0, repeat 1"},
		{"draws", func(r *Runs) { r.Right = nil; r.Draws = [][][]float64{{{1, 2}, {1}}, {{1, 2}, {1, 2}}} }, "1 bootstrap values, want 2"},
		{"fewer", func(r *Runs) { r.Right = nil; r.Draws = [][][]float64{{{1, 2}, {1, 2}}} }, "candidate 1, repeat 1: it has no bootstrap values"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := good()
			c.change(&r)
			if _, err := Compare(r); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// The cheapest within a standard error and a point wins, whatever ties.
func TestClose(t *testing.T) {
	r := Runs{Rows: 1000, Share: true, Scores: [][]float64{{0.900}, {0.895}, {0.885}, {0.6}}, Draws: make([][][]float64, 4)}
	for c := range r.Draws {
		for _, shift := range []float64{-0.01, 0, 0.01} {
			if len(r.Draws[c]) == 0 {
				r.Draws[c] = make([][]float64, 1)
			}
			r.Draws[c][0] = append(r.Draws[c][0], r.Scores[c][0]+shift*float64(c))
		}
	}
	for _, c := range []struct {
		cost []float64
		want int
	}{
		{[]float64{10, 5, 1, 1}, 1},
		{[]float64{10, 10, 1, 1}, 0},
		{[]float64{5, 10, 1, 1}, 0},
		{[]float64{math.NaN(), 10, 1, 1}, 1},
		{[]float64{10, math.NaN(), 1, 1}, 0},
	} {
		s, err := Compare(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Close(c.cost); got != c.want {
			t.Errorf("cost %v: candidate %d, want %d", c.cost, got, c.want)
		}
	}
}

// A missing run changes nothing but what it was about: the rule with a candidate that has no score is the rule without it.
func TestFailedCandidateDoesNotCount(t *testing.T) {
	right := drawn(1, []float64{0.5, 0.6, 0.55}, 4, 100)
	want, err := Compare(recorded(right[:2]))
	if err != nil {
		t.Fatal(err)
	}
	r := recorded(right)
	for i := range r.Scores[2] {
		r.Scores[2][i], r.Right[2][i] = math.NaN(), nil
	}
	got, err := Compare(r)
	if err != nil {
		t.Fatal(err)
	}
	if got.Bound != want.Bound || got.Error != want.Error || got.Leader != want.Leader || got.Text("") != want.Text("") {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !math.IsNaN(got.Mean[2]) || !math.IsNaN(got.Low[2]) || got.Ties[2] {
		t.Errorf("the failed candidate has %v from %v, tie %t", got.Mean[2], got.Low[2], got.Ties[2])
	}
}

// Pairs give the same mean square as the table.
func TestMeanSquareByPairs(t *testing.T) {
	r := recorded(drawn(2, []float64{0.5, 0.6, 0.55, 0.4}, 5, 80))
	want, err := Compare(r)
	if err != nil {
		t.Fatal(err)
	}
	for c := range r.Scores { // a repeat that nobody has
		r.Scores[c] = append(r.Scores[c], math.NaN())
		r.Right[c] = append(r.Right[c], nil)
	}
	got, err := Compare(r)
	if err != nil {
		t.Fatal(err)
	}
	if !near(got.ms, want.ms) || got.f != want.f || !near(got.Bound, want.Bound) {
		t.Errorf("MS %v (%v), bound %v; want %v (%v), %v", got.ms, got.f, got.Bound, want.ms, want.f, want.Bound)
	}
}

// The bootstrap of the accuracy estimates what the bits give.
func TestBootstrapAgreesWithBits(t *testing.T) {
	const rows, draws = 300, 4000
	right := drawn(3, []float64{0.5, 0.6, 0.55}, 3, rows)
	r := recorded(right)
	want, err := Compare(r)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 0))
	r.Draws = make([][][]float64, len(right))
	for c := range right {
		r.Draws[c] = make([][]float64, len(right[c]))
	}
	for range draws {
		counts := make([]float64, rows)
		for range rows {
			counts[rng.IntN(rows)]++
		}
		for c := range right {
			for i, run := range right[c] {
				sum := 0.0
				for v, ok := range run {
					if ok {
						sum += counts[v]
					}
				}
				r.Draws[c][i] = append(r.Draws[c][i], sum/rows)
			}
		}
	}
	r.Right, r.Share = nil, true
	got, err := Compare(r)
	if err != nil {
		t.Fatal(err)
	}
	for a := range right {
		if math.Abs(got.Low[a]-want.Low[a]) > 0.005 || math.Abs(got.High[a]-want.High[a]) > 0.005 {
			t.Errorf("interval [%v, %v], want [%v, %v]", got.Low[a], got.High[a], want.Low[a], want.High[a])
		}
		for b := range a {
			if x, y := got.difference(a, b), want.difference(a, b); math.Abs(x.err/y.err-1) > 0.05 {
				t.Errorf("SE %v, want %v", x.err, y.err)
			}
		}
	}
}

// Whatever the runs, intervals hold their means and shares stay shares.
func TestIntervalsHoldTheirMeans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		candidates, repeats, rows := rapid.IntRange(1, 4).Draw(t, "C"), rapid.IntRange(1, 4).Draw(t, "R"), rapid.IntRange(1, 100).Draw(t, "V")
		right := make([][][]bool, candidates)
		for c := range right {
			for range repeats {
				right[c] = append(right[c], rapid.SliceOfN(rapid.Bool(), rows, rows).Draw(t, "run"))
			}
		}
		r := recorded(right)
		for c := range right {
			for i := range right[c] {
				if rapid.IntRange(0, 9).Draw(t, "fails") == 0 {
					r.Scores[c][i], r.Right[c][i] = math.NaN(), nil
				}
			}
		}
		s, err := Compare(r)
		if err != nil {
			if strings.Contains(err.Error(), "no run has a score") {
				return
			}
			t.Fatal(err)
		}
		for c, mean := range s.Mean {
			if !math.IsNaN(mean) && !(0 <= s.Low[c] && s.Low[c] <= mean && mean <= s.High[c] && s.High[c] <= 1 && s.Low[c] < s.High[c]) {
				t.Fatalf("candidate %d: %v in [%v, %v]", c, mean, s.Low[c], s.High[c])
			}
		}
		cost := make([]float64, candidates)
		for i := range cost {
			cost[i] = rapid.Float64().Draw(t, "cost")
		}
		s.Choose(s.Close(cost))
		if !(s.Bound >= 0 && s.Bound <= 1) || math.IsNaN(s.Error) || !s.Ties[s.Leader] || s.Text("accuracy") == "" {
			t.Fatalf("%+v", s)
		}
	})
}

// BenchmarkCompare compares 12 candidates in 5 repeats on 500 rows.
func BenchmarkCompare(b *testing.B) {
	levels := make([]float64, 12)
	for i := range levels {
		levels[i] = 0.5
	}
	r := recorded(drawn(1, levels, 5, 500))
	for b.Loop() {
		if _, err := Compare(r); err != nil {
			b.Fatal(err)
		}
	}
}
