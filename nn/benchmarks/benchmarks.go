// Package benchmarks lists the models whose speed is measured: by the program's bench command, by the test suite of
// devices, and in comparison with their PyTorch definitions.
package benchmarks

import (
	"cmp"
	"fmt"

	"mixmas/nn/mixer"
)

// Case is a model and the number of samples per step.
type Case struct {
	// Name consists of data set, modality and architecture, or is the name of a preset.
	Name          string
	Specification mixer.Specification
	Batch         int
}

// sizes are the published sizes of mixers for one data set.
type sizes struct{ width, depth, tokens, channels int }

// choice returns an architecture of these sizes, as in the presets.
func (z sizes) choice(architecture string) mixer.Choice {
	c := mixer.Choice{Architecture: architecture}
	switch architecture {
	case "mlp_mixer":
		c.Options = &mixer.MLPMixerOptions{Width: z.width, Depth: z.depth, TokenWidth: z.tokens, ChannelWidth: z.channels}
	case "hyper_mixer":
		c.Options = &mixer.HyperMixerOptions{Width: z.width, Depth: z.depth, TokenWidth: 256, ChannelWidth: z.channels, Heads: 1}
	case "monarch_mixer":
		c.Options = &mixer.MonarchMixerOptions{Width: z.width, Depth: z.depth}
	}
	return c
}

// Peers lists the models that are compared with PyTorch: every architecture on every published input, and the whole AV-MNIST
// model.
func Peers() []Case {
	image, audio, series := input("m2mixer-avmnist", 0), input("m2mixer-avmnist", 1), input("m2mixer-mimic", 0)
	pictures := mixer.Modality{Name: "image", Kind: mixer.Map, Shape: []int{3, 160, 256}}
	text := mixer.Modality{Name: "text", Kind: mixer.Sequence, Shape: []int{512, 768}}
	row := mixer.Modality{Name: "row", Kind: mixer.Table, Shape: []int{48}}
	avmnist := sizes{width: 128, depth: 4, tokens: 32, channels: 3072}
	mmimdb, mimic := sizes{width: 256, depth: 4, tokens: 32, channels: 3072}, sizes{width: 64, depth: 1, tokens: 16, channels: 64}

	var list []Case
	add := func(name string, batch int, input mixer.Modality, encoder mixer.Choice, classes int, multiLabel bool) {
		input.Encoder = encoder
		list = append(list, Case{Name: name + "/" + encoder.Architecture, Batch: batch, Specification: mixer.Specification{
			Modalities: []mixer.Modality{input}, Classes: classes, MultiLabel: multiLabel}})
	}
	for _, k := range []string{"mlp_mixer", "hyper_mixer", "monarch_mixer"} {
		add("avmnist/image", 32, image, avmnist.choice(k), 10, false)
		add("avmnist/audio", 32, audio, avmnist.choice(k), 10, false)
		add("mmimdb/image", 8, pictures, mmimdb.choice(k), 23, true)
		add("mmimdb/text", 8, text, mmimdb.choice(k), 23, true)
		add("mimic/series", 32, series, mimic.choice(k), 6, false)
	}
	add("avmnist/image", 32, image, mixer.Choice{Architecture: "ramlp"}, 10, false)
	add("avmnist/audio", 8, audio, mixer.Choice{Architecture: "ramlp"}, 10, false)
	for _, s := range []struct{ batch, steps, features, width int }{{64, 128, 64, 64}, {64, 32, 128, 128}, {16, 400, 32, 64}} {
		for _, k := range []string{"gru", "lstm"} {
			series := mixer.Modality{Name: "series", Kind: mixer.Sequence, Shape: []int{s.steps, s.features}}
			add(fmt.Sprintf("series/%dx%d", s.steps, s.features), s.batch, series,
				mixer.Choice{Architecture: k, Options: &mixer.RecurrentOptions{Width: s.width, Depth: 1}}, 6, false)
		}
	}
	transformer := func(width, depth, heads, hidden, patch int) mixer.Choice {
		return mixer.Choice{Architecture: "transformer", Options: &mixer.TransformerOptions{Width: width, Depth: depth, Heads: heads, Hidden: hidden,
			Patch: patch, Norm: "pre", Positions: "learned", Token: "mean"}}
	}
	add("avmnist/image", 64, image, transformer(128, 4, 4, 512, 4), 10, false)
	add("mimic/series", 32, series, transformer(64, 1, 4, 128, 0), 6, false)
	add("table", 64, row, mixer.Choice{Architecture: "ft_transformer",
		Options: &mixer.FTTransformerOptions{Width: 64, Depth: 2, Heads: 4, Hidden: 85}}, 2, false)
	add("avmnist/image", 64, image, mixer.Choice{Architecture: "residual_cnn", Options: &mixer.ResidualCNNOptions{Width: 64, Stages: 3,
		Blocks: 1, Kernel: 3, Tokens: 64}}, 10, false)
	add("mimic/series", 32, series, mixer.Choice{Architecture: "dilated_cnn", Options: &mixer.DilatedCNNOptions{Width: 64, Depth: 4, Kernel: 3}}, 6, false)
	add("avmnist/image", 64, image, mixer.Choice{Architecture: "gmlp", Options: &mixer.GMLPOptions{Width: 128, Depth: 4, Patch: 4, Hidden: 256}}, 10, false)
	add("avmnist/image", 64, image, mixer.Choice{Architecture: "resmlp", Options: &mixer.ResMLPOptions{Width: 128, Depth: 4, Patch: 4, Hidden: 512}}, 10, false)
	add("table", 64, row, mixer.Choice{Architecture: "residual_mlp", Options: &mixer.ResidualMLPOptions{Width: 128, Depth: 2, Hidden: 256, Bins: 8}}, 2, false)
	for _, k := range []string{"mlp_mixer", "hyper_mixer"} {
		full := preset("searched-avmnist")
		for i := range full.Modalities {
			full.Modalities[i].Encoder = avmnist.choice(k)
		}
		network := avmnist
		network.depth = 2
		fusion := network.choice(k)
		full.Network = &fusion
		list = append(list, Case{Name: "avmnist/full/" + k, Batch: 32, Specification: full})
	}
	return list
}

// input returns a modality of a preset.
func input(name string, modality int) mixer.Modality { return preset(name).Modalities[modality] }

func preset(name string) mixer.Specification {
	p, err := mixer.LookupPreset(name)
	if err != nil {
		panic(err)
	}
	return p.Specification(0)
}

// All lists the models that are compared with PyTorch, and the presets.
func All() []Case {
	list := Peers()
	batches := map[string]int{"m2mixer-mimic": 128}
	for _, p := range mixer.Presets() {
		list = append(list, Case{Name: p.Name, Specification: p.Specification(0), Batch: cmp.Or(batches[p.Name], 32)})
	}
	return list
}
