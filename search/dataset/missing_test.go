package dataset_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/task"
)

var nan = float32(math.NaN())

// holes are six rows of two features and one that is always missing; the first four rows are for training.
func holes(change func(*dataset.Source)) dataset.Contents {
	x := dataset.NewNumbers("x", []int{3}, []float32{0, 10, nan, 1, nan, nan, 2, 30, nan, nan, 40, nan, nan, nan, nan, 5, 60, 7})
	y := dataset.NewNumbers("y", nil, []float32{0, 1, 0, 1, 0, 1})
	c := dataset.Contents{Name: "holes", Task: task.Task{Classes: []string{"even", "odd"}},
		Sources: []dataset.Source{{Modality: dataset.Modality{Name: "x", Kind: mixer.Table, Shape: []int{3}}, Per: dataset.PerFeature, Missing: true}}}
	for s, rows := range []dataset.Rows{{Count: 4}, {First: 4, Count: 2}} {
		c.Labels[s], c.Sources[0].Samples[s] = dataset.Part{Column: y, Rows: rows}, dataset.Part{Column: x, Rows: rows}
	}
	change(&c.Sources[0])
	return c
}

func assemble(t *testing.T, c dataset.Contents, e dataset.Environment) dataset.Dataset {
	t.Helper()
	d, err := dataset.Assemble(t.Context(), c, e)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func read(t *testing.T, d dataset.Dataset, split dataset.Split, row int) []float32 {
	t.Helper()
	sample := make([]float32, d.Modalities()[0].Size())
	if err := d.Read(split, 0, row, sample); err != nil {
		t.Fatal(err)
	}
	return sample
}

// Missing values do not count in the statistics, and read as the mean.
func TestMissingValuesReadAsTheMean(t *testing.T) {
	d := assemble(t, holes(func(*dataset.Source) {}), dataset.Environment{})
	s := d.Preprocessing()["x"]
	if s.Mean[0] != 1 || math.Abs(s.Mean[1]-80./3) > 1e-12 || s.Mean[2] != 0 || s.Deviation[2] != 1 || !slices.Equal(s.Constant, []int{2}) || !s.Missing {
		t.Errorf("standardised by %+v", s)
	}
	if got := read(t, d, dataset.Train, 1); got[0] != 0 || got[1] != 0 || got[2] != 0 {
		t.Errorf("a row with two holes reads %v", got)
	}
	if got := read(t, d, dataset.Validation, 0); !slices.Equal(got, []float32{0, 0, 0}) {
		t.Errorf("a row of holes reads %v", got)
	}
	if got := read(t, d, dataset.Validation, 1); got[2] != 7 {
		t.Errorf("a row without holes reads %v", got)
	}
	// A model file carries it, and predicts from data whose configuration does not mention it.
	text, err := json.Marshal(d.Preprocessing())
	var given map[string]dataset.Standardisation
	if err = errors.Join(err, json.Unmarshal(text, &given)); err != nil || !given["x"].Missing {
		t.Fatalf("%s (%v)", text, err)
	}
	again := assemble(t, holes(func(s *dataset.Source) { s.Missing = false }), dataset.Environment{Preprocessing: given})
	if got, want := read(t, again, dataset.Train, 3), read(t, d, dataset.Train, 3); !slices.Equal(got, want) {
		t.Errorf("with the model's preprocessing a row reads %v, want %v", got, want)
	}
	if _, err := dataset.Assemble(t.Context(), holes(func(s *dataset.Source) { s.Missing = false }), dataset.Environment{}); err == nil || !strings.Contains(err.Error(), "row 0: the value NaN") {
		t.Errorf("error %v", err)
	}
	for _, per := range []dataset.Grouping{dataset.PerModality, dataset.None} {
		if got := read(t, assemble(t, holes(func(s *dataset.Source) { s.Per = per }), dataset.Environment{}), dataset.Validation, 0); !slices.Equal(got, []float32{0, 0, 0}) {
			t.Errorf("per %s, a row of holes reads %v", per, got)
		}
	}
}

// Infinities are never missing.
func TestInfinitiesAreNotMissing(t *testing.T) {
	c := holes(func(s *dataset.Source) {
		x := dataset.NewNumbers("x", []int{3}, slices.Repeat([]float32{1, 2, float32(math.Inf(1))}, 6))
		s.Samples[0].Column, s.Samples[1].Column = x, x
	})
	if _, err := dataset.Assemble(t.Context(), c, dataset.Environment{}); err == nil || !strings.Contains(err.Error(), "+Inf") {
		t.Errorf("error %v", err)
	}
}

// Data without holes have the same fingerprint and samples whether holes are allowed or not.
func TestMissingChangesNothingWithoutHoles(t *testing.T) {
	full := func(missing bool) dataset.Dataset {
		return assemble(t, holes(func(s *dataset.Source) {
			values := make([]float32, 18)
			for i := range values {
				values[i] = float32(math.Sin(float64(i)))
			}
			x := dataset.NewNumbers("x", []int{3}, values)
			s.Samples[0].Column, s.Samples[1].Column, s.Missing = x, x, missing
		}), dataset.Environment{})
	}
	a, b := full(false), full(true)
	if a.Fingerprint() != b.Fingerprint() || !slices.Equal(read(t, a, dataset.Train, 2), read(t, b, dataset.Train, 2)) {
		t.Errorf("%v and %v", read(t, a, dataset.Train, 2), read(t, b, dataset.Train, 2))
	}
}

// Raw features are left as they are.
func TestRawFeatures(t *testing.T) {
	d := assemble(t, holes(func(s *dataset.Source) { s.Raw = []int{1, 2} }), dataset.Environment{})
	if s := d.Preprocessing()["x"]; s.Mean[0] != 1 || s.Mean[1] != 0 || s.Deviation[1] != 1 || s.Constant != nil {
		t.Errorf("standardised by %+v", s)
	}
	if got := read(t, d, dataset.Validation, 1); got[1] != 60 || got[2] != 7 {
		t.Errorf("reads %v", got)
	}
	for want, change := range map[string]func(*dataset.Source){
		"the raw feature 3 does not exist, there are 3": func(s *dataset.Source) { s.Raw = []int{3} },
		"all features share one mean":                   func(s *dataset.Source) { s.Raw, s.Per = []int{0}, dataset.PerModality },
	} {
		if _, err := dataset.Assemble(t.Context(), holes(change), dataset.Environment{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// What was found with holes allowed is not looked up for the same data without.
func TestRequestsWithMissingHaveAnotherKey(t *testing.T) {
	r := dataset.Request{Per: dataset.PerFeature, Features: 3, Run: 1, Rows: dataset.Rows{Count: 4}}
	plain := r.Key()
	if r.Missing = true; r.Key() == plain {
		t.Errorf("both have key %q", plain)
	}
}
