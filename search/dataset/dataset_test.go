package dataset_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/dataset/avmnist"
	"mixmas/search/dataset/builtin"
	"mixmas/search/dataset/datasettest"
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
		"the model reads the modalities image, but this data set has audio, image":              {"image": dataset.Uniform(0, 1)},
		"the model reads the modalities audio, image, text, but this data set has audio, image": {"image": dataset.Uniform(0, 1), "audio": dataset.Uniform(0, 1), "text": dataset.Uniform(0, 1)},
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

// Facts that no pass can have found are not believed.
func TestFactsThatCannotBe(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	one := dataset.Request{Per: dataset.PerModality, Features: 2, Run: 1, Rows: dataset.Rows{Count: 1}}
	each := one
	each.Per = dataset.PerFeature
	two := dataset.Standardisation{Per: dataset.PerFeature, Mean: []float64{1, 2}, Deviation: []float64{1, 2}, Constant: []int{0}}
	for _, f := range []dataset.Facts{
		{SHA256: sum, Standardisation: dataset.Uniform(math.NaN(), 1)}, {SHA256: sum, Standardisation: dataset.Uniform(math.Inf(-1), 1)},
		{SHA256: sum, Standardisation: dataset.Uniform(0, math.NaN())}, {SHA256: sum, Standardisation: dataset.Uniform(0, math.Inf(1))},
		{SHA256: sum, Standardisation: dataset.Uniform(0, 0)}, {SHA256: sum[1:], Standardisation: dataset.Uniform(0, 1)}, {SHA256: sum},
		{SHA256: sum, Standardisation: two}, {SHA256: sum, Standardisation: dataset.Standardisation{Per: dataset.None}},
	} {
		if f.Check(one) == nil {
			t.Errorf("%v passes", f)
		}
	}
	beyond, short := two, two
	beyond.Constant, short.Deviation = []int{2}, []float64{1}
	for _, s := range []dataset.Standardisation{dataset.Uniform(0, 1), beyond, short, {Per: "step", Mean: []float64{1}, Deviation: []float64{1}}} {
		if (dataset.Facts{SHA256: sum, Standardisation: s}).Check(each) == nil {
			t.Errorf("%v passes", s)
		}
	}
	for r, s := range map[*dataset.Request]dataset.Standardisation{&one: dataset.Uniform(-3, 1e-300), &each: two, {}: {Per: dataset.None}} {
		if err := (dataset.Facts{SHA256: sum, Standardisation: s}).Check(*r); err != nil {
			t.Error(err)
		}
	}
}

// A standardisation is read as it was written, and in the form of before there were features.
func TestStandardisationInJSON(t *testing.T) {
	for text, want := range map[string]dataset.Standardisation{
		`{"mean":0.25,"deviation":3}`:                                       dataset.Uniform(0.25, 3),
		`{"per":"modality","mean":[0.25],"deviation":[3]}`:                  dataset.Uniform(0.25, 3),
		`{"per":"feature","mean":[1,2],"deviation":[1,0.5],"constant":[0]}`: {Per: dataset.PerFeature, Mean: []float64{1, 2}, Deviation: []float64{1, 0.5}},
		`{"per":"none"}`: {Per: dataset.None},
	} {
		var got dataset.Standardisation
		if err := json.Unmarshal([]byte(text), &got); err != nil || !got.Equal(want) || got.Check() != nil {
			t.Errorf("%s reads %v, %v", text, got, err)
		}
		again, err := json.Marshal(got)
		if err != nil || strings.Contains(text, "per") && string(again) != text {
			t.Errorf("%s is written %s, %v", text, again, err)
		}
	}
}
