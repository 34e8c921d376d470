package dataset_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/task"
)

// closing is a column that tells whether it was closed.
type closing struct {
	*dataset.Numbers
	closed *int
	broken error
}

func (c closing) Close() error { *c.closed++; return c.broken }

// contents are six rows of a table, of which some are for training.
func contents(lists [3][]int) dataset.Contents {
	x := dataset.NewNumbers("x", []int{2}, []float32{0, 10, 1, 20, 2, 30, 3, 40, 4, 50, 5, 60})
	y := dataset.NewNumbers("y", nil, []float32{0, 1, 0, 1, 0, 1})
	c := dataset.Contents{Name: "six", Task: task.Task{Classes: []string{"even", "odd"}},
		Sources: []dataset.Source{{Modality: dataset.Modality{Name: "x", Kind: mixer.Table, Shape: []int{2}}, Per: dataset.PerFeature}}}
	for s, list := range lists {
		if list != nil {
			c.Labels[s] = dataset.Part{Column: y, Rows: dataset.Rows{List: list}}
			c.Sources[0].Samples[s] = dataset.Part{Column: x, Rows: dataset.Rows{List: list}}
		}
	}
	return c
}

// Rows of a split may be any, in any order; statistics are those of the training rows.
func TestSplitsMayBeListsOfRows(t *testing.T) {
	d, err := dataset.Assemble(t.Context(), contents([3][]int{{5, 0, 3}, {1, 2}, {4}}), dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Len(dataset.Train) != 3 || d.Len(dataset.Validation) != 2 || d.Len(dataset.Test) != 1 {
		t.Errorf("%d, %d, %d rows", d.Len(dataset.Train), d.Len(dataset.Validation), d.Len(dataset.Test))
	}
	s := d.Preprocessing()["x"]
	if math.Abs(s.Mean[0]-8./3) > 1e-12 || math.Abs(s.Mean[1]-110./3) > 1e-12 {
		t.Errorf("standardised by %v", s)
	}
	sample, label := make([]float32, 2), make([]float32, 1)
	for i, row := range []float64{5, 0, 3} {
		if err := errors.Join(d.Read(dataset.Train, 0, i, sample), d.Label(dataset.Train, i, label)); err != nil {
			t.Fatal(err)
		}
		want := []float32{float32((row - s.Mean[0]) * (1 / s.Deviation[0])), float32((10 + 10*row - s.Mean[1]) * (1 / s.Deviation[1]))}
		if !slices.Equal(sample, want) || label[0] != float32(int(row)%2) {
			t.Errorf("row %d reads %v, %v, want %v", i, sample, label, want)
		}
	}
	prints := map[string]bool{d.Fingerprint(): true}
	for _, lists := range [][3][]int{{{0, 5, 3}, {1, 2}, {4}}, {{5, 0, 3}, {2, 1}, {4}}, {{5, 0, 3}, {1, 2}, nil}} {
		other, err := dataset.Assemble(t.Context(), contents(lists), dataset.Environment{})
		if err != nil {
			t.Fatal(err)
		}
		prints[other.Fingerprint()] = true
	}
	if len(prints) != 4 {
		t.Errorf("4 splits have %d fingerprints", len(prints))
	}
}

// Contents that do not fit together are refused, and their columns closed, once each.
func TestContentsThatDoNotFit(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(c *dataset.Contents)
		want   string
	}{
		{"nothing", func(*dataset.Contents) {}, ""},
		{"no validation", func(c *dataset.Contents) { c.Labels[dataset.Validation] = dataset.Part{} }, "there are no labels for the validation split"},
		{"no samples", func(c *dataset.Contents) { c.Sources[0].Samples[dataset.Validation] = dataset.Part{} }, "modality x: samples are missing for the validation split, or lengths are not given for every split"},
		{"fewer samples", func(c *dataset.Contents) { c.Sources[0].Samples[dataset.Train].Rows.List = []int{1} }, "x has 1 rows for the train split, but y has 3"},
		{"a row beyond", func(c *dataset.Contents) { c.Sources[0].Samples[dataset.Train].Rows.List = []int{1, 6, 2} }, "x has no row 6: it has 6"},
		{"rows beyond", func(c *dataset.Contents) { c.Sources[0].Samples[dataset.Train].Rows = dataset.Rows{First: 4, Count: 3} }, "x has no rows 4 to 6: it has 6"},
		{"other shape", func(c *dataset.Contents) { c.Sources[0].Modality.Shape = []int{3} }, "x: samples have 2 elements, but modality x has 3"},
		{"no kind", func(c *dataset.Contents) { c.Sources[0].Modality.Kind = mixer.Tokens }, "invalid kind tokens or shape 2: want a map (3 axes), a sequence (2), a text (1) or a table (1)"},
		{"lengths of a table", func(c *dataset.Contents) { c.Sources[0].Lengths = c.Labels }, ""},
		{"lengths beyond", func(c *dataset.Contents) {
			c.Sources[0].Lengths = c.Labels
			for s := range c.Labels[:2] {
				c.Sources[0].Lengths[s].Column = dataset.NewNumbers("lengths", nil, []float32{0, 1, 1, 2, 1, 1})
			}
		}, "lengths: row 3: the length 2 is not a number of steps: want a whole number from 0 to 1"},
		{"a vocabulary of a table", func(c *dataset.Contents) { c.Sources[0].Modality.Vocabulary = 3 }, "modality x: a vocabulary of 3 tokens is for a text, not for a table"},
		{"a text without vocabulary", func(c *dataset.Contents) { c.Sources[0].Modality.Kind = mixer.Text }, "modality x: a text has a vocabulary of 2 to 16777216 tokens, got 0"},
		{"two of a name", func(c *dataset.Contents) { c.Sources = append(c.Sources, c.Sources[0]) }, `two modalities are named "x"`},
		{"label", func(c *dataset.Contents) { c.Task.Kind = task.MultiLabel }, "y: labels have shape 6, want N×2 (0 or 1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := contents([3][]int{{5, 0, 3}, {1, 2}, nil})
			closed := 0
			x := closing{dataset.NewNumbers("x", []int{2}, make([]float32, 12)), &closed, nil}
			for s := range all.Labels[:2] {
				all.Sources[0].Samples[s].Column = x
			}
			c.change(&all)
			d, err := dataset.Assemble(t.Context(), all, dataset.Environment{})
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				err = d.Close()
			}
			if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "data set six: ")) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if closed != 1 {
				t.Errorf("closed %d times", closed)
			}
		})
	}
}

func TestNumbersThatAreNone(t *testing.T) {
	c := contents([3][]int{{5, 0, 3}, {1, 2}, nil})
	x := dataset.NewNumbers("x", []int{2}, []float32{0, 1, 2, 3, 4, float32(math.NaN()), 6, 7, 8, 9, 10, 11})
	for s := range c.Labels[:2] {
		c.Sources[0].Samples[s].Column = x
	}
	if _, err := dataset.Assemble(t.Context(), c, dataset.Environment{}); err == nil || !strings.Contains(err.Error(), "x: row 2: the value NaN is not a finite float32 number") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dataset.Assemble(ctx, contents([3][]int{{5, 0, 3}, {1, 2}, nil}), dataset.Environment{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
