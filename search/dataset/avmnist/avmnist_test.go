package avmnist_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/dataset/avmnist"
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

func TestAVMNIST(t *testing.T) {
	folder := datasettest.AVMNIST(t)
	d, err := openTiny(t, filepath.Base(folder), dataset.Environment{Folder: filepath.Dir(folder)})
	if err != nil {
		t.Fatal(err)
	}
	if d.Len(dataset.Train) != 4 || d.Len(dataset.Validation) != 2 || d.Len(dataset.Test) != 3 || d.Len(7) != 0 {
		t.Errorf("rows %d, %d, %d", d.Len(dataset.Train), d.Len(dataset.Validation), d.Len(dataset.Test))
	}
	if got := fmt.Sprint(d.Modalities()); got != "[{image map [1 2 2] false 0 0} {audio map [1 3 2] false 0 0}]" {
		t.Errorf("modalities %s", got)
	}
	if len(d.Task().Classes) != 10 || d.Task().Kind != task.OneLabel {
		t.Errorf("task %v", d.Task())
	}
	// The training rows of the images hold 0 to 15: mean 7.5, variance (16²−1)/12. Those of the audio hold 0 to 23.
	image := dataset.Uniform(7.5, math.Sqrt(255./12))
	audio := dataset.Uniform(11.5, math.Sqrt(575./12))
	for name, want := range map[string]dataset.Standardisation{"image": image, "audio": audio} {
		got := d.Preprocessing()[name]
		if math.Abs(got.Mean[0]-want.Mean[0]) > 1e-12 || math.Abs(got.Deviation[0]-want.Deviation[0]) > 1e-12 {
			t.Errorf("%s is standardised by %v, want %v", name, got, want)
		}
	}
	for _, c := range []struct {
		split    dataset.Split
		modality int
		row      int
		first    float64
		standard dataset.Standardisation
		label    float32
	}{
		{dataset.Train, 0, 1, 4, image, 1},
		{dataset.Validation, 0, 1, 20, image, 9},
		{dataset.Test, 0, 2, 8, image, 5},
		{dataset.Train, 1, 3, 18, audio, 7},
		{dataset.Validation, 1, 0, 24, audio, 8},
		{dataset.Test, 1, 0, 0, audio, 3},
	} {
		sample, label := make([]float32, d.Modalities()[c.modality].Size()), make([]float32, 1)
		if err := d.Read(c.split, c.modality, c.row, sample); err != nil {
			t.Fatal(err)
		}
		for i, v := range sample {
			if want := float32((c.first + float64(i) - c.standard.Mean[0]) / c.standard.Deviation[0]); math.Abs(float64(v-want)) > 1e-6 {
				t.Errorf("%s, modality %d, row %d, element %d: %v, want %v", c.split, c.modality, c.row, i, v, want)
			}
		}
		if err := d.Label(c.split, c.row, label); err != nil || label[0] != c.label {
			t.Errorf("%s, row %d: label %v, want %v: %v", c.split, c.row, label, c.label, err)
		}
	}
}

