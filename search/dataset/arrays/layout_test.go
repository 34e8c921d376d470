package arrays

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
)

// opened opens one modality x of a file of four rows, the last for validation, with labels 0 and 1.
func opened(t testing.TB, shape []int, values []float64, change func(*Options)) (dataset.Dataset, error) {
	t.Helper()
	folder := t.TempDir()
	datasettest.WriteArray(t, folder+"/x.npy", "<f4", append([]int{4}, shape...), values...)
	datasettest.WriteArray(t, folder+"/y.npy", "|u1", []int{4}, 0, 1)
	o := Options{Name: "layouts", Validation: 1, Standardise: dataset.PerFeature, Labels: Files{Train: "y.npy"},
		Modalities: []Modality{{Name: "x", Kind: mixer.Map, Files: Files{Train: "x.npy"}}}}
	change(&o)
	d, err := Open(t.Context(), o, dataset.Environment{Folder: folder})
	if err == nil {
		t.Cleanup(func() { d.Close() })
	}
	return d, err
}

// What a file's axes are is said, or follows without doubt, or is asked.
func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   mixer.Kind
		axes   []int
		layout string
		shape  []int
		want   []int
		fails  string
	}{
		{"channels last", mixer.Map, []int{6, 5, 3}, channelsLast, nil, []int{3, 6, 5}, ""},
		{"channels last, with the shape", mixer.Map, []int{6, 5, 3}, channelsLast, []int{3, 6, 5}, []int{3, 6, 5}, ""},
		{"channels last, with another shape", mixer.Map, []int{6, 5, 3}, channelsLast, []int{3, 5, 6}, nil, "in the layout channels_last have shape 3×6×5, not 3×5×6"},
		{"channels last in flat rows", mixer.Map, []int{90}, channelsLast, []int{3, 6, 5}, []int{3, 6, 5}, ""},
		{"channels last in flat rows without a shape", mixer.Map, []int{90}, channelsLast, nil, nil, "give the shape"},
		{"channels last of one channel", mixer.Map, []int{6, 5}, channelsLast, nil, []int{1, 6, 5}, ""},
		{"channels first", mixer.Map, []int{6, 5, 3}, channelsFirst, nil, []int{6, 5, 3}, ""},
		{"nothing said, 3 at the end", mixer.Map, []int{16, 16, 3}, "", nil, nil, "samples have shape 16×16×3: give `layout: channels_last` if the last axis is that of 3 channels, or `layout: channels_first`"},
		{"nothing said, 4 at the end", mixer.Map, []int{6, 5, 4}, "", nil, nil, "give `layout: channels_last`"},
		{"nothing said, 3×3×3", mixer.Map, []int{3, 3, 3}, "", nil, nil, "give `layout: channels_last`"},
		{"nothing said, few at the beginning", mixer.Map, []int{2, 3, 3}, "", nil, []int{2, 3, 3}, ""},
		{"nothing said, 1 at the end", mixer.Map, []int{6, 5, 1}, "", nil, []int{1, 6, 5}, ""},
		{"nothing said, 1 at the beginning", mixer.Map, []int{1, 6, 5}, "", nil, []int{1, 6, 5}, ""},
		{"shape in another order", mixer.Map, []int{16, 16, 3}, "", []int{3, 16, 16}, nil, "samples have shape 16×16×3, and the shape 3×16×16 has the same axes in another order: give `layout: channels_last`"},
		{"height and width swapped", mixer.Map, []int{3, 6, 5}, "", []int{3, 5, 6}, nil, "transpose the array before it is saved"},
		{"shape as in the file", mixer.Map, []int{16, 16, 3}, "", []int{16, 16, 3}, []int{16, 16, 3}, ""},
		{"one channel in another place", mixer.Map, []int{6, 5, 1}, "", []int{1, 6, 5}, []int{1, 6, 5}, ""},
		{"shape of flat rows", mixer.Map, []int{90}, "", []int{3, 6, 5}, []int{3, 6, 5}, ""},
		{"features first", mixer.Sequence, []int{2, 7}, featuresFirst, nil, []int{7, 2}, ""},
		{"features last", mixer.Sequence, []int{2, 7}, featuresLast, nil, []int{2, 7}, ""},
		{"features first, with the shape", mixer.Sequence, []int{2, 7}, featuresFirst, []int{7, 2}, []int{7, 2}, ""},
		{"features in another order", mixer.Sequence, []int{2, 7}, "", []int{7, 2}, nil, "give `layout: features_first`"},
		{"features first of one", mixer.Sequence, []int{7}, featuresFirst, nil, []int{7, 1}, ""},
		{"layout of a table", mixer.Table, []int{7}, channelsLast, nil, nil, "modalities[0].layout: a table has one axis, and no layout"},
		{"layout of another kind", mixer.Sequence, []int{2, 7}, channelsLast, nil, nil, `want one of features_last, features_first for a sequence, got "channels_last"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			size := dimensions.Product(c.axes)
			d, err := opened(t, c.axes, datasettest.Ramp(4*size), func(o *Options) {
				o.Standardise = dataset.None
				o.Modalities[0].Kind, o.Modalities[0].Layout, o.Modalities[0].Shape = c.kind, c.layout, c.shape
			})
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("error %v, want one with %q", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := d.Modalities()[0].Shape; !slices.Equal(got, c.want) {
				t.Fatalf("shape %v, want %v", got, c.want)
			}
			sample := make([]float32, size)
			if err := d.Read(dataset.Train, 0, 2, sample); err != nil {
				t.Fatal(err)
			}
			turned := (c.layout == channelsLast || c.layout == featuresFirst) && c.want[0] > 1
			for i, v := range sample {
				want := i
				if wide := c.want[0]; turned { // element i of the file's transpose
					high := size / wide
					want = i%high*wide + i/high
				}
				if v != float32(2*size+want) {
					t.Fatalf("element %d is %v, want %d", i, v, 2*size+want)
				}
			}
		})
	}
}

// A file with channels at the end is the same data as one with channels at the beginning, also per channel; only the
// fingerprints differ. So is a sequence with its features first, whatever its rows' lengths.
func TestLayoutsAreTheSameData(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		channels, height, width := rapid.IntRange(1, 4).Draw(rt, "channels"), rapid.IntRange(1, 4).Draw(rt, "height"), rapid.IntRange(1, 4).Draw(rt, "width")
		kind, layout, shape := mixer.Map, channelsLast, []int{channels, height, width}
		file := []int{height, width, channels}
		if rapid.Bool().Draw(rt, "sequence") {
			kind, layout, shape, file = mixer.Sequence, featuresFirst, []int{height, channels}, []int{channels, height}
		}
		size := dimensions.Product(shape)
		other, values := make([]float64, 4*size), make([]float64, 4*size)
		for i := range values {
			values[i] = math.Sin(float64(i)) * 10
			row, at := i/size, i%size
			high := size / shape[0] // of the file's row, a matrix
			other[row*size+at%high*shape[0]+at/high] = values[i]
		}
		per := rapid.SampledFrom([]dataset.Grouping{dataset.PerFeature, dataset.PerModality}).Draw(rt, "per")
		lengths := kind == mixer.Sequence && rapid.Bool().Draw(rt, "lengths")
		open := func(axes []int, values []float64, layout string) dataset.Dataset {
			d, err := opened(t, axes, values, func(o *Options) {
				o.Standardise, o.Modalities[0].Kind, o.Modalities[0].Layout = per, kind, layout
				if lengths {
					o.Modalities[0].Lengths.Train = "y.npy"
				}
			})
			if err != nil {
				rt.Fatal(err)
			}
			return d
		}
		a, b := open(shape, values, layouts(kind)[0]), open(file, other, layout)
		if !slices.Equal(a.Modalities()[0].Shape, b.Modalities()[0].Shape) || !a.Preprocessing()["x"].Equal(b.Preprocessing()["x"]) {
			rt.Fatalf("%v by %v, want %v by %v", b.Modalities(), b.Preprocessing(), a.Modalities(), a.Preprocessing())
		}
		for row := range 3 {
			want, got := make([]float32, size), make([]float32, size)
			if err := a.Read(dataset.Train, 0, row, want); err != nil {
				rt.Fatal(err)
			}
			if err := b.Read(dataset.Train, 0, row, got); err != nil || !slices.Equal(got, want) {
				rt.Fatalf("row %d reads %v (%v), want %v", row, got, err, want)
			}
		}
	})
}

// One file in two layouts is two modalities.
func TestOneFileInTwoLayouts(t *testing.T) {
	d, err := opened(t, []int{4, 4, 3}, datasettest.Ramp(4*48), func(o *Options) {
		o.Standardise = dataset.None
		o.Modalities[0].Layout = channelsLast
		o.Modalities = append(o.Modalities, Modality{Name: "y", Kind: mixer.Map, Layout: channelsFirst, Files: o.Modalities[0].Files})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(d.Modalities()[0].Shape, d.Modalities()[1].Shape); got != "[3 4 4] [4 4 3]" {
		t.Errorf("shapes %s", got)
	}
	if len(d.Warnings()) != 0 {
		t.Errorf("warnings %q", d.Warnings())
	}
}

// NaN is an error that says what to do about it, and missing with the option.
func TestMissingValues(t *testing.T) {
	values := []float64{1, 10, 2, math.NaN(), 3, 30, math.NaN(), 40}
	table := func(o *Options) { o.Modalities[0].Kind = mixer.Table }
	if _, err := opened(t, []int{2}, values, table); err == nil || !strings.Contains(err.Error(), "x.npy: row 1: the value NaN") || !strings.Contains(err.Error(), "`missing: mean`") {
		t.Errorf("error %v", err)
	}
	for name, change := range map[string]func(*Options){
		"of the data set": func(o *Options) { table(o); o.Missing = "mean" },
		"of the modality": func(o *Options) { table(o); o.Modalities[0].Missing = "mean" },
		"but for others":  func(o *Options) { table(o); o.Missing, o.Modalities[0].Missing = "error", "mean" },
		"of a sequence":   func(o *Options) { o.Modalities[0].Kind, o.Missing = mixer.Sequence, "mean" },
		"of a map, with channels last": func(o *Options) {
			o.Modalities[0].Layout, o.Modalities[0].Shape, o.Missing = channelsLast, []int{2, 1, 1}, "mean"
		},
	} {
		d, err := opened(t, []int{2}, values, change)
		if err != nil {
			t.Fatal(name, err)
		}
		sample := make([]float32, 2)
		if err := d.Read(dataset.Validation, 0, 0, sample); err != nil || sample[0] != 0 || sample[1] == 0 {
			t.Errorf("%s: a row with a hole reads %v (%v)", name, sample, err)
		}
		if name == "of a sequence" {
			continue // its steps share a feature
		}
		if got := d.Preprocessing()["x"]; got.Mean[0] != 2 || got.Mean[1] != 20 {
			t.Errorf("%s: standardised by %v", name, got)
		}
	}
	if _, err := opened(t, []int{2}, values, func(o *Options) { table(o); o.Missing, o.Modalities[0].Missing = "mean", "error" }); err == nil {
		t.Error("a modality in which nothing may be missing was read")
	}
	for want, change := range map[string]func(*Options){
		`missing: want one of error, mean, got "median"`:               func(o *Options) { o.Missing = "median" },
		`modalities[0].missing: want one of error, mean, got "median"`: func(o *Options) { o.Modalities[0].Missing = "median" },
	} {
		if _, err := opened(t, []int{2}, values, change); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// The test file of another modality, or that of the training rows, is noticed.
func TestTrainingFileAsTestFile(t *testing.T) {
	d, err := opened(t, []int{3}, datasettest.Ramp(12), func(o *Options) {
		o.Modalities[0].Kind, o.Modalities[0].Test, o.Labels.Test = mixer.Table, "x.npy", "y.npy"
	})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(d.Warnings(), "\n")
	if !strings.Contains(got, "the train and test rows share samples of x (") || !strings.Contains(got, "the validation and test rows share") {
		t.Errorf("warnings %q", got)
	}
	// A copy of the file under another name has the same content.
	folder := t.TempDir()
	for _, name := range []string{"x.npy", "copy.npy"} {
		datasettest.WriteArray(t, filepath.Join(folder, name), "<f4", []int{4, 3}, datasettest.Ramp(12)...)
	}
	datasettest.WriteArray(t, filepath.Join(folder, "y.npy"), "|u1", []int{4}, 0, 1)
	copied, err := Open(t.Context(), Options{Name: "copied", Validation: 1, Standardise: dataset.None, Labels: Files{Train: "y.npy", Test: "y.npy"},
		Modalities: []Modality{{Name: "x", Kind: mixer.Table, Files: Files{Train: "x.npy", Test: "copy.npy"}}}}, dataset.Environment{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	if got := strings.Join(copied.Warnings(), "\n"); !strings.Contains(got, "copy.npy): they are the same file") {
		t.Errorf("warnings %q", got)
	}
}
