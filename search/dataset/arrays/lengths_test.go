package arrays

import (
	"math"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
)

const steps, features = 5, 2

// lengthOf is how many steps of a row are real, which is also what its class is told from.
func lengthOf(row int) int { return row % (steps + 1) }

// notes opens sequences of differing lengths, whose padding holds the given value.
func notes(t *testing.T, padding float64, change func(*Options)) (dataset.Dataset, error) {
	t.Helper()
	folder := t.TempDir()
	for name, rows := range map[string]int{"train": 24, "test": 6} {
		var values, lengths, labels []float64
		for row := range rows {
			for step := range steps {
				for f := range features {
					v := padding
					if step < lengthOf(row) {
						v = math.Sin(float64(row*7+step*3)) + 100*float64(f)
					}
					values = append(values, v)
				}
			}
			lengths, labels = append(lengths, float64(lengthOf(row))), append(labels, float64(row%2))
		}
		datasettest.WriteArray(t, folder+"/"+name+".npy", "<f4", []int{rows, steps, features}, values...)
		datasettest.WriteArray(t, folder+"/"+name+"-lengths.npy", "|u1", []int{rows}, lengths...)
		datasettest.WriteArray(t, folder+"/"+name+"-labels.npy", "|u1", []int{rows}, labels...)
	}
	datasettest.WriteArray(t, folder+"/long.npy", "<f4", []int{24}, 1, 6)
	datasettest.WriteArray(t, folder+"/half.npy", "<f4", []int{24}, 1, 2.5)
	datasettest.WriteArray(t, folder+"/wide.npy", "|u1", []int{24, 2}, 1)
	o := Options{Name: "notes", Validation: 6, Standardise: dataset.PerFeature, Labels: Files{Train: "train-labels.npy", Test: "test-labels.npy"},
		Modalities: []Modality{{Name: "text", Kind: mixer.Sequence, Files: Files{Train: "train.npy", Test: "test.npy"},
			Lengths: Files{Train: "train-lengths.npy", Test: "test-lengths.npy"}}}}
	if change != nil {
		change(&o)
	}
	d, err := Open(t.Context(), o, dataset.Environment{Folder: folder})
	if err == nil {
		t.Cleanup(func() { d.Close() })
	}
	return d, err
}

// contents are the samples and masks of all rows, read as a model's inputs.
func contents(t *testing.T, d dataset.Dataset) (samples, masks []float32) {
	t.Helper()
	for _, split := range dataset.Splits {
		s, err := dataset.Select(d, split, nil, []string{"text", "text.mask"})
		if err != nil {
			t.Fatal(err)
		}
		for row := range s.Len() {
			sample, mask := slices.Repeat([]float32{7}, steps*features), slices.Repeat([]float32{7}, steps)
			if err := s.Read(row, 0, sample); err != nil {
				t.Fatal(err)
			}
			if err := s.Read(row, 1, mask); err != nil {
				t.Fatal(err)
			}
			samples, masks = append(samples, sample...), append(masks, mask...)
		}
	}
	return samples, masks
}

