package search_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/cpu/simd"
	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search"
)

// digests of the weights after a few steps of a model that has every kind of operation, by numerics, at the current
// NumericsRevision. When a change of the kernels or of the recorder moves them, raise the revision and set them anew:
// otherwise kept scores would pass for what this program would compute.
var digests = struct {
	revision int
	weights  map[string]string
}{2, map[string]string{
	"cpu/amd64/avx2":     "88c2cd68a03f6313d3893bc5f50817fed2b7afb0b15fa5ff8eac9b044495210a",
	"cpu/amd64/portable": "44c8570a9369465b417e006b4064818c5a2fd651676a16c950b068dc315daaa4",
}}

func TestTrainedBitsMoveOnlyWithTheRevision(t *testing.T) {
	if digests.revision != search.NumericsRevision {
		t.Fatalf("the digests are those of revision %d, the program has %d", digests.revision, search.NumericsRevision)
	}
	for _, kernels := range []*simd.Set{simd.Portable(), simd.Best()} {
		d := cpu.New(cpu.Options{Workers: 2, Kernels: kernels})
		t.Run(d.Numerics(), func(t *testing.T) {
			want, pinned := digests.weights[d.Numerics()]
			if got := digest(t, d); pinned && got != want {
				t.Errorf("the trained weights have digest %s, pinned is %s", got, want)
			}
		})
	}
}

// mixed is a model of a map, a sequence, a picture and a table: all architectures, dropout, batch norm, many labels.
func mixed() mixer.Specification {
	choice := func(name string, options any) mixer.Choice { return mixer.Choice{Architecture: name, Options: options} }
	return mixer.Specification{
		Modalities: []mixer.Modality{
			{Name: "map", Kind: mixer.Map, Shape: []int{1, 28, 28}, Encoder: choice("ramlp", &mixer.RaMLPOptions{
				Depths: []int{1, 1, 1, 1}, Dims: []int{4, 8, 16, 16}, MLPRatio: []int{2, 2, 2, 2}, Expansion: []int{2, 2, 2, 2},
				Region: []int{7, 4, 2, 1}, Group: []int{1, 2, 4, 8}})},
			{Name: "sequence", Kind: mixer.Sequence, Shape: []int{5, 12}, Encoder: choice("hyper_mixer", &mixer.HyperMixerOptions{
				Width: 16, Depth: 1, TokenWidth: 8, ChannelWidth: 24, Heads: 2, Dropout: 0.1})},
			{Name: "picture", Kind: mixer.Map, Shape: []int{1, 6, 6}, Encoder: choice("monarch_mixer", &mixer.MonarchMixerOptions{
				Width: 16, Depth: 1, Patch: 2})},
			{Name: "table", Kind: mixer.Table, Shape: []int{6}, Encoder: choice("simple_mlp", &mixer.SimpleMLPOptions{
				Hidden: 24, Width: 12, Layers: 2, Dropout: 0.1})},
		},
		Fusion: "max", Classes: 4, MultiLabel: true, PosWeight: []float32{1, 2, 3, 4},
		Network: &mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{
			Width: 16, Depth: 1, TokenWidth: 8, ChannelWidth: 24, Dropout: 0.1}},
	}
}

func digest(t *testing.T, d *cpu.Device) string {
	model, err := mixer.Build(mixed())
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := nn.NewTrainer(d, model, nn.Recipe{Batch: 6, Seed: 5, Optimiser: nn.Optimiser{Name: "adamw", WeightDecay: 0.01}})
	if err != nil {
		t.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Load(model.Parameters().Initialise(3)); err != nil {
		t.Fatal(err)
	}
	for epoch := range 2 {
		if _, err := trainer.Epoch(t.Context(), waves{model}, epoch, 1e-3, nil); err != nil {
			t.Fatal(err)
		}
	}
	weights, err := trainer.Weights()
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.New()
	if err := safetensors.Write(h, weights, nil); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// waves are samples computed in exact arithmetic, so that they are the same on every processor.
type waves struct{ model nn.Model }

func (waves) Len() int { return 20 }
func (waves) Read(row, input int, dst []float32) error {
	for i := range dst {
		dst[i] = float32((row*31+input*17+i*i*7)%64-32) / 16
	}
	return nil
}
func (waves) Label(row int, dst []float32) error {
	for i := range dst {
		dst[i] = float32((row >> i) & 1)
	}
	return nil
}
