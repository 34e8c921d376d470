package dataset

import (
	"context"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// openFormat opens a registered format with its default options, changed by change.
func openBuiltin(t testing.TB, change func(*BuiltinOptions)) Dataset {
	t.Helper()
	f, err := Lookup("builtin")
	if err != nil {
		t.Fatal(err)
	}
	o := f.Options().(*BuiltinOptions)
	if change != nil {
		change(o)
	}
	d, err := f.Open(context.Background(), o, Environment{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// features gathers the samples of some modalities of a split, side by side and with a constant, and the labels.
func features(t testing.TB, d Dataset, s Split, modalities ...int) (*mat.Dense, []int) {
	t.Helper()
	width := 1
	for _, m := range modalities {
		width += d.Modalities()[m].Size()
	}
	x, labels := mat.NewDense(d.Len(s), width, nil), make([]int, d.Len(s))
	for row := range labels {
		line := x.RawRowView(row)
		line[0] = 1
		at := 1
		for _, m := range modalities {
			sample := make([]float32, d.Modalities()[m].Size())
			if err := d.Read(s, m, row, sample); err != nil {
				t.Fatal(err)
			}
			for _, v := range sample {
				line[at] = float64(v)
				at++
			}
		}
		var label [1]float32
		if err := d.Label(s, row, label[:]); err != nil {
			t.Fatal(err)
		}
		labels[row] = int(label[0])
	}
	return x, labels
}

// ridge is the validation accuracy of linear regression onto one-hot labels with a penalty on the weights, solved in its
// dual form: (XXᵀ + λI)⁻¹Y.
func ridge(t testing.TB, d Dataset, modalities ...int) float64 {
	t.Helper()
	x, labels := features(t, d, Train, modalities...)
	rows, _ := x.Dims()
	target := mat.NewDense(rows, len(d.Classes()), nil)
	for row, label := range labels {
		target.Set(row, label, 1)
	}
	var gram mat.SymDense
	gram.SymOuterK(1, x)
	for i := range rows {
		gram.SetSym(i, i, gram.At(i, i)+float64(rows))
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(&gram) {
		t.Fatal("the Gram matrix is not positive definite")
	}
	var dual, weights, scores mat.Dense
	if err := cholesky.SolveTo(&dual, target); err != nil {
		t.Fatal(err)
	}
	weights.Mul(x.T(), &dual)
	x, labels = features(t, d, Validation, modalities...)
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
	d := openBuiltin(t, func(o *BuiltinOptions) { o.Train, o.Test = 700, 1 })
	image, audio, fused := ridge(t, d, 0), ridge(t, d, 1), ridge(t, d, 0, 1)
	t.Logf("accuracy: image %.3f, audio %.3f, fused %.3f", image, audio, fused)
	if fused < max(image, audio)+0.1 {
		t.Errorf("fused %.3f is less than 10 points above image %.3f and audio %.3f", fused, image, audio)
	}
	if min(image, audio) < 0.4 {
		t.Errorf("image %.3f, audio %.3f: a modality can hardly be learned", image, audio)
	}
}

func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		openBuiltin(b, nil)
	}
}
