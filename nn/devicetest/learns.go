package devicetest

import (
	"context"
	"math/rand/v2"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// learns trains each encoder on 64 random samples: within 200 steps it must predict all their labels. The slowest,
// hyper_mixer, is smaller if the device is emulated; brief runs only that one and the two fastest.
func learns(t *testing.T, d device.Device, emulated, brief bool) {
	image := func(architecture string, options any) mixer.Modality {
		return mixer.Modality{Name: "x", Kind: mixer.Map, Shape: []int{1, 14, 14}, Encoder: mixer.Choice{Architecture: architecture, Options: options}}
	}
	hyper := &mixer.HyperMixerOptions{Width: 32, Depth: 2, Patch: 7, TokenWidth: 16, ChannelWidth: 64, Heads: 2}
	if emulated || brief {
		hyper = &mixer.HyperMixerOptions{Width: 8, Depth: 1, Patch: 7, TokenWidth: 4, ChannelWidth: 16, Heads: 2}
	}
	for _, m := range []mixer.Modality{
		image("mlp_mixer", &mixer.MLPMixerOptions{Width: 32, Depth: 2, Patch: 7, TokenWidth: 16, ChannelWidth: 64}),
		image("hyper_mixer", hyper),
		image("monarch_mixer", &mixer.MonarchMixerOptions{Width: 36, Depth: 2, Patch: 7}),
		image("ramlp", &mixer.RaMLPOptions{Depths: []int{1, 1}, Dims: []int{16, 32}, MLPRatio: []int{2, 2}, Expansion: []int{2, 2}, Group: []int{1, 4}}),
		{Name: "x", Kind: mixer.Table, Shape: []int{20}, Encoder: mixer.Choice{Architecture: "simple_mlp",
			Options: &mixer.SimpleMLPOptions{Hidden: 64, Width: 32, Layers: 2}}},
	} {
		if name := m.Encoder.Architecture; brief && (name == "mlp_mixer" || name == "monarch_mixer") {
			continue
		}
		t.Run(m.Encoder.Architecture, func(t *testing.T) {
			const classes, count = 4, 64
			model, err := mixer.Build(mixer.Specification{Modalities: []mixer.Modality{m}, Classes: classes})
			if err != nil {
				t.Fatal(err)
			}
			random := rand.New(rand.NewPCG(8, 9))
			data := &samples{inputs: [][]float32{normal(random, count*product(m.Shape))}, rows: count}
			for range count {
				data.labels = append(data.labels, float32(random.IntN(classes)))
			}
			trainer, err := nn.NewTrainer(d, model, nn.Recipe{Optimiser: "adam", Batch: 32}, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer trainer.Close()
			if err := trainer.Load(model.Parameters().Initialise(1)); err != nil {
				t.Fatal(err)
			}
			right := 0
			for epoch := range 100 { // of two steps each
				if _, err := trainer.Epoch(context.Background(), data, epoch, 0.01, nil); err != nil {
					t.Fatal(err)
				}
				if right = correct(t, trainer, data, classes); right == count {
					return
				}
			}
			t.Errorf("%d of %d samples are right after 200 steps", right, count)
		})
	}
}

// correct returns the number of samples whose largest logit is that of their label.
func correct(t *testing.T, trainer *nn.Trainer, data *samples, classes int) int {
	t.Helper()
	logits, err := trainer.Predict(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for i, label := range data.labels {
		best := 0
		for k, z := range logits[i*classes:][:classes] {
			if z > logits[i*classes+best] {
				best = k
			}
		}
		if best == int(label) {
			right++
		}
	}
	return right
}
