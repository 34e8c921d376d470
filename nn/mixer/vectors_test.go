package mixer_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/mixer"
)

// A table of words starts from word vectors, scaled to the size of positions; words without a vector keep their first row.
// Where vectors are wider than the tokens, a layer follows the table.
func TestStartFromVectors(t *testing.T) {
	const vocabulary, width = 9, 12
	vectors := make([]float32, vocabulary*width)
	for i := range vectors {
		if row := i / width; row > 1 && row != 4 {
			vectors[i] = float32(math.Sin(float64(i))) * 7
		}
	}
	words := textModality(4, smallHyper)
	words.Vectors = width
	one := mixer.Specification{Modalities: []mixer.Modality{words}, Classes: 3}
	for name, spec := range map[string]mixer.Specification{
		"encoder": one,
		"encoders.words": {Modalities: one.Modalities, Classes: 3, Fusion: mixer.Fuse("concat"),
			Network: &mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: 8, Depth: 1, TokenWidth: 5, ChannelWidth: 8}}},
	} {
		first, weights := build(t, spec).Parameters().Initialise(3), build(t, spec).Parameters().Initialise(3)
		if got := weights[name+".embed.proj.weight"].Shape; !slices.Equal(got, []int{8, width}) {
			t.Errorf("%s: the layer behind the table has shape %v", name, got)
		}
		if err := spec.StartFromVectors(weights, "words", vectors); err != nil {
			t.Fatal(err)
		}
		var squares float64
		table, before := weights[name+".embed.table"].Data, first[name+".embed.table"].Data
		for row := range vocabulary {
			if from := row * width; row <= 1 || row == 4 {
				if !slices.Equal(table[from:][:width], before[from:][:width]) {
					t.Errorf("%s: row %d changed, and has no vector", name, row)
				}
				continue
			}
			for i := row * width; i < (row+1)*width; i++ {
				squares += float64(table[i] * table[i])
				if want := vectors[i] * table[2*width] / vectors[2*width]; math.Abs(float64(table[i]-want)) > 1e-6 {
					t.Errorf("%s: element %d is %v, want %v", name, i, table[i], want)
				}
			}
		}
		if got := math.Sqrt(squares / (6 * width)); math.Abs(got-0.3) > 1e-6 {
			t.Errorf("%s: the vectors' elements have size %v, want 0.3", name, got)
		}
	}
	weights := build(t, one).Parameters().Initialise(3)
	if err := one.StartFromVectors(weights, "words", vectors[1:]); err == nil || !strings.Contains(err.Error(), "107 elements of word vectors, the table has 108") {
		t.Errorf("too few vectors: %v", err)
	}
	words.Vectors = 8
	as := mixer.Specification{Modalities: []mixer.Modality{words}, Classes: 3}
	if p := build(t, as).Parameters().Initialise(3); p["encoder.embed.proj.weight"].Data != nil || len(p["encoder.embed.table"].Data) != vocabulary*8 {
		t.Error("vectors as wide as the tokens have a layer behind the table")
	}
}
