package split_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn/options"
	"mixmas/search/dataset/split"
)

// one makes labels of one class per row.
func one(classes ...int) func(row int, dst []int) []int {
	return func(row int, dst []int) []int { return append(dst, classes[row]) }
}

// values makes the values of a column.
func values(cells ...string) *split.Values {
	v := &split.Values{}
	for _, c := range cells {
		v.Add(c)
	}
	return v
}

// hashes makes groups.
func hashes(cells ...string) (groups []uint64) {
	for _, c := range cells {
		groups = append(groups, split.Hash(c))
	}
	return groups
}

func TestSplit(t *testing.T) {
	abc := []string{"a", "a", "b", "b", "c", "c"}
	for name, test := range map[string]struct {
		options split.Options
		rows    split.Rows
		want    [3][]int
	}{
		"names in any case": {split.Options{Column: "s"}, split.Rows{Count: 9, Values: values("Train", "TRAINING", " train ", "val", "valid", "Validation", "dev", "test", "TEST")},
			[3][]int{{0, 1, 2}, {3, 4, 5, 6}, {7, 8}}},
		"listed": {split.Options{Column: "fold", Train: []string{"1", "2"}, Validation: []string{"3"}, Test: []string{"4"}}, split.Rows{Count: 5, Values: values("4", "3", "2", "01", "1.0")},
			[3][]int{{2, 3, 4}, {1}, {0}}},
		"ranges": {split.Options{Column: "subject", Train: []string{"1..16"}, Validation: []string{"17..17", "20"}, Test: []string{"18..19"}, Unused: []string{""}}, split.Rows{Count: 7, Values: values("1", "16", "17", "20", "19", "18", "")},
			[3][]int{{0, 1}, {2, 3}, {4, 5}}},
		"negative ranges": {split.Options{Column: "x", Train: []string{"-3..-1"}, Validation: []string{"0..0"}}, split.Rows{Count: 3, Values: values("-1", "0", "-3")},
			[3][]int{{0, 2}, {1}, {}}},
		"listed, others by name": {split.Options{Column: "s", Test: []string{"holdout"}}, split.Rows{Count: 3, Values: values("train", "holdout", "dev")},
			[3][]int{{0}, {2}, {1}}},
		"a listed name goes before its meaning": {split.Options{Column: "s", Train: []string{"train", "dev"}, Validation: []string{"test"}}, split.Rows{Count: 3, Values: values("train", "dev", "test")},
			[3][]int{{0, 1}, {2}, {}}},
		"last":               {split.Options{Last: []int{2, 1}}, split.Rows{Count: 6}, [3][]int{{0, 1, 2}, {3, 4}, {5}}},
		"last, no test":      {split.Options{Last: []int{2}}, split.Rows{Count: 6}, [3][]int{{0, 1, 2, 3}, {4, 5}, {}}},
		"validation by file": {split.Options{Last: []int{0, 1}}, split.Rows{Count: 3, Elsewhere: [3]bool{false, true, false}}, [3][]int{{0, 1}, {}, {2}}},
		"all by file":        {split.Options{}, split.Rows{Count: 3, Elsewhere: [3]bool{false, true, true}}, [3][]int{{0, 1, 2}, {}, {}}},
		"column, all by file": {split.Options{Column: "s"}, split.Rows{Count: 2, Values: values("train", "train"), Elsewhere: [3]bool{false, true, true}},
			[3][]int{{0, 1}, {}, {}}},
		"groups": {split.Options{Group: "g"}, split.Rows{Count: 6, Groups: hashes(abc...), Labels: one(0, 1, 0, 1, 0, 1)}, [3][]int{{0, 1}, {4, 5}, {2, 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.options.Split(test.rows)
			if err != nil {
				t.Fatal(err)
			}
			for s := range got {
				if !slices.Equal(got[s], test.want[s]) {
					t.Fatalf("got %v, want %v", got, test.want)
				}
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct {
		options split.Options
		rows    split.Rows
		field   string
		want    string
	}{
		{split.Options{Column: "s", Last: []int{1}}, split.Rows{}, "column", "want one of these"},
		{split.Options{Column: "s", Group: "g"}, split.Rows{}, "column", "want one of these"},
		{split.Options{Train: []string{"1"}}, split.Rows{}, "train", "column is missing"},
		{split.Options{Random: []float64{0.7, 0.2, 0.2}}, split.Rows{}, "random", "their sum is 1.1"},
		{split.Options{Random: []float64{70, 15, 15}}, split.Rows{}, "random", "their sum is 100"},
		{split.Options{Random: []float64{math.NaN(), 0.5, 0.5}}, split.Rows{}, "random", "sum"},
		{split.Options{Random: []float64{1.5, -1, 0.5}}, split.Rows{}, "random", "between 0 and 1"},
		{split.Options{Random: []float64{1}}, split.Rows{}, "random", "got 1 numbers"},
		{split.Options{Random: []float64{0.9, 0, 0.1}}, split.Rows{}, "random", "share of the validation rows is 0"},
		{split.Options{Random: []float64{0.7, 0.15, 0.15}}, split.Rows{Elsewhere: [3]bool{false, false, true}}, "random", "share of the test rows is 0.15, but they are in files of their own"},
		{split.Options{Last: []int{1, 2, 3}}, split.Rows{}, "last", "got 3 numbers"},
		{split.Options{Last: []int{500, 1000}}, split.Rows{Count: 1500}, "last", "500 validation and 1000 test rows leave no training row: there are 1500 rows"},
		{split.Options{Last: []int{0, 10}}, split.Rows{Count: 1500}, "last", "want at least 1"},
		{split.Options{Last: []int{5, 10}}, split.Rows{Count: 1500, Elsewhere: [3]bool{false, false, true}}, "last", "10 test rows are wanted"},
		{split.Options{Column: "s"}, split.Rows{Count: 3, Values: values("train", "dev", "tset")}, "column", `row 2 of column "s": option column: "tset" names no split`},
		{split.Options{Column: "s"}, split.Rows{Count: 2, Values: values("dev", "dev")}, "column", "none of the 2 rows is a training row"},
		{split.Options{Column: "s"}, split.Rows{Count: 2, Values: values("train", "test"), Elsewhere: [3]bool{false, false, true}}, "column", "row 1 is a test row"},
		{split.Options{Column: "s", Validation: []string{"7"}}, split.Rows{Count: 2, Values: values("train", "dev")}, "validation", `no row has one of the values 7 in column "s"`},
		{split.Options{Column: "s", Train: []string{"1..3"}, Test: []string{"3"}}, split.Rows{Count: 2, Values: values("1", "3")}, "test", `"3" is listed under train as well`},
		{split.Options{Column: "s", Train: []string{"3..1"}}, split.Rows{}, "train[0]", "no whole number"},
		{split.Options{Column: "s"}, split.Rows{Count: 2, Values: values("train", "test")}, "column", "the 1 training rows are too few"},
		{split.Options{}, split.Rows{Count: 3, Labels: one(0, 1, 2)}, "random", "none of the 3 rows is a validation row"},
		{split.Options{}, split.Rows{Count: 4, Labels: one(0, 1, 0, 1)}, "random", "none of the 4 rows is a test row"},
		{split.Options{Group: "g"}, split.Rows{Count: 4, Groups: hashes("a", "a", "b", "b")}, "group", "2 different values, which is too few for 3 splits"},
	} {
		_, err := test.options.Split(test.rows)
		wrong := new(options.Error)
		if !errors.As(err, &wrong) || wrong.Field != test.field || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want option %s: %s", test.options, err, test.field, test.want)
		}
	}
	v := &split.Values{}
	for i := range 70_000 {
		v.Add(fmt.Sprint(i))
	}
	o := split.Options{Column: "id"}
	if _, err := o.Split(split.Rows{Count: 70_000, Values: v}); err == nil || !strings.Contains(err.Error(), "more than 65536 different values") {
		t.Errorf("a column of identifiers: %v", err)
	}
}

// Few rows of a class: one is trained on, two also validated, three also tested.
func TestSmallClasses(t *testing.T) {
	for _, test := range []struct {
		rows   int
		shares [3]float64
		want   [3]int
	}{
		{1, split.DefaultShares, [3]int{1, 0, 0}},
		{2, split.DefaultShares, [3]int{1, 1, 0}},
		{3, split.DefaultShares, [3]int{1, 1, 1}},
		{4, split.DefaultShares, [3]int{2, 1, 1}},
		{5, split.DefaultShares, [3]int{3, 1, 1}},
		{20, split.DefaultShares, [3]int{14, 3, 3}},
		{3, [3]float64{0.98, 0.01, 0.01}, [3]int{1, 1, 1}},
		{10, [3]float64{0.98, 0.01, 0.01}, [3]int{8, 1, 1}},
		{1, [3]float64{0.5, 0, 0.5}, [3]int{1, 0, 0}},
		{2, [3]float64{0.5, 0, 0.5}, [3]int{1, 0, 1}},
	} {
		classes := slices.Concat(slices.Repeat([]uint32{7}, test.rows), slices.Repeat([]uint32{3}, 100)) // so that no split is empty
		rows, err := split.Stratified(classes, test.shares, 1)
		if err != nil {
			t.Fatal(err)
		}
		var got [3]int
		for s := range rows {
			for _, row := range rows[s] {
				if classes[row] == 7 {
					got[s]++
				}
			}
		}
		if got != test.want {
			t.Errorf("%d rows, shares %v: got %v, want %v", test.rows, test.shares, got, test.want)
		}
	}
}

// The split of a seed is the same on every platform: these rows were computed once.
func TestPinned(t *testing.T) {
	labels := one(0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2)
	o := split.Options{Seed: 1}
	rows, err := o.Split(split.Rows{Count: 20, Labels: labels})
	if want := ([3][]int{{2, 3, 4, 5, 6, 7, 10, 12, 14, 15, 16, 17, 18, 19}, {0, 1, 13}, {8, 9, 11}}); err != nil || !reflect.DeepEqual(rows, want) {
		t.Errorf("got %v, %v", rows, err)
	}
	var groups []uint64
	for i := range 20 {
		groups = append(groups, split.Hash(fmt.Sprint("person ", i/3)))
	}
	if want := uint64(0x21b4cf2567003950); groups[0] != want {
		t.Errorf("hash %#x", groups[0])
	}
	rows, err = split.Grouped(groups, labels, split.DefaultShares, 1)
	if want := ([3][]int{{3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}, {18, 19}, {0, 1, 2}}); err != nil || !reflect.DeepEqual(rows, want) {
		t.Errorf("got %v, %v", rows, err)
	}
}

// partition fails unless the splits hold all rows once, in order.
func partition(t *rapid.T, rows [3][]int, n int) (of []int) {
	of = slices.Repeat([]int{-1}, n)
	for s := range rows {
		if !slices.IsSorted(rows[s]) {
			t.Fatalf("not sorted: %v", rows[s])
		}
		for _, row := range rows[s] {
			if of[row] >= 0 {
				t.Fatalf("row %d is in two splits", row)
			}
			of[row] = s
		}
	}
	if slices.Contains(of, -1) {
		t.Fatalf("row %d is in no split", slices.Index(of, -1))
	}
	return of
}

// shares draws shares.
func shares(t *rapid.T) [3]float64 {
	var s [3]float64
	sum := 0
	for i := range s {
		n := rapid.IntRange(1, 20).Draw(t, "share")
		s[i] = float64(n)
		sum += n
	}
	for i := range s {
		s[i] /= float64(sum)
	}
	return s
}

func TestStratifiedProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		classes := rapid.SliceOfN(rapid.Uint32Range(0, 5), 60, 300).Draw(t, "classes")
		shares, seed := shares(t), rapid.Uint64().Draw(t, "seed")
		rows, err := split.Stratified(classes, shares, seed)
		if err != nil {
			t.Fatal(err)
		}
		of := partition(t, rows, len(classes))
		count := map[uint32]int{}
		in := map[[2]uint32]int{}
		for row, class := range classes {
			count[class]++
			in[[2]uint32{class, uint32(of[row])}]++
		}
		for class, n := range count {
			few := slices.ContainsFunc(shares[:], func(share float64) bool { return float64(n)*share < 1 })
			for s, share := range shares {
				got, want := in[[2]uint32{class, uint32(s)}], share*float64(n)
				if !few && math.Abs(float64(got)-want) >= 1+1e-6 {
					t.Fatalf("class %d has %d rows of %d in split %d, want about %g", class, got, n, s, want)
				}
				if n >= 3 && got == 0 {
					t.Fatalf("class %d with %d rows has none in split %d", class, n, s)
				}
			}
		}
		if !slices.ContainsFunc(slices.Collect(maps(count)), func(n int) bool { return float64(n)*min(shares[0], shares[1], shares[2]) < 1 }) {
			for s, share := range shares {
				if got, want := len(rows[s]), share*float64(len(classes)); math.Abs(float64(got)-want) > 2 {
					t.Fatalf("split %d has %d of %d rows, want about %g", s, got, len(classes), want)
				}
			}
		}
		// the names of the classes do not matter
		renamed := slices.Clone(classes)
		for i, c := range renamed {
			renamed[i] = 1_000_003 * (7 - c)
		}
		again, err := split.Stratified(renamed, shares, seed)
		if err != nil || !reflect.DeepEqual(rows, again) {
			t.Fatalf("renamed classes are split differently: %v", err)
		}
	})
}

// maps yields the values of a map.
func maps(m map[uint32]int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

func TestMultiLabelProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sets := rapid.SliceOfN(rapid.SliceOfNDistinct(rapid.IntRange(0, 60), 0, 4, rapid.ID), 60, 200).Draw(t, "sets")
		labels := func(row int, dst []int) []int { return append(dst, sets[row]...) }
		o := split.Options{Seed: rapid.Uint64().Draw(t, "seed")}
		rows, err := o.Split(split.Rows{Count: len(sets), Labels: labels, MultiLabel: true})
		if err != nil {
			t.Fatal(err)
		}
		of := partition(t, rows, len(sets))
		trained := map[int]bool{}
		for row, set := range sets {
			for _, class := range set {
				trained[class] = trained[class] || of[row] == 0
			}
		}
		for class, ok := range trained {
			if !ok {
				t.Fatalf("class %d has no training row", class)
			}
		}
	})
}

func TestGroupedProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(30, 300).Draw(t, "rows")
		names := rapid.SliceOfN(rapid.IntRange(0, 40), n, n).Draw(t, "groups")
		classes := rapid.SliceOfN(rapid.IntRange(0, 3), n, n).Draw(t, "classes")
		if rapid.Bool().Draw(t, "classes of groups") { // so that a class may be in few groups
			for i, g := range names {
				classes[i] = 4 + g/3
			}
		}
		groups := make([]uint64, n)
		number := map[int]bool{}
		for i, g := range names {
			groups[i] = split.Hash(fmt.Sprint(g))
			number[g] = true
		}
		if len(number) < 3 {
			t.Skip("too few groups")
		}
		shares, seed := shares(t), rapid.Uint64().Draw(t, "seed")
		rows, err := split.Grouped(groups, one(classes...), shares, seed)
		if err != nil {
			t.Fatal(err)
		}
		of := partition(t, rows, n)
		splitOf := map[int]int{}
		trained := map[int]bool{}
		for row, g := range names {
			if s, known := splitOf[g]; known && s != of[row] {
				t.Fatalf("group %d is in two splits", g)
			}
			splitOf[g] = of[row]
			trained[classes[row]] = trained[classes[row]] || of[row] == 0
		}
		for s := range rows {
			if len(rows[s]) == 0 {
				t.Fatalf("split %d is empty", s)
			}
		}
		for class, ok := range trained { // only if the split would lose its last group
			if !ok {
				row := slices.Index(classes, class)
				others := map[int]bool{}
				for _, other := range rows[of[row]] {
					others[names[other]] = true
				}
				if len(others) > 1 {
					t.Fatalf("class %d has no training row, and split %d has %d groups", class, of[row], len(others))
				}
			}
		}
		// the order of the rows does not matter
		order := rapid.Permutation(slices.Collect(numbers(n))).Draw(t, "order")
		moved, movedClasses := make([]uint64, n), make([]int, n)
		for i, row := range order {
			moved[i], movedClasses[i] = groups[row], classes[row]
		}
		again, err := split.Grouped(moved, one(movedClasses...), shares, seed)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range partition(t, again, n) {
			if s != of[order[i]] {
				t.Fatalf("row %d of group %d is in split %d, and in %d in another order", order[i], names[order[i]], of[order[i]], s)
			}
		}
	})
}

