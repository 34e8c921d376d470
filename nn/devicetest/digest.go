package devicetest

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
)

// TrainedDigest returns the SHA-256 of the weights after a few steps of a model that has every kind of operation. A
// device's tests pin it: if the bits change, the revision in the keys of scores must change too.
func TrainedDigest(t *testing.T, d device.Device) string {
	t.Helper()
	model, err := mixer.Build(mixed())
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := nn.NewTrainer(d, model, nn.Recipe{Batch: 6, Optimiser: "adamw", WeightDecay: 0.01}, 5)
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

// mixed describes a model with a map, a sequence, a picture and a table: all architectures, dropout, batch norm, several
// labels per sample.
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
		Fusion: mixer.Fuse("max"), Classes: 4, MultiLabel: true, PosWeight: []float32{1, 2, 3, 4},
		Network: &mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{
			Width: 16, Depth: 1, TokenWidth: 8, ChannelWidth: 24, Dropout: 0.1}},
	}
}

// waves are samples computed in exact arithmetic, so that they are the same on every CPU.
type waves struct{ model nn.Model }

// Len implements [nn.Samples].
func (waves) Len() int { return 20 }

// Read implements [nn.Samples].
func (waves) Read(row, input int, dst []float32) error {
	for i := range dst {
		dst[i] = float32((row*31+input*17+i*i*7)%64-32) / 16
	}
	return nil
}

// Label implements [nn.Samples].
func (waves) Label(row int, dst []float32) error {
	for i := range dst {
		dst[i] = float32((row >> i) & 1)
	}
	return nil
}
