package records_test

import (
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
)

// Half the rows lack their picture, the others their text. A model learns from what is there, and predicts the same logits for the
// rows of the test split and for the same rows from a table.
func TestTrainingWithHalfThePictures(t *testing.T) {
	table := &strings.Builder{}
	table.WriteString("photo,text,class,split\n")
	dir := folder(t, map[string]string{"white.png": picture(t, 8, 8, color.White), "black.png": picture(t, 8, 8, color.Black)})
	for i := range 60 {
		photo, text := []string{"white.png", "black.png"}[i%2], ""
		if i/2%2 == 0 {
			photo, text = "", []string{"it is white", "it is black"}[i%2]
		}
		fmt.Fprintf(table, "%s,%s,%s,%s\n", photo, text, []string{"w", "b"}[i%2], []string{"train", "train", "train", "val", "test"}[i/12])
	}
	write(t, filepath.Join(dir, "a.csv"), table.String())
	d := must(t, dir, `
		path: a.csv
		modalities: [{name: photo, kind: image, column: photo}, {name: text, kind: text, column: text}]
		labels: class
		split: {column: split}
	`)
	options := &mixer.HyperMixerOptions{Width: 4, Depth: 1, Patch: 4, TokenWidth: 4, ChannelWidth: 4, Heads: 1}
	plain := *options
	plain.Patch = 0
	specification := mixer.Specification{Classes: 2, Fusion: mixer.Fuse("concat"), Prediction: "mean",
		Network: &mixer.Choice{Architecture: "hyper_mixer", Options: &plain}}
	for i, m := range d.Modalities() {
		own := []*mixer.HyperMixerOptions{options, &plain}[i]
		specification.Modalities = append(specification.Modalities, mixer.Modality{Name: m.Name, Kind: m.Kind, Shape: m.Shape, Masked: m.Masked, Vocabulary: m.Vocabulary,
			Encoder: mixer.Choice{Architecture: "hyper_mixer", Options: own}})
	}
	model, err := mixer.Build(specification)
	if err != nil {
		t.Fatal(err)
	}
	var inputs []string
	for _, in := range model.Inputs() {
		inputs = append(inputs, in.Name)
	}
	trainer, err := nn.NewTrainer(cpu.New(cpu.Options{Workers: 1}), model, nn.Recipe{Batch: 6, Optimiser: "adam"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Load(model.Parameters().Initialise(1)); err != nil {
		t.Fatal(err)
	}
	selected := func(d dataset.Dataset, s dataset.Split) *dataset.Samples {
		samples, err := dataset.Select(d, s, nil, inputs)
		if err != nil {
			t.Fatal(err)
		}
		return samples
	}
	for epoch := range 40 {
		if _, err := trainer.Epoch(t.Context(), selected(d, dataset.Train), epoch, 0.02, nil); err != nil {
			t.Fatal(err)
		}
	}
	logits, err := trainer.Predict(t.Context(), selected(d, dataset.Test))
	if err != nil {
		t.Fatal(err)
	}
	for row := range d.Len(dataset.Test) {
		z := logits[2*row:][:2]
		if got := d.Task().Classes[slices.Index(z, slices.Max(z))]; got != label(t, d, dataset.Test, row) || math.IsNaN(float64(z[0])) {
			t.Errorf("row %d is taken for %s: %v", row, got, z)
		}
	}
	lines := strings.SplitAfter(table.String(), "\n")
	write(t, filepath.Join(dir, "new.csv"), lines[0]+strings.Join(lines[49:61], ""))
	u, err := predictor(t, d, dataset.Input{Files: []string{"new.csv"}}, dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := trainer.Predict(t.Context(), selected(u, dataset.Test))
	if err != nil || !slices.Equal(again, logits) {
		t.Errorf("predictions %v, want %v (%v)", again, logits, err)
	}
}