// numbers yields 0 to n-1.
func numbers(n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// Groups of very different sizes and classes still give splits near the shares.
func TestGroupedComesNear(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 2))
	var groups []uint64
	var classes []int
	for g := range 60 {
		for range 5 + source.IntN(60) {
			groups = append(groups, split.Hash(fmt.Sprint(g)))
			classes = append(classes, min(g%7, source.IntN(4)))
		}
	}
	for seed := range uint64(5) {
		rows, err := split.Grouped(groups, one(classes...), split.DefaultShares, seed)
		if err != nil {
			t.Fatal(err)
		}
		for s, share := range split.DefaultShares {
			var have, all [4]float64
			for _, row := range rows[s] {
				have[classes[row]]++
			}
			for _, c := range classes {
				all[c]++
			}
			if got := float64(len(rows[s])) / float64(len(groups)); math.Abs(got-share) > 0.02 {
				t.Errorf("seed %d: split %d has a share of %.3f of the rows, want %.2f", seed, s, got, share)
			}
			for c := range have {
				if got := have[c] / all[c]; math.Abs(got-share) > 0.04 {
					t.Errorf("seed %d: split %d has a share of %.3f of class %d, want %.2f", seed, s, got, c, share)
				}
			}
		}
	}
}

// Many classes with the same number of rows do not all round the same way.
func TestRoundingIsShared(t *testing.T) {
	var classes []uint32
	for c := range uint32(1000) {
		classes = append(classes, slices.Repeat([]uint32{c}, 10)...)
	}
	rows, err := split.Stratified(classes, [3]float64{0.74, 0.13, 0.13}, 1)
	if err != nil || len(rows[0]) != 7400 || len(rows[1]) != 1300 {
		t.Errorf("%d, %d and %d rows, %v", len(rows[0]), len(rows[1]), len(rows[2]), err)
	}
}

