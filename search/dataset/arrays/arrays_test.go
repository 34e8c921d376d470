package arrays

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
	"mixmas/search/task"
)

// generic is a data set of every kind of modality, multi-label, with files for every split.
func generic(t *testing.T, change func(*Options)) (dataset.Dataset, error) {
	t.Helper()
	folder := t.TempDir()
	o := Options{Name: "ward", Validation: 1, Standardise: dataset.PerModality, MultiLabel: true, Labels: Files{"y0.npy", "y1.npy", "y2.npy"}}
	for _, m := range []struct {
		name  string
		kind  mixer.Kind
		shape []int
	}{{"scan", mixer.Map, []int{2, 3, 3}}, {"vitals", mixer.Sequence, []int{4, 2}}, {"notes", mixer.Sequence, []int{5}}, {"static", mixer.Table, []int{3}}, {"age", mixer.Table, nil}} {
		o.Modalities = append(o.Modalities, Modality{Name: m.name, Kind: m.kind, Files: Files{m.name + "0.npy", m.name + "1.npy", m.name + "2.npy"}})
		for i, rows := range []int{4, 3, 2} {
			datasettest.WriteArray(t, fmt.Sprintf("%s/%s%d.npy", folder, m.name, i), "<f8", append([]int{rows}, m.shape...), datasettest.Ramp(7)...)
		}
	}
	for i, rows := range []int{4, 3, 2} {
		datasettest.WriteArray(t, fmt.Sprintf("%s/y%d.npy", folder, i), "|b1", []int{rows, 3}, 0, 1, 1, 1)
	}
	if change != nil {
		change(&o)
	}
	f, err := dataset.Lookup("npy")
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.Open(context.Background(), &o, dataset.Environment{Folder: folder})
	if err == nil {
		t.Cleanup(func() { d.Close() })
	}
	return d, err
}