// TestNumericTypes opens the same numbers in every type and sample shape and gets the same samples.
func TestNumericTypes(t *testing.T) {
	want, err := openTiny(t, datasettest.AVMNIST(t), dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	for _, descr := range []string{"|u1", "|i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "<f4", ">f4", "<f8", ">f8"} {
		for _, shape := range [][]int{{6, 4}, {6, 2, 2}, {6, 1, 2, 2}, {6, 2, 2, 1}} {
			folder := datasettest.AVMNIST(t)
			datasettest.WriteArray(t, folder+"/image/train_data.npy", descr, shape, datasettest.Ramp(24)...)
			datasettest.WriteArray(t, folder+"/train_labels.npy", descr, []int{6, 1}, 0, 1, 2, 7, 8, 9)
			d, err := openTiny(t, folder, dataset.Environment{})
			if err != nil {
				t.Fatal(descr, shape, err)
			}
			for _, s := range []dataset.Split{dataset.Train, dataset.Validation, dataset.Test} {
				for row := range d.Len(s) {
					a, b := make([]float32, 5), make([]float32, 5)
					if err := errors.Join(d.Read(s, 0, row, a[:4]), want.Read(s, 0, row, b[:4]), d.Label(s, row, a[4:]), want.Label(s, row, b[4:])); err != nil {
						t.Fatal(descr, shape, err)
					}
					if !slices.Equal(a, b) {
						t.Errorf("%s %v: %s row %d is %v, want %v", descr, shape, s, row, a, b)
					}
				}
			}
		}
	}
}

func TestAVMNISTErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(folder string)
		want   []string
	}{
		{"missing file", func(f string) { os.Remove(f + "/train_labels.npy") }, []string{"train_labels.npy", "no such file"}},
		{"no folder", func(f string) { os.RemoveAll(f) }, []string{"no such file", "mixmas data build"}},
		{"NaN", func(f string) {
			datasettest.WriteArray(t, f+"/image/train_data.npy", "<f4", []int{6, 4}, append(datasettest.Ramp(22), math.NaN(), 1)...)
		}, []string{"image/train_data.npy", "row 5", "NaN"}},
		{"NaN in the first element", func(f string) {
			datasettest.WriteArray(t, f+"/image/train_data.npy", "<f8", []int{6, 4}, append([]float64{math.NaN()}, datasettest.Ramp(23)...)...)
		}, []string{"image/train_data.npy", "row 0", "NaN"}},
		{"infinite test value", func(f string) {
			datasettest.WriteArray(t, f+"/image/test_data.npy", ">f8", []int{3, 4}, append(datasettest.Ramp(7), math.Inf(-1), 1, 2, 3, 4)...)
		}, []string{"image/test_data.npy", "row 1", "-Inf"}},
		{"beyond float32", func(f string) { datasettest.WriteArray(t, f+"/image/test_data.npy", "<f8", []int{3, 4}, 1e300) }, []string{"image/test_data.npy", "row 0", "1e+300"}},
		{"label out of range", func(f string) { datasettest.WriteArray(t, f+"/train_labels.npy", "<i8", []int{6}, 0, 1, 2, 3, 10, 4) }, []string{"train_labels.npy", "row 4", "label 10", "0 to 9"}},
		{"negative label", func(f string) { datasettest.WriteArray(t, f+"/test_labels.npy", "|i1", []int{3}, 0, -1, 2) }, []string{"test_labels.npy", "row 1", "label -1"}},
		{"label between classes", func(f string) { datasettest.WriteArray(t, f+"/test_labels.npy", "<f4", []int{3}, 0, 1, 2.5) }, []string{"test_labels.npy", "row 2", "label 2.5 is not a whole number", "regression", "numpy.digitize"}},
		{"label that is no number", func(f string) { datasettest.WriteArray(t, f+"/test_labels.npy", "<f4", []int{3}, 0, 1, math.NaN()) }, []string{"test_labels.npy", "row 2", "label NaN is not a class"}},
		{"rows without a label", func(f string) { datasettest.WriteArray(t, f+"/test_labels.npy", "<f4", []int{3, 10}, 0) }, []string{"test_labels.npy: row 0: the row has 0 labels"}},
		{"fewer labels", func(f string) { datasettest.WriteArray(t, f+"/train_labels.npy", "<i8", []int{5}, 1) }, []string{"train_labels.npy", "image/train_data.npy", "4 rows", "3"}},
		{"fewer test samples", func(f string) { datasettest.WriteArray(t, f+"/audio/test_data.npy", "|u1", []int{2, 3, 2}, 1) }, []string{"audio/test_data.npy has 2 rows", "test_labels.npy has 3"}},
		{"no square", func(f string) { datasettest.WriteArray(t, f+"/image/train_data.npy", "<f4", []int{6, 5}, 1) }, []string{"image/train_data.npy", "5 elements"}},
		{"test samples of another shape", func(f string) { datasettest.WriteArray(t, f+"/audio/test_data.npy", "|u1", []int{3, 2, 3}, 1) }, []string{"audio/test_data.npy", "1×2×3", "1×3×2"}},
		{"too many axes", func(f string) { datasettest.WriteArray(t, f+"/audio/test_data.npy", "|u1", []int{3, 2, 3, 2, 2}, 1) }, []string{"audio/test_data.npy", "2×3×2×2"}},
		{"empty samples", func(f string) { datasettest.WriteArray(t, f+"/image/train_data.npy", "<f4", []int{6, 0}, 1) }, []string{"image/train_data.npy", "no elements"}},
		{"no rows", func(f string) { datasettest.WriteArray(t, f+"/test_labels.npy", "<f4", []int{0}, 1) }, []string{"test_labels.npy", "no rows"}},
		{"too few rows", func(f string) { datasettest.WriteArray(t, f+"/train_labels.npy", "<f4", []int{2}, 1) }, []string{"train_labels.npy", "the option validation takes 2 of 2 rows"}},
		{"truncated", func(f string) { os.Truncate(f+"/audio/train_data.npy", 90) }, []string{"audio/train_data.npy", "truncated", "6×3×2"}},
		{"longer", func(f string) { appendTo(t, f+"/audio/train_data.npy", "x") }, []string{"audio/train_data.npy", "longer"}},
		{"empty file", func(f string) { os.Truncate(f+"/audio/train_data.npy", 0) }, []string{"audio/train_data.npy", "truncated"}},
		{"a folder in the place of a file", func(f string) { os.Remove(f + "/test_labels.npy"); os.Mkdir(f+"/test_labels.npy", 0o755) }, []string{"test_labels.npy", "folder"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := datasettest.AVMNIST(t)
			c.change(folder)
			_, err := openTiny(t, folder, dataset.Environment{})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q has several lines", err)
			}
		})
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// fixed is a cache that answers every key with one value.
type fixed string

