package sample_test

import (
	"slices"
	"testing"

	"mixmas/search/sample"
	"mixmas/search/task"

	"pgregory.net/rapid"
)

// The rest is drawn from the rows that a sample leaves out, each class in proportion to its size among them.
func TestRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, classes := rapid.IntRange(1, 300).Draw(t, "rows"), rapid.IntRange(1, 5).Draw(t, "classes")
		labels := rapid.SliceOfN(rapid.IntRange(0, classes-1), rows, rows).Draw(t, "labels")
		var sampled, left []int
		count := make([]int, classes)
		for row := range rows {
			if rapid.Bool().Draw(t, "sampled") {
				sampled = append(sampled, row)
			} else {
				left = append(left, row)
				count[labels[row]]++
			}
		}
		size, seed := rapid.IntRange(0, 400).Draw(t, "size"), rapid.Uint64().Draw(t, "seed")
		of := sample.Labels{Rows: rows, Classes: classes, Kind: task.OneLabel, Label: func(row int, dst []float32) error {
			dst[0] = float32(labels[row])
			return nil
		}}
		got, err := sample.Rest(t.Context(), of, sampled, size, seed)
		if err != nil {
			t.Fatal(err)
		}
		want := min(size, len(left))
		if len(got) != want || want == 0 && got != nil {
			t.Fatalf("got %v, want %d rows", got, want)
		}
		drawn := make([]int, classes)
		for i, row := range got {
			if !slices.Contains(left, row) || i > 0 && row <= got[i-1] {
				t.Fatalf("got %v of %v", got, left)
			}
			drawn[labels[row]]++
		}
		for class, n := range drawn {
			if exact := float64(want*count[class]) / float64(max(len(left), 1)); float64(n) <= exact-1 || float64(n) >= exact+1 {
				t.Errorf("class %d: %d rows, want %.2f", class, n, exact)
			}
		}
		again, err := sample.Rest(t.Context(), of, sampled, size, seed)
		if err != nil || !slices.Equal(got, again) {
			t.Errorf("drawn again: %v, %v, want %v", again, err, got)
		}
	})
}

// Another seed draws other rows, and so does the sample itself with the same seed.
func TestRestDependsOnTheSeed(t *testing.T) {
	labels := sample.Labels{Rows: 1000, Classes: 1, Kind: task.OneLabel, Label: func(_ int, dst []float32) error { return nil }}
	rest := func(seed uint64) []int {
		rows, err := sample.Rest(t.Context(), labels, nil, 100, seed)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	drawn, err := sample.Draw(t.Context(), labels, sample.Options{Size: 100}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(rest(1), rest(2)) || slices.Equal(rest(1), drawn.Rows) {
		t.Error("the same rows")
	}
}

// N may count all rows of a data set: 12% of AV-MNIST's 70,000 and 21% of MIMIC-III's 36,212 are the paper's fractions.
func TestPopulation(t *testing.T) {
	for _, test := range []struct {
		rows, all  int
		population string
		want       int
	}{
		{55_000, 70_000, "all", 8446},
		{55_000, 70_000, "train", 8177},
		{30_000, 36_212, "all", 7591},
		{5_000, 70_000, "all", 5000}, // there are no more
		{700, 0, "all", 653},         // of unknown data
	} {
		labels := sample.Labels{Rows: test.rows, All: test.all, Classes: 1, Kind: task.OneLabel, Label: func(int, []float32) error { return nil }}
		drawn, err := sample.Draw(t.Context(), labels, sample.Options{Confidence: 0.95, Population: test.population}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(drawn.Rows) != test.want {
			t.Errorf("%+v: got %d rows", test, len(drawn.Rows))
		}
	}
}