func TestNPY(t *testing.T) {
	d, err := generic(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.Len(dataset.Train) != 4 || d.Len(dataset.Validation) != 3 || d.Len(dataset.Test) != 2 || d.Name() != "ward" {
		t.Errorf("%s has %d, %d, %d rows", d.Name(), d.Len(dataset.Train), d.Len(dataset.Validation), d.Len(dataset.Test))
	}
	if got := fmt.Sprint(d.Modalities()); got != "[{scan map [2 3 3] false 0 0} {vitals sequence [4 2] false 0 0} {notes sequence [5 1] false 0 0} {static table [3] false 0 0} {age table [1] false 0 0}]" {
		t.Errorf("modalities %s", got)
	}
	if !slices.Equal(d.Task().Classes, []string{"0", "1", "2"}) || d.Task().Kind != task.MultiLabel {
		t.Errorf("classes %v", d.Task().Classes)
	}
	label := make([]float32, 3)
	if err := d.Label(dataset.Train, 1, label); err != nil || !slices.Equal(label, []float32{1, 0, 1}) {
		t.Errorf("label %v, %v", label, err)
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   string // "" where it is right
	}{
		{"no test split", func(o *Options) {
			o.Labels.Test = ""
			for i := range o.Modalities {
				o.Modalities[i].Test = ""
			}
		}, ""},
		{"validation from the training files", func(o *Options) {
			o.Labels.Validation, o.Validation = "", 1
			for i := range o.Modalities {
				o.Modalities[i].Validation = ""
			}
		}, ""},
		{"shape", func(o *Options) { o.Modalities[0].Shape = []int{1, 6, 3} }, ""},
		{"names of classes", func(o *Options) { o.Classes = []string{"a", "b", "c"} }, ""},
		{"another number of classes", func(o *Options) { o.Classes = []string{"a", "b"} }, "want N×2"},
		{"no modalities", func(o *Options) { o.Modalities = nil }, "modalities"},
		{"no labels", func(o *Options) { o.Labels.Train = "" }, "labels: no train file"},
		{"no name", func(o *Options) { o.Modalities[1].Name = "" }, "modalities[1]: the modality has no name"},
		{"a class without name", func(o *Options) { o.Classes = []string{"a", "", "c"} }, "classes[1]: the class has no name"},
		{"one name twice", func(o *Options) { o.Modalities[1].Name = "scan" }, "scan is named twice"},
		{"one class twice", func(o *Options) { o.Classes = []string{"a", "b", "a"} }, `classes[2]: "a" is named twice`},
		{"kind", func(o *Options) { o.Modalities[1].Kind = "graph" }, `want one of map, sequence, table, got "graph"`},
		{"kind that does not fit", func(o *Options) { o.Modalities[0].Kind = mixer.Sequence }, "cannot be a sequence"},
		{"shape that does not fit", func(o *Options) { o.Modalities[0].Shape = []int{1, 6, 4} }, "1×6×4"},
		{"shape beyond counting", func(o *Options) { o.Modalities[0].Shape = []int{1 << 40, 1 << 40, 18} }, "too many elements"},
		{"shape of another kind", func(o *Options) { o.Modalities[0].Shape = []int{18} }, "1 axes"},
		{"standardised per modality, one per feature", func(o *Options) { o.Modalities[3].Standardise = dataset.PerFeature }, ""},
		{"standardised otherwise", func(o *Options) { o.Modalities[3].Standardise = "step" }, `modalities[3].standardise: want one of feature, modality, none, got "step"`},
		{"a split of labels alone", func(o *Options) { o.Modalities[2].Test = "" }, "notes"},
		{"multi-label as one label", func(o *Options) { o.MultiLabel = false }, "y0.npy: row 0: the row has 2 labels: want 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := generic(t, c.change)
			if c.want == "" && err != nil {
				t.Fatal(err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// A modality may be standardised otherwise than the data set.
func TestModalitiesAreStandardisedByThemselves(t *testing.T) {
	d, err := generic(t, func(o *Options) {
		o.Modalities[0].Standardise, o.Modalities[1].Standardise = dataset.PerFeature, dataset.None
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"scan": 2, "vitals": 0, "static": 1} {
		if got := d.Preprocessing()[name]; len(got.Mean) != want {
			t.Errorf("%s is standardised by %v, want %d means", name, got, want)
		}
	}
	sample := make([]float32, 8)
	if err := d.Read(dataset.Train, 1, 0, sample); err != nil || !slices.Equal(sample, []float32{0, 1, 2, 3, 4, 5, 6, 0}) {
		t.Errorf("without standardisation a sample reads %v, %v", sample, err)
	}
}

// BenchmarkRead reads rows of 112×112 numbers, standardised as a whole, by channel, and by feature.
func BenchmarkRead(b *testing.B) {
	folder := b.TempDir()
	datasettest.WriteArray(b, folder+"/x.npy", "<f4", []int{512, 112, 112}, datasettest.Ramp(1000)...)
	datasettest.WriteArray(b, folder+"/y.npy", "|u1", []int{512}, 0, 1)
	for _, c := range []struct {
		name string
		kind mixer.Kind
		per  dataset.Grouping
	}{{"whole", mixer.Map, dataset.PerModality}, {"channels", mixer.Map, dataset.PerFeature}, {"steps of 112", mixer.Sequence, dataset.PerFeature},
		{"table", mixer.Table, dataset.PerFeature}, {"none", mixer.Table, dataset.None}} {
		b.Run(c.name, func(b *testing.B) {
			d, err := Open(b.Context(), Options{Name: "bench", Validation: 1, Labels: Files{Train: "y.npy"}, Standardise: c.per,
				Modalities: []Modality{{Name: "x", Kind: c.kind, Files: Files{Train: "x.npy"}}}}, dataset.Environment{Folder: folder})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			dst := make([]float32, 112*112)
			b.ReportAllocs()
			b.SetBytes(4 * 112 * 112)
			row := 0
			for b.Loop() {
				if err := d.Read(dataset.Train, 0, row%511, dst); err != nil {
					b.Fatal(err)
				}
				row++
			}
		})
	}
}