func (f fixed) Get(string) ([]byte, bool) { return []byte(f), true }

func (fixed) Put(string, []byte) error { return nil }

// TestPoisonedFacts opens data with a cache whose facts cannot be true: they are computed.
func TestPoisonedFacts(t *testing.T) {
	folder := datasettest.AVMNIST(t)
	honest, err := openTiny(t, folder, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	sum := strings.Repeat("ab", 32)
	for _, value := range []string{
		``, `null`, `[]`, `{}`, `{"sha256":"` + sum + `"`,
		`{"sha256":"` + sum + `","standardisation":{"per":"modality","mean":[0],"deviation":[0]}}`,
		`{"sha256":"` + sum + `","standardisation":{"per":"modality","mean":[0],"deviation":[-1]}}`,
		`{"sha256":"` + sum + `","standardisation":{"per":"modality","mean":[0],"deviation":[1e999]}}`,
		`{"sha256":"` + sum + `"}`,
		`{"sha256":"` + sum[:62] + `","standardisation":{"per":"modality","mean":[0],"deviation":[1]}}`,
		`{"sha256":"` + sum[:62] + `xy","standardisation":{"per":"modality","mean":[0],"deviation":[1]}}`,
		`{"sha256":"","standardisation":{"per":"modality","mean":[0],"deviation":[1]}}`,
	} {
		d, err := openTiny(t, folder, dataset.Environment{Cache: fixed(value)})
		if err != nil {
			t.Fatal(err)
		}
		if d.Fingerprint() != honest.Fingerprint() || !d.Preprocessing()["image"].Equal(honest.Preprocessing()["image"]) {
			t.Errorf("%s was believed", value)
		}
	}
}

func TestOpeningStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := avmnist.Open(ctx, avmnist.Options{Path: datasettest.AVMNIST(t), Validation: 2}, dataset.Environment{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
