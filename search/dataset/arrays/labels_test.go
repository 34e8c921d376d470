package arrays

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
)

// labelled opens labels of the given values in files of rows with one feature, the last rows of which are for validation.
func labelled(t *testing.T, many bool, shape []int, validation int, values ...float64) dataset.Dataset {
	t.Helper()
	folder := t.TempDir()
	datasettest.WriteArray(t, folder+"/x.npy", "|u1", []int{shape[0]}, 0)
	datasettest.WriteArray(t, folder+"/y.npy", "<i4", shape, values...)
	d, err := Open(t.Context(), Options{Name: "labelled", MultiLabel: many, Validation: validation, Standardise: dataset.PerFeature, Labels: Files{Train: "y.npy"},
		Modalities: []Modality{{Name: "x", Kind: mixer.Table, Files: Files{Train: "x.npy"}}}}, dataset.Environment{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// However few bits a label is kept in, it reads as it was written, in either split of a file.
func TestLabelsReadAsWritten(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	for _, many := range []bool{false, true} {
		for _, classes := range []int{2, 3, 10, 16, 17, 256, 257, 3000} {
			t.Run(fmt.Sprint(many, classes), func(t *testing.T) {
				const validation = 37
				shape := []int{2*classes + 100 + validation}
				if many {
					shape = []int{60 + validation, classes}
				}
				values := make([]float64, shape[0]*len(shape))
				if many {
					values = make([]float64, shape[0]*classes)
				}
				for i := range values {
					values[i] = float64(random.IntN(2))
					if !many {
						values[i] = float64(random.IntN(classes))
					}
				}
				if !many { // every class has a training row
					for class := range classes {
						values[class] = float64(classes - 1 - class)
					}
				}
				d := labelled(t, many, shape, validation, values...)
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
						if float64(got[i]) != v {
							t.Fatalf("row %d of %s reads %v, want %v", in, split, got[i], v)
						}
					}
				}
			})
		}
	}
}

// Labels of ten classes take half a byte a row, in both splits of a file together, and all rows no list.
func TestLabelsAreSmall(t *testing.T) {
	const rows = 1 << 20
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := live()
	d := labelled(t, false, []int{rows}, rows/2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	s, err := dataset.Select(d, dataset.Train, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bytes := float64(live()-before) / rows; bytes > 0.6 {
		t.Errorf("%.2f bytes a row", bytes)
	}
	if split, row := s.Row(7); s.Len() != rows/2 || split != dataset.Train || row != 7 {
		t.Errorf("all rows are %d, the eighth is %d of the %s split", s.Len(), row, split)
	}
}

func TestSelectedRows(t *testing.T) {
	d := labelled(t, false, []int{6}, 2, 0, 1, 2, 0, 1, 2)
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

func TestReadingLabelsIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	folder := t.TempDir()
	datasettest.WriteArray(t, folder+"/y.npy", "|u1", []int{10}, 0, 1)
	o := Options{Name: "labelled", Validation: 2, Standardise: dataset.PerFeature, Labels: Files{Train: "y.npy"}, Modalities: []Modality{{Name: "x", Kind: mixer.Table, Files: Files{Train: "y.npy"}}}}
	for _, o.Classes = range [][]string{nil, {"a", "b"}} { // which are counted, and not
		if _, err := Open(ctx, o, dataset.Environment{Folder: folder}); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v", err)
		}
	}
}
