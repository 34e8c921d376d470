package builtin

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"mixmas/search/dataset"
)

// openFormat opens a registered format with its default options, changed by change.
func openBuiltin(t testing.TB, change func(*Options)) dataset.Dataset {
	t.Helper()
	f, err := dataset.Lookup("builtin")
	if err != nil {
		t.Fatal(err)
	}
	o := f.Options().(*Options)
	if change != nil {
		change(o)
	}
	d, err := f.Open(context.Background(), o, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// features gathers a constant and the samples of some modalities of a split, averaged over 2×2 elements, and the labels.
func features(t testing.TB, d dataset.Dataset, s dataset.Split, modalities ...int) (*mat.Dense, []int) {
	t.Helper()
	const half = side / 2
	x, labels := mat.NewDense(d.Len(s), 1+len(modalities)*half*half, nil), make([]int, d.Len(s))
	sample, label := make([]float32, mapSize), make([]float32, 1)
	for row := range labels {
		line := x.RawRowView(row)
		line[0] = 1
		for i, m := range modalities {
			if err := d.Read(s, m, row, sample); err != nil {
				t.Fatal(err)
			}
			pooled := line[1+i*half*half:]
			for j, v := range sample {
				pooled[j/side/2*half+j%side/2] += float64(v) / 4
			}
		}
		if err := d.Label(s, row, label); err != nil {
			t.Fatal(err)
		}
		labels[row] = int(label[0])
	}
	return x, labels
}

// ridge is the validation accuracy of linear regression onto one-hot labels with a penalty on the weights.
func ridge(t testing.TB, d dataset.Dataset, modalities ...int) float64 {
	t.Helper()
	x, labels := features(t, d, dataset.Train, modalities...)
	rows, width := x.Dims()
	target := mat.NewDense(rows, len(d.Task().Classes), nil)
	for row, label := range labels {
		target.Set(row, label, 1)
	}
	var gram mat.SymDense
	gram.SymOuterK(1, x.T())
	for i := range width {
		gram.SetSym(i, i, gram.At(i, i)+.1*float64(rows))
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(&gram) {
		t.Fatal("the Gram matrix is not positive definite")
	}
	var projected, weights, scores mat.Dense
	projected.Mul(x.T(), target)
	if err := cholesky.SolveTo(&weights, &projected); err != nil {
		t.Fatal(err)
	}
	x, labels = features(t, d, dataset.Validation, modalities...)
	scores.Mul(x, &weights)
	hits := 0
	for row, label := range labels {
		if floats.MaxIdx(scores.RawRowView(row)) == label {
			hits++
		}
	}
	return float64(hits) / float64(len(labels))
}

func TestFusedBeatsEachModality(t *testing.T) {
	d := openBuiltin(t, func(o *Options) { o.Train, o.Test = 1000, 1 })
	image, audio, fused := ridge(t, d, 0), ridge(t, d, 1), ridge(t, d, 0, 1)
	t.Logf("accuracy: image %.3f, audio %.3f, fused %.3f", image, audio, fused)
	if fused < max(image, audio)+0.1 {
		t.Errorf("fused %.3f is less than 10 points above image %.3f and audio %.3f", fused, image, audio)
	}
	if min(image, audio) < 0.4 {
		t.Errorf("image %.3f, audio %.3f: a modality can hardly be learned", image, audio)
	}
}

func TestBuiltinDependsOnTheSeedRowByRow(t *testing.T) {
	small := openBuiltin(t, func(o *Options) { o.Train, o.Validation, o.Test = 20, 10, 10 })
	again := openBuiltin(t, func(o *Options) { o.Train, o.Validation, o.Test = 20, 10, 10 })
	if small.Fingerprint() != again.Fingerprint() {
		t.Error("the same options give another fingerprint")
	}
	for name, change := range map[string]func(*Options){
		"seed":       func(o *Options) { o.Seed = 2 },
		"noise":      func(o *Options) { o.Noise = 2 },
		"ambiguity":  func(o *Options) { o.Ambiguity = 1 },
		"classes":    func(o *Options) { o.Classes = 9 },
		"validation": func(o *Options) { o.Validation = 11 },
	} {
		other := openBuiltin(t, func(o *Options) { o.Train, o.Validation, o.Test = 20, 10, 10; change(o) })
		if other.Fingerprint() == small.Fingerprint() {
			t.Errorf("another %s gives the same fingerprint", name)
		}
	}
	// A row is the same whatever was drawn before it, and another in another split.
	o := Options{Classes: 10, Ambiguity: .5, Noise: 1, Seed: 3}
	row := func(s dataset.Split) []float32 {
		sample := make([]float32, 2*mapSize)
		draw(o, s, 5, sample[:mapSize], sample[mapSize:])
		return sample
	}
	a, b, c := row(dataset.Train), row(dataset.Train), row(dataset.Validation)
	if !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Error("a row does not depend on seed, split and row alone")
	}
}

func TestBuiltinIsStandardised(t *testing.T) {
	d := openBuiltin(t, func(o *Options) { o.Train, o.Validation, o.Test = 50, 1, 1 })
	for m := range d.Modalities() {
		sample := make([]float32, mapSize)
		sum, squares := 0.0, 0.0
		for row := range d.Len(dataset.Train) {
			if err := d.Read(dataset.Train, m, row, sample); err != nil {
				t.Fatal(err)
			}
			for _, v := range sample {
				sum += float64(v)
				squares += float64(v) * float64(v)
			}
		}
		n := float64(d.Len(dataset.Train) * mapSize)
		if mean, deviation := sum/n, math.Sqrt(squares/n); math.Abs(mean) > 1e-5 || math.Abs(deviation-1) > 1e-5 {
			t.Errorf("modality %d has mean %v and deviation %v", m, mean, deviation)
		}
	}
}

// TestTwins checks that what one modality leaves open, the other decides.
func TestTwins(t *testing.T) {
	for classes := 3; classes <= 10; classes++ {
		alone := 0
		for digit := range classes {
			image, audio := twin(digit, 0, classes), twin(digit, 1, classes)
			if image == digit || audio == digit {
				alone++
			}
			if image == audio {
				t.Errorf("%d classes: %d has the twin %d in both modalities", classes, digit, image)
			}
			if twin(image, 0, classes) != digit || twin(audio, 1, classes) != digit {
				t.Errorf("%d classes: the twins of %d are not twins of each other", classes, digit)
			}
		}
		if want := 2 * (classes % 2); alone != want {
			t.Errorf("%d classes: %d digits lack a twin, want %d", classes, alone, want)
		}
	}
}

func TestOptions(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"option train: want at least 1, got 0":                            func(o *Options) { o.Train = 0 },
		"option test: want at least 1, got -1":                            func(o *Options) { o.Test = -1 },
		"option validation: want at most 100000, got 9223372036854775807": func(o *Options) { o.Validation = math.MaxInt },
		"200000 rows including those":                                     func(o *Options) { o.Train, o.Test = 99_500, 100_000 },
		"option classes: want at least 3, got 2":                          func(o *Options) { o.Classes = 2 },
		"option classes: want at most 10, got 11":                         func(o *Options) { o.Classes = 11 },
		"option ambiguity: want at least 0, got NaN":                      func(o *Options) { o.Ambiguity = math.NaN() },
		"option noise: want at least 0, got -1":                           func(o *Options) { o.Noise = -1 },
	} {
		f, err := dataset.Lookup("builtin")
		if err != nil {
			t.Fatal(err)
		}
		o := f.Options().(*Options)
		change(o)
		if _, err := f.Open(context.Background(), o, dataset.Environment{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestOpeningStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	o := Options{Train: 4, Validation: 2, Test: 3, Classes: 10}
	if _, err := Open(ctx, o, dataset.Environment{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	d, err := generate(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.standardise(ctx, dataset.Environment{}); !errors.Is(err, context.Canceled) {
		t.Errorf("statistics: error %v", err)
	}
	if err := d.standardise(t.Context(), dataset.Environment{}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.sign(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("fingerprint: error %v", err)
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		openBuiltin(b, nil)
	}
}
