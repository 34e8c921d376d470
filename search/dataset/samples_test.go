package dataset_test

import (
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
)

// Rows of several splits follow one another, and are read without allocating.
func TestRowsOfSeveralSplits(t *testing.T) {
	d := datasettest.Numbers{}
	first, err := dataset.Select(d, dataset.Validation, nil, []string{"numbers"})
	if err != nil {
		t.Fatal(err)
	}
	all := first.Then(dataset.Train, []int{59, 4}).Then(dataset.Test, nil)
	if first.Len() != 30 || all.Len() != 30+2+20 {
		t.Fatalf("%d and %d rows, want 30 and 52", first.Len(), all.Len())
	}
	for i, want := range map[int]struct {
		split dataset.Split
		row   int
	}{0: {dataset.Validation, 0}, 29: {dataset.Validation, 29}, 30: {dataset.Train, 59}, 31: {dataset.Train, 4}, 32: {dataset.Test, 0}, 51: {dataset.Test, 19}} {
		split, row := all.Row(i)
		if split != want.split || row != want.row {
			t.Errorf("row %d is row %d of the %s split, want %d of %s", i, row, split, want.row, want.split)
		}
		var got, sample [3]float32
		var gotLabel, label [1]float32
		if err := all.Read(i, 0, got[:]); err != nil {
			t.Fatal(err)
		}
		if err := all.Label(i, gotLabel[:]); err != nil {
			t.Fatal(err)
		}
		d.Read(want.split, 0, want.row, sample[:])
		d.Label(want.split, want.row, label[:])
		if got != sample || gotLabel != label {
			t.Errorf("row %d holds %v of class %v, want %v of %v", i, got, gotLabel, sample, label)
		}
	}
	if n := testing.AllocsPerRun(10, func() { all.Row(31) }); n != 0 {
		t.Errorf("finding a row allocates %v times", n)
	}
}