// trained are the predictions of a model that was trained on the notes.
func trained(t *testing.T, d dataset.Dataset) []float32 {
	t.Helper()
	m := d.Modalities()[0]
	model, err := mixer.Build(mixer.Specification{Classes: 2, Modalities: []mixer.Modality{{Name: m.Name, Kind: m.Kind, Shape: m.Shape, Masked: m.Masked,
		Encoder: mixer.Choice{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{Width: 4, Depth: 1, TokenWidth: 4, ChannelWidth: 4, Heads: 1}}}}})
	if err != nil {
		t.Fatal(err)
	}
	var inputs []string
	for _, in := range model.Inputs() {
		inputs = append(inputs, in.Name)
	}
	if !slices.Equal(inputs, []string{"text", "text.mask"}) {
		t.Fatalf("inputs %v", inputs)
	}
	trainer, err := nn.NewTrainer(cpu.New(cpu.Options{Workers: 1}), model, nn.Recipe{Batch: 6, Optimiser: "adam"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Load(model.Parameters().Initialise(1)); err != nil {
		t.Fatal(err)
	}
	train, err := dataset.Select(d, dataset.Train, nil, inputs)
	if err != nil {
		t.Fatal(err)
	}
	test, err := dataset.Select(d, dataset.Test, nil, inputs)
	if err != nil {
		t.Fatal(err)
	}
	for epoch := range 2 {
		if _, err := trainer.Epoch(t.Context(), train, epoch, 0.01, nil); err != nil {
			t.Fatal(err)
		}
	}
	logits, err := trainer.Predict(t.Context(), test)
	if err != nil {
		t.Fatal(err)
	}
	return logits
}

// What lies behind the real steps changes neither samples nor masks, statistics or trained models, were it no number.
func TestPaddingCountsForNothing(t *testing.T) {
	zeros, err := notes(t, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantSamples, wantMasks := contents(t, zeros)
	want := trained(t, zeros)
	if m := zeros.Modalities()[0]; !m.Masked {
		t.Errorf("modality %+v", m)
	}
	if s := zeros.Preprocessing()["text"]; len(s.Mean) != 2 || math.Abs(s.Mean[1]-s.Mean[0]-100) > 1e-4 || s.Deviation[0] < .5 {
		t.Errorf("standardised by %v", s)
	}
	sum := 0.0
	for row := range 18 { // for training
		for step := range steps {
			real := step < lengthOf(row)
			if mask := wantMasks[row*steps+step]; (mask == 1) != real || (mask == 0) == real {
				t.Errorf("row %d, step %d: mask %v", row, step, mask)
			}
			v := wantSamples[(row*steps+step)*features]
			if sum += float64(v); !real && v != 0 {
				t.Errorf("row %d, step %d of padding reads %v", row, step, v)
			}
		}
	}
	if math.Abs(sum) > 1e-4 {
		t.Errorf("the real steps add up to %v after standardisation", sum)
	}
	for _, padding := range []float64{-1e30, 3, math.NaN(), math.Inf(1)} {
		d, err := notes(t, padding, nil)
		if err != nil {
			t.Fatal(err)
		}
		samples, masks := contents(t, d)
		if !slices.Equal(samples, wantSamples) || !slices.Equal(masks, wantMasks) {
			t.Errorf("padding of %v changes samples or masks", padding)
		}
		if !d.Preprocessing()["text"].Equal(zeros.Preprocessing()["text"]) {
			t.Errorf("padding of %v changes the statistics to %v", padding, d.Preprocessing())
		}
		if got := trained(t, d); !slices.Equal(got, want) {
			t.Errorf("padding of %v changes the trained model: %v, want %v", padding, got, want)
		}
	}
}

func TestLengthsOptions(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"of a table", func(o *Options) { o.Modalities[0].Kind = mixer.Table }, "modalities[0].lengths: a table has no steps"},
		{"not for every split", func(o *Options) { o.Modalities[0].Lengths.Test = "" }, "modalities[0].lengths: only one of text and its lengths names a file for the test split"},
		{"too long", func(o *Options) { o.Modalities[0].Lengths.Train = "long.npy" }, "long.npy: row 1: the length 6 is not a number of steps: want a whole number from 0 to 5"},
		{"no whole number", func(o *Options) { o.Modalities[0].Lengths.Train = "half.npy" }, "half.npy: row 1: the length 2.5 is not a number of steps"},
		{"two numbers per row", func(o *Options) { o.Modalities[0].Lengths.Train = "wide.npy" }, "wide.npy: lengths have shape 24×2, want N"},
		{"of other rows", func(o *Options) { o.Modalities[0].Lengths.Train = "test-lengths.npy" }, "the option validation takes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := notes(t, 0, c.change); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	d, err := notes(t, 0, func(o *Options) { o.Modalities[0].Lengths = Files{} })
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Mask(dataset.Train, 0, 0, make([]float32, steps)); err == nil || !strings.Contains(err.Error(), "has no mask") {
		t.Errorf("error %v", err)
	}
	samples, err := dataset.Select(d, dataset.Train, nil, []string{"text.mask"})
	if err != nil {
		t.Fatal(err)
	}
	if mask := make([]float32, steps); samples.Read(1, 0, mask) != nil || slices.Contains(mask, 0) {
		t.Errorf("without lengths, the mask is %v", mask)
	}
	// Without lengths, the fingerprint is another.
	if masked, err := notes(t, 0, nil); err != nil || masked.Fingerprint() == d.Fingerprint() {
		t.Errorf("error %v", err)
	}
	if _, err := notes(t, math.NaN(), func(o *Options) { o.Modalities[0].Lengths = Files{} }); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("error %v", err)
	}
}

func TestReadingMaskedRowsAllocatesNothing(t *testing.T) {
	d, err := notes(t, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := dataset.Select(d, dataset.Train, nil, []string{"text", "text.mask"})
	if err != nil {
		t.Fatal(err)
	}
	sample, mask := make([]float32, steps*features), make([]float32, steps)
	if n := testing.AllocsPerRun(100, func() {
		if s.Read(3, 0, sample) != nil || s.Read(3, 1, mask) != nil {
			t.Fatal("cannot be read")
		}
	}); n != 0 {
		t.Errorf("%v allocations per row", n)
	}
}
