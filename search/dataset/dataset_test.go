package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/avmnist"
	"mixmas/search/dataset/builtin"
	"mixmas/search/dataset/datasettest"
	"mixmas/search/task"
)

func openTiny(t testing.TB, folder string, e dataset.Environment) (dataset.Dataset, error) {
	t.Helper()
	d, err := avmnist.Open(t.Context(), avmnist.Options{Path: folder, Validation: 2}, e)
	if err == nil {
		t.Cleanup(func() { d.Close() })
	}
	return d, err
}

// openBuiltin opens a few rows of the built-in data.
func openBuiltin(t testing.TB) dataset.Dataset {
	t.Helper()
	d, err := builtin.Open(context.Background(), builtin.Options{Train: 4, Validation: 2, Test: 3, Classes: 10, Seed: 1}, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFingerprintDependsOnSplitNotPlace(t *testing.T) {
	a, err := openTiny(t, datasettest.AVMNIST(t), dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := openTiny(t, datasettest.AVMNIST(t), dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Fingerprint() != b.Fingerprint() {
		t.Error("a copy in another folder has another fingerprint")
	}
	c, err := avmnist.Open(t.Context(), avmnist.Options{Path: datasettest.AVMNIST(t), Validation: 1}, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Fingerprint() == a.Fingerprint() {
		t.Error("another split has the same fingerprint")
	}
}

func TestGivenPreprocessing(t *testing.T) {
	given := map[string]dataset.Standardisation{"image": dataset.Uniform(10, 2), "audio": dataset.Uniform(1, 4)}
	d, err := openTiny(t, datasettest.AVMNIST(t), dataset.Environment{Preprocessing: given})
	if err != nil {
		t.Fatal(err)
	}
	sample := make([]float32, 4)
	if err := d.Read(dataset.Train, 0, 1, sample); err != nil || !slices.Equal(sample, []float32{-3, -2.5, -2, -1.5}) {
		t.Errorf("sample %v, %v", sample, err)
	}
	if !maps.EqualFunc(d.Preprocessing(), given, dataset.Standardisation.Equal) {
		t.Errorf("preprocessing %v", d.Preprocessing())
	}
	open := func(preprocessing map[string]dataset.Standardisation) (dataset.Dataset, error) {
		return builtin.Open(t.Context(), builtin.Options{Train: 5, Validation: 1, Test: 1, Classes: 10}, dataset.Environment{Preprocessing: preprocessing})
	}
	own, err := open(nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := open(given)
	if err != nil {
		t.Fatal(err)
	}
	a, b := make([]float32, 28*28), make([]float32, 28*28)
	if err := errors.Join(own.Read(dataset.Test, 1, 0, a), other.Read(dataset.Test, 1, 0, b)); err != nil {
		t.Fatal(err)
	}
	s := own.Preprocessing()["audio"]
	for i := range a {
		if want := (float64(a[i])*s.Deviation[0] + s.Mean[0] - 1) / 4; math.Abs(float64(b[i])-want) > 1e-5 {
			t.Fatalf("element %d is %v, want %v", i, b[i], want)
		}
	}
	for name, wrong := range map[string]map[string]dataset.Standardisation{
		"the model reads the modalities image, this data set has audio, image":              {"image": dataset.Uniform(0, 1)},
		"the model reads the modalities audio, image, text, this data set has audio, image": {"image": dataset.Uniform(0, 1), "audio": dataset.Uniform(0, 1), "text": dataset.Uniform(0, 1)},
		"deviation 0":   {"image": dataset.Uniform(0, 0), "audio": dataset.Uniform(0, 1)},
		"deviation NaN": {"image": dataset.Uniform(0, math.NaN()), "audio": dataset.Uniform(0, 1)},
	} {
		if _, err := open(wrong); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one with %q", err, name)
		}
	}
}

func TestReadBeyond(t *testing.T) {
	files, err := openTiny(t, datasettest.AVMNIST(t), dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []dataset.Dataset{files, openBuiltin(t)} {
		size := d.Modalities()[0].Size()
		for name, err := range map[string]error{
			"row 4":      d.Read(dataset.Train, 0, 4, make([]float32, size)),
			"row -1":     d.Read(dataset.Train, 0, -1, make([]float32, size)),
			"modality 2": d.Read(dataset.Train, 2, 0, make([]float32, size)),
			"split(3)":   d.Read(3, 0, 0, make([]float32, size)),
			"3":          d.Read(dataset.Train, 0, 0, make([]float32, 3)),
			"row 2":      d.Label(dataset.Validation, 2, make([]float32, 1)),
			"split(-1)":  d.Label(-1, 0, make([]float32, 1)),
			"2":          d.Label(dataset.Test, 0, make([]float32, 2)),
		} {
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: error %v, want one with %q", d.Name(), err, name)
			}
		}
	}
	files.Close()
	if err := files.Read(dataset.Train, 0, 0, make([]float32, 4)); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("reading a closed data set: %v", err)
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	files, err := openTiny(t, datasettest.AVMNIST(t), dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []dataset.Dataset{files, openBuiltin(t)} {
		sample, label := make([]float32, d.Modalities()[0].Size()), make([]float32, 1)
		if n := testing.AllocsPerRun(100, func() {
			if err := errors.Join(d.Read(dataset.Train, 0, 1, sample), d.Label(dataset.Train, 1, label)); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a row", d.Name(), n)
		}
	}
}

// labelled is a data set of labels in memory for rows with one feature, the last rows of which are for validation.
func labelled(t *testing.T, kind task.Kind, shape []int, validation int, values ...float32) dataset.Dataset {
	t.Helper()
	rows, width := shape[0], 1
	if len(shape) > 1 {
		width = shape[1]
	}
	all := slices.Repeat(values, (rows*width+len(values)-1)/len(values))[:rows*width]
	split := func(c dataset.Column) [3]dataset.Part {
		train := rows - validation
		return [3]dataset.Part{{Column: c, Rows: dataset.Rows{Count: train}}, {Column: c, Rows: dataset.Rows{First: train, Count: validation}}}
	}
	x := dataset.Source{Modality: dataset.Modality{Name: "x", Kind: mixer.Table, Shape: []int{1}},
		Samples: split(dataset.NewNumbers("x", nil, make([]float32, rows))), Per: dataset.PerModality}
	d, err := dataset.Assemble(t.Context(), dataset.Contents{Name: "labelled", Task: task.Task{Kind: kind}, Sources: []dataset.Source{x},
		Labels: split(dataset.NewNumbers("y", shape[1:], all))}, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// However few bits a label is kept in, it reads as it was written, in either split of a file.
func TestLabelsReadAsWritten(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	for _, kind := range []task.Kind{task.OneLabel, task.MultiLabel} {
		many := kind == task.MultiLabel
		for _, classes := range []int{2, 3, 10, 16, 17, 256, 257, 3000} {
			t.Run(fmt.Sprint(many, classes), func(t *testing.T) {
				const validation = 37
				shape := []int{2*classes + 100 + validation}
				if many {
					shape = []int{60 + validation, classes}
				}
				values := make([]float32, shape[0]*len(shape))
				if many {
					values = make([]float32, shape[0]*classes)
				}
				for i := range values {
					values[i] = float32(random.IntN(2))
					if !many {
						values[i] = float32(random.IntN(classes))
					}
				}
				if !many {
					values[0] = float32(classes - 1)
				}
				d := labelled(t, kind, shape, validation, values...)
				if n := len(d.Task().Classes); n != classes {
					t.Fatalf("%d classes, want %d", n, classes)
				}
				width := len(values) / shape[0]
				got := make([]float32, width)
				for row := range shape[0] {
					split, in := dataset.Train, row
					if train := shape[0] - validation; row >= train {
						split, in = dataset.Validation, row-train
					}
					if err := d.Label(split, in, got); err != nil {
						t.Fatal(err)
					}
					for i, v := range values[row*width:][:width] {
						if got[i] != v {
							t.Fatalf("row %d of %s reads %v, want %v", in, split, got[i], v)
						}
					}
				}
			})
		}
	}
}

func TestSelectedRows(t *testing.T) {
	d := labelled(t, task.OneLabel, []int{6}, 2, 0, 1, 2, 0, 1, 2)
	for _, c := range []struct {
		rows []int
		want []float32
	}{{nil, []float32{0, 1, 2, 0}}, {[]int{1, 3}, []float32{1, 0}}, {[]int{}, nil}} {
		s, err := dataset.Select(d, dataset.Train, c.rows, []string{"x"})
		if err != nil {
			t.Fatal(err)
		}
		var got []float32
		for row := range s.Len() {
			label := make([]float32, 1)
			if err := s.Label(row, label); err != nil {
				t.Fatal(err)
			}
			got = append(got, label[0])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("rows %v have labels %v, want %v", c.rows, got, c.want)
		}
	}
}
