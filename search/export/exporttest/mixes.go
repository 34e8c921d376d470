package exporttest

import (
	"fmt"
	"slices"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/search/combine"
	"mixmas/search/dataset"
	"mixmas/search/model"
)

// mixes are models whose inputs are masked in every combination that makes a difference, with either prediction, ensembles of them,
// and names that a program could stumble over.
func mixes() []Case {
	var list []Case
	small := func(name string, kind mixer.Kind, masked bool, width int) mixer.Modality {
		m := input(kind, masked)
		m.Name = name
		switch kind {
		case mixer.Table:
			m.Encoder = mixer.Choice{Architecture: "simple_mlp", Options: &mixer.SimpleMLPOptions{Hidden: 7, Width: width, Layers: 1}}
		case mixer.Map:
			m.Encoder = mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: width, Depth: 1, TokenWidth: 5, ChannelWidth: 9, Dropout: 0.1}}
		default:
			m.Encoder = mixer.Choice{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{Width: width, Depth: 1, TokenWidth: 6, ChannelWidth: 9, Heads: 1}}
		}
		return m
	}
	network := mixer.Choice{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{Width: 8, Depth: 1, TokenWidth: 6, ChannelWidth: 9, Heads: 2}}
	fused := func(fusion, prediction string, modalities ...mixer.Modality) mixer.Specification {
		return mixer.Specification{Modalities: modalities, Fusion: mixer.Fuse(fusion), Network: &network, Prediction: prediction, Classes: 3}
	}
	table := small("table", mixer.Table, false, 8)
	for i, c := range []struct {
		name       string
		modalities []mixer.Modality
	}{
		{"all there", []mixer.Modality{small("map", mixer.Map, false, 6), table}},
		{"equal widths", []mixer.Modality{small("map", mixer.Map, false, 8), table}},
		{"sequences masked", []mixer.Modality{small("steps", mixer.Sequence, true, 6), table}},
		{"maps masked", []mixer.Modality{small("map", mixer.Map, true, 6), table}},
		{"texts", []mixer.Modality{small("text", mixer.Text, true, 6), table}},
		{"all masked", []mixer.Modality{small("map", mixer.Map, true, 6), small("steps", mixer.Sequence, true, 4), small("text", mixer.Text, true, 8), small("row", mixer.Table, true, 2)}},
	} {
		for k, prediction := range []string{mixer.MeanPrediction, mixer.FusionPrediction} {
			fusion := []string{"concat", "mean", "max", "sum"}[(i+k)%4]
			list = append(list, New(fmt.Sprintf("mix/%s/%s/%s", c.name, fusion, prediction), fused(fusion, prediction, c.modalities...)))
		}
	}

	odd := New("mix/odd names", fused("concat", "", small("type", mixer.Table, false, 6), small("a\"\"\"b\\ '{x} #\n", mixer.Sequence, true, 8)))
	odd.Description.Name, odd.Description.Classes = "\x1b[31m\"\"\"\n\\", []string{`<script>"""`, `=1+1\`, "\u202ea\nb"}
	many := New("mix/many classes", mixer.Specification{Modalities: []mixer.Modality{table}, Classes: 150})
	many.Description.Preprocessing["table"] = dataset.Standardisation{Per: dataset.None}
	for i := range many.Inputs[0].Values {
		many.Inputs[0].Values[i] = float32(i%7) / 3
	}
	list = append(list, odd, many)

	plain, lacking := fused("mean", mixer.FusionPrediction, small("map", mixer.Map, false, 6), table), fused("sum", "", small("text", mixer.Text, true, 6), table)
	alone := mixer.Specification{Modalities: []mixer.Modality{table}, Classes: 3}
	without := fused("mean", mixer.MeanPrediction, optional(plain.Modalities)...)
	one := mixer.Specification{Modalities: []mixer.Modality{table}, Classes: 1} // whose logits are all 0
	return append(list,
		New("mix/trained to do without", fused("gated", "", optional([]mixer.Modality{small("map", mixer.Map, false, 8), small("steps", mixer.Sequence, false, 8),
			small("text", mixer.Text, true, 8), table})...)),
		together("mix/ensemble/some members do without", combine.LogProbabilities, plain, without, alone),
		together("mix/ensemble/all members do without", combine.LogProbabilities, without, without),
		together("mix/ensemble/one class", combine.LogProbabilities, one, one),
		together("mix/ensemble/one architecture", combine.Probabilities, plain, plain, plain),
		together("mix/ensemble/two predictions", combine.Probabilities, plain, fused("concat", "", plain.Modalities...), alone),
		together("mix/ensemble/some rows lack an input", combine.LogProbabilities, plain, lacking, alone))
}

// optional are the modalities of a model that was trained to do without each of them.
func optional(list []mixer.Modality) []mixer.Modality {
	list = slices.Clone(list)
	for i := range list {
		list[i].Masked, list[i].Optional = true, true
	}
	return list
}

// together is an ensemble of models with weights of their own.
func together(name string, mean combine.Mean, specs ...mixer.Specification) Case {
	c := New(name, specs[0])
	e := &model.Ensemble{Mean: mean}
	var parts []nn.Weights
	for i, spec := range specs {
		c.addInputs(spec)
		parts = append(parts, weights(fmt.Sprint(name, i), spec))
		e.Members = append(e.Members, model.Member{Model: spec, Member: combine.Member{Weight: 0.5 + float64(i), Temperature: 1 / (1 + float64(i))}})
	}
	c.Description.Model, c.Description.Ensemble, c.Weights = mixer.Specification{}, e, model.Join(parts)
	return c
}