// A column without validation rows gets some from its training rows.
func TestDrawnValidation(t *testing.T) {
	var cells []string
	var classes []int
	for i := range 200 {
		cells, classes = append(cells, []string{"train", "train", "train", "test"}[i%4]), append(classes, i%2)
	}
	o := split.Options{Column: "s", Seed: 3}
	rows, err := o.Split(split.Rows{Count: 200, Labels: one(classes...), Values: values(cells...)})
	if err != nil || len(rows[0]) != 124 || len(rows[1]) != 26 || len(rows[2]) != 50 {
		t.Errorf("%d, %d and %d rows, %v", len(rows[0]), len(rows[1]), len(rows[2]), err)
	}
	for _, row := range rows[2] {
		if row%4 != 3 {
			t.Errorf("row %d is a test row", row)
		}
	}
}

func TestSeedsDiffer(t *testing.T) {
	classes := make([]uint32, 100)
	groups := make([]uint64, 100)
	for i := range groups {
		groups[i] = split.Hash(fmt.Sprint(i))
	}
	for name, draw := range map[string]func(seed uint64) ([3][]int, error){
		"rows":   func(seed uint64) ([3][]int, error) { return split.Stratified(classes, split.DefaultShares, seed) },
		"groups": func(seed uint64) ([3][]int, error) { return split.Grouped(groups, nil, split.DefaultShares, seed) },
	} {
		a, errA := draw(1)
		b, errB := draw(2)
		if errA != nil || errB != nil || reflect.DeepEqual(a, b) {
			t.Errorf("%s: seeds 1 and 2 give the same split (%v, %v)", name, errA, errB)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	const rows = 1_000_000
	groups := make([]uint64, rows)
	for i := range groups {
		groups[i] = uint64(i / 3)
	}
	labels := func(row int, dst []int) []int { return append(dst, row%10) }
	for name, o := range map[string]split.Options{"random": {}, "group": {Group: "g"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := o.Split(split.Rows{Count: rows, Labels: labels, Groups: groups}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzValues(f *testing.F) {
	for _, seed := range [][3]string{{"1..16", "3", "20"}, {"train", "", "dev"}, {"-1..1e3", "nan", "inf..inf"}, {"0x10..", "..", "1..2..3"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, listed, a, b string) {
		o := split.Options{Column: "s", Train: []string{listed}, Validation: []string{"b"}}
		rows, err := o.Split(split.Rows{Count: 3, Values: values(a, b, "b")})
		if err == nil && (len(rows[0]) == 0 || len(rows[1]) == 0) {
			t.Errorf("%q, %q, %q: %v", listed, a, b, rows)
		}
	})
}
