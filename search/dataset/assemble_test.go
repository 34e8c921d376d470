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
		{"word vectors of a table", func(c *dataset.Contents) {
			c.Sources[0].Vectors = dataset.NewNumbers("vectors", []int{1}, []float32{1, 2})
		}, "vectors: word vectors have shape 2×1, want a row for each of the 0 tokens of a text"},
		{"a standardised text", func(c *dataset.Contents) {
			c.Sources[0].Modality, c.Sources[0].Standardised = dataset.Modality{Name: "x", Kind: mixer.Text, Shape: []int{2}, Vocabulary: 99}, &dataset.Standardisation{Per: dataset.None}
		}, "modality x: a text is not standardised"},
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

// Texts are numbers of tokens, not standardised; their mask is 1 for all but padding, whether lengths say where it begins or not.
func TestTexts(t *testing.T) {
	text := func(values []float32, lengths []float32) (dataset.Dataset, error) {
		c := contents([3][]int{{5, 0, 3}, {1, 2}, {4}})
		m := &c.Sources[0]
		m.Modality = dataset.Modality{Name: "x", Kind: mixer.Text, Shape: []int{2}, Vocabulary: 7}
		for s := range m.Samples {
			m.Samples[s].Column = dataset.NewNumbers("ids", []int{2}, values)
			if lengths != nil {
				m.Lengths[s] = dataset.Part{Column: dataset.NewNumbers("lengths", nil, lengths), Rows: m.Samples[s].Rows}
			}
		}
		return dataset.Assemble(t.Context(), c, dataset.Environment{})
	}
	ids := []float32{1, 2, 3, 0, 0, 0, 4, 5, 6, 6, 2, 3}
	for _, lengths := range [][]float32{nil, {2, 1, 0, 2, 2, 2}} {
		d, err := text(ids, lengths)
		if err != nil {
			t.Fatal(err)
		}
		if m := d.Modalities()[0]; !m.Masked || m.Steps() != 2 || d.Preprocessing()["x"].Per != dataset.None {
			t.Errorf("modality %+v, standardised by %v", m, d.Preprocessing())
		}
		sample, mask := make([]float32, 2), make([]float32, 2)
		for i, want := range [][2][]float32{{{3, 0}, {1, 0}}, {{0, 0}, {0, 0}}} {
			if err := errors.Join(d.Read(dataset.Validation, 0, i, sample), d.Mask(dataset.Validation, 0, i, mask)); err != nil || !slices.Equal(sample, want[0]) || !slices.Equal(mask, want[1]) {
				t.Errorf("row %d reads %v with mask %v (%v), want %v", i, sample, mask, err, want)
			}
		}
	}
	if err := dataset.Uniform(0, 1).Fits(dataset.Modality{Kind: mixer.Text, Shape: []int{2}, Vocabulary: 7}); err == nil || !strings.Contains(err.Error(), "a text is not standardised") {
		t.Errorf("a model's description may standardise a text: %v", err)
	}
	for _, c := range []struct {
		row     int
		value   float32
		lengths []float32
		want    string
	}{
		{3, 7, nil, "ids: row 3: the value 7 is not the number of a token: want a whole number from 0 to 6"},
		{0, -1, nil, "row 0: the value -1 is not the number of a token"},
		{2, 1.5, nil, "row 2: the value 1.5 is not the number of a token"},
		{1, float32(math.NaN()), nil, "row 1: the value NaN is not a finite float32 number"},
		{4, 1 << 30, nil, "row 4: the value 1.073741824e+09 is not the number of a token"},
		{1, 9, []float32{2, 1, 0, 2, 2, 2}, ""}, // behind the length
		{2, float32(math.NaN()), []float32{2, 1, 0, 2, 2, 2}, ""},
	} {
		changed := slices.Clone(ids)
		changed[2*c.row+1] = c.value
		if _, err := text(changed, c.lengths); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v in row %d: error %v, want %q", c.value, c.row, err, c.want)
		}
	}
}

// Rows that lack a map or table are zeros, have no part in the statistics, and may hold anything.
func TestRowsThatLackAModality(t *testing.T) {
	for _, m := range []dataset.Modality{{Name: "x", Kind: mixer.Map, Shape: []int{2, 1, 1}}, {Name: "x", Kind: mixer.Table, Shape: []int{2}}} {
		c := contents([3][]int{{5, 0, 3}, {1, 2}, {4}})
		source := &c.Sources[0]
		source.Modality = m
		nan := float32(math.NaN())
		for s := range source.Samples {
			source.Samples[s].Column = dataset.NewNumbers("x", m.Shape, []float32{1, 10, nan, nan, 2, 20, nan, nan, 4, 40, 5, 50})
			source.Lengths[s] = dataset.Part{Column: dataset.NewNumbers("present", nil, []float32{1, 0, 1, 0, 1, 1}), Rows: source.Samples[s].Rows}
		}
		d, err := dataset.Assemble(t.Context(), c, dataset.Environment{})
		if err != nil {
			t.Fatal(err)
		}
		if s := d.Preprocessing()["x"]; !slices.Equal(s.Mean, []float64{3, 30}) || !slices.Equal(s.Deviation, []float64{2, 20}) {
			t.Errorf("%s: standardised by %v", m.Kind, s)
		}
		sample, mask := make([]float32, 2), make([]float32, 1)
		for i, want := range [][]float32{{1, 1, 1}, {-1, -1, 1}, {0, 0, 0}} {
			if err := errors.Join(d.Read(dataset.Train, 0, i, sample), d.Mask(dataset.Train, 0, i, mask)); err != nil || !slices.Equal(append(sample[:2:2], mask...), want) {
				t.Errorf("%s: row %d reads %v with mask %v (%v), want %v", m.Kind, i, sample, mask, err, want)
			}
		}
	}
}
