package mixer

import "mixmas/nn/registry"

// Preset is a published model, ready to train.
type Preset struct {
	// Name selects it; Doc is one line of documentation.
	Name, Doc string
	// Specification returns the model's specification for a dropout probability.
	Specification func(dropout float64) Specification
}

var presets = registry.NewOrdered[Preset]("preset")

func init() {
	for _, p := range []Preset{
		{"m2mixer-avmnist", "M2-Mixer for AV-MNIST (Bezirganyan et al. 2023): MLP-Mixers, concatenated. 8,339,354 parameters.", m2mixerAVMNIST},
		{"m2mixer-mimic", "M2-Mixer for MIMIC-III (Bezirganyan et al. 2023): an MLP-Mixer over time, an MLP for the table. 29,355 parameters.", m2mixerMIMIC},
		{"searched-avmnist", "The model found for AV-MNIST: HyperMixers, concatenated. 9,318,430 parameters.", searchedAVMNIST},
	} {
		presets.Register(p.Name, p.Doc, p)
	}
}

// Presets lists all presets.
func Presets() []Preset { return presets.All() }

// LookupPreset finds a preset by name. The error lists the known names.
func LookupPreset(name string) (Preset, error) { return presets.Lookup(name) }

// sizes are the published sizes of mixers for one data set.
type sizes struct{ width, depth, tokens, channels int }

var (
	avmnistSizes = sizes{width: 128, depth: 4, tokens: 32, channels: 3072}
	mimicSizes   = sizes{width: 64, depth: 1, tokens: 16, channels: 64}
)

// The inputs of the published data sets. The patches of maps are the default ones.
var (
	avmnistImage = Modality{Name: "image", Kind: Map, Shape: []int{1, 28, 28}}
	avmnistAudio = Modality{Name: "audio", Kind: Map, Shape: []int{1, 112, 112}}
	mimicSeries  = Modality{Name: "series", Kind: Sequence, Shape: []int{24, 12}}
	mimicStatic  = Modality{Name: "static", Kind: Table, Shape: []int{5}}
)

func (m Modality) with(encoder Choice) Modality {
	m.Encoder = encoder
	return m
}

// choice returns an architecture of these sizes. HyperMixer generates token MLPs of width 256, as the published number of
// parameters implies.
func (z sizes) choice(architecture string, dropout float64) Choice {
	switch architecture {
	case "mlp_mixer":
		return Choice{architecture, &MLPMixerOptions{Width: z.width, Depth: z.depth, TokenWidth: z.tokens, ChannelWidth: z.channels, Dropout: dropout}}
	case "hyper_mixer":
		return Choice{architecture, &HyperMixerOptions{Width: z.width, Depth: z.depth, TokenWidth: 256, ChannelWidth: z.channels, Heads: 1, Dropout: dropout}}
	}
	panic("mixer: no preset of architecture " + architecture)
}

// avmnist returns a model with one architecture for both encoders and the fusion network.
func avmnist(architecture string, network sizes, prediction string, dropout float64) Specification {
	encoder, fusion := avmnistSizes.choice(architecture, dropout), network.choice(architecture, dropout)
	return Specification{Modalities: []Modality{avmnistImage.with(encoder), avmnistAudio.with(encoder)},
		Fusion: Fuse("concat"), Network: &fusion, Prediction: prediction, Classes: 10}
}

func m2mixerAVMNIST(dropout float64) Specification {
	return avmnist("mlp_mixer", sizes{width: 128, depth: 2, tokens: 32, channels: 3078}, FusionPrediction, dropout)
}

func searchedAVMNIST(dropout float64) Specification {
	return avmnist("hyper_mixer", sizes{width: 128, depth: 2, channels: 3072}, MeanPrediction, dropout)
}

func m2mixerMIMIC(dropout float64) Specification {
	static := Choice{"simple_mlp", &SimpleMLPOptions{Hidden: 64, Width: 64, Layers: 2, Dropout: dropout}}
	network := sizes{width: 64, depth: 1, tokens: 8, channels: 64}.choice("mlp_mixer", dropout)
	return Specification{
		Modalities: []Modality{mimicSeries.with(mimicSizes.choice("mlp_mixer", dropout)), mimicStatic.with(static)},
		Fusion:     Fuse("concat"), Network: &network, Prediction: FusionPrediction, Classes: 6}
}
