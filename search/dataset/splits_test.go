package dataset_test

import (
	"fmt"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/builtin"
	"mixmas/search/task"
)

// labelled is a data set whose rows have the given labels by split, and samples that value gives.
func labelled(t *testing.T, kind task.Kind, classes []string, labels [3][]float32, value func(split dataset.Split, row int) float32) dataset.Dataset {
	t.Helper()
	c := dataset.Contents{Name: "splits", Task: task.Task{Kind: kind, Classes: classes},
		Sources: []dataset.Source{{Modality: dataset.Modality{Name: "x", Kind: mixer.Table, Shape: []int{1}}, Per: dataset.PerFeature}}}
	width := task.Width(kind, len(classes))
	var shape []int
	if kind == task.MultiLabel {
		shape = []int{width}
	}
	for s, list := range labels {
		if list == nil {
			continue
		}
		rows := len(list) / width
		values := make([]float32, rows)
		for row := range values {
			values[row] = value(dataset.Split(s), row)
		}
		c.Labels[s] = dataset.Part{Column: dataset.NewNumbers("y", shape, list), Rows: dataset.Rows{Count: rows}}
		c.Sources[0].Samples[s] = dataset.Part{Column: dataset.NewNumbers(fmt.Sprintf("x%d", s), []int{1}, values), Rows: dataset.Rows{Count: rows}}
	}
	return assemble(t, c, dataset.Environment{})
}

// distinct gives every row a value of its own.
func distinct(split dataset.Split, row int) float32 { return float32(1000*int(split) + row) }

// repeat is n labels of each class.
func repeat(counts ...int) (labels []float32) {
	for class, n := range counts {
		for range n {
			labels = append(labels, float32(class))
		}
	}
	return labels
}

func TestSplitsAreLookedAt(t *testing.T) {
	two := []string{"cat", "dog"}
	for _, c := range []struct {
		name    string
		kind    task.Kind
		labels  [3][]float32
		value   func(dataset.Split, int) float32
		failure string
		warning []string
	}{
		{name: "alike", labels: [3][]float32{repeat(200, 300), repeat(42, 58), repeat(40, 60)}},
		{name: "few rows differ by chance", labels: [3][]float32{repeat(20, 20), repeat(4, 6), nil}},
		{name: "sorted by class", labels: [3][]float32{repeat(250, 125), repeat(0, 125), nil},
			warning: []string{`validation scores may mislead: "dog" is 33.3% of the training rows and 100.0% of the validation rows, "cat" is 66.7%`}},
		{name: "a class without training rows", labels: [3][]float32{repeat(250, 0), repeat(0, 125), nil},
			failure: `data set splits: these classes have validation rows but no training rows: "dog" (125)`},
		{name: "a test class without training rows", labels: [3][]float32{repeat(250, 0), repeat(100, 0), repeat(3, 2)},
			failure: `these classes have test rows but no training rows: "dog" (2)`},
		{name: "a label without training rows", kind: task.MultiLabel, labels: [3][]float32{{1, 0, 1, 0}, {1, 1, 0, 0}, nil},
			warning: []string{`these classes have validation rows but no training rows: "dog" (1)`}},
		{name: "identical rows", labels: [3][]float32{repeat(20, 20), repeat(4, 6), repeat(4, 6)},
			value: func(s dataset.Split, row int) float32 {
				if s == dataset.Test && row > 6 {
					return 1
				}
				return distinct(s, row)
			},
			warning: []string{"3 of 10 test rows (the first is row 7) are identical to train rows in every modality"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.value == nil {
				c.value = distinct
			}
			found, err := dataset.CheckSplits(t.Context(), labelled(t, c.kind, two, c.labels, c.value), 0.05, nil)
			if c.failure != "" {
				if err == nil || !strings.Contains(err.Error(), c.failure) {
					t.Errorf("error %v, want one with %q", err, c.failure)
				}
				return
			}
			if err != nil || len(found) != len(c.warning) {
				t.Fatalf("warnings %q (%v), want %q", found, err, c.warning)
			}
			for i, want := range c.warning {
				if !strings.Contains(found[i], want) {
					t.Errorf("warning %q, want one with %q", found[i], want)
				}
			}
		})
	}
}

// A cached result is not computed again.
func TestIdenticalRowsAreCached(t *testing.T) {
	cache, err := dataset.OpenCache(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	same := labelled(t, task.OneLabel, []string{"a", "b"}, [3][]float32{repeat(5, 5), repeat(2, 2), nil}, func(_ dataset.Split, row int) float32 { return float32(row) })
	first, err := dataset.CheckSplits(t.Context(), same, 0.05, cache)
	if err != nil || len(first) != 1 {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := dataset.CheckSplits(t.Context(), unreadable{same}, 0.05, cache); err != nil || len(again) != 1 || again[0] != first[0] {
		t.Errorf("%q (%v), want %q", again, err, first)
	}
}

// unreadable is a data set without samples.
type unreadable struct{ dataset.Dataset }

func (unreadable) Read(dataset.Split, int, int, []float32) error { panic("read") }

// A file that is named for two splits is noticed whatever its size.
func TestSplitsThatShareAFile(t *testing.T) {
	c := contents([3][]int{{0, 1, 2, 3}, {4, 5}, {1, 3}})
	d := assemble(t, c, dataset.Environment{})
	if got := d.Warnings(); len(got) != 1 || !strings.Contains(got[0], "the train and test rows share samples of x (x): they are the same file") {
		t.Errorf("warnings %q", got)
	}
	if got := assemble(t, contents([3][]int{{0, 1, 2}, {3, 4}, {5}}), dataset.Environment{}).Warnings(); len(got) != 0 {
		t.Errorf("warnings %q", got)
	}
}

func TestBuiltInDataHaveNoWarnings(t *testing.T) {
	f, err := dataset.Lookup("builtin")
	if err != nil {
		t.Fatal(err)
	}
	o := *f.Options().(*builtin.Options)
	o.Train, o.Validation, o.Test = 20, 20, 20 // too few for every class to be in every split
	d, err := builtin.Open(t.Context(), o, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	if found, err := dataset.CheckSplits(t.Context(), d, 0.05, nil); err != nil || len(found)+len(d.Warnings()) != 0 {
		t.Errorf("%q, %v", found, err)
	}
}

// A row whose value is missing is not the same as one that has the mean, though both read as 0.
func TestMissingIsNotTheMean(t *testing.T) {
	x := dataset.NewNumbers("x", []int{1}, []float32{0, 2, nan, nan, 1, 5})
	y := dataset.NewNumbers("y", nil, []float32{0, 1, 0, 1, 0, 1})
	c := dataset.Contents{Name: "holes", Task: task.Task{Classes: []string{"a", "b"}},
		Sources: []dataset.Source{{Modality: dataset.Modality{Name: "x", Kind: mixer.Table, Shape: []int{1}}, Per: dataset.PerFeature, Missing: true}}}
	for s, rows := range []dataset.Rows{{Count: 4}, {First: 4, Count: 2}} {
		c.Labels[s], c.Sources[0].Samples[s] = dataset.Part{Column: y, Rows: rows}, dataset.Part{Column: x, Rows: rows}
	}
	d := assemble(t, c, dataset.Environment{})
	if missing, mean := read(t, d, dataset.Train, 2), read(t, d, dataset.Validation, 0); missing[0] != 0 || mean[0] != 0 {
		t.Fatalf("the rows read %v and %v", missing, mean)
	}
	if found, err := dataset.CheckSplits(t.Context(), d, 0.05, nil); err != nil || len(found) != 0 {
		t.Errorf("warnings %q (%v)", found, err)
	}
}
