package exporttest

import (
	"fmt"
	"math/rand/v2"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/search/combine"
	"mixmas/search/dataset"
	"mixmas/search/model"
)

// Random is a model of random modalities, sizes, architectures with options, statistics and thresholds, or an ensemble of some. The
// same seed gives the same model. Its layer norms have four features or more, so that they do not enlarge rounding errors much.
func Random(seed uint64) Case {
	d := drawer{rand.New(rand.NewPCG(seed, 2))}
	name := fmt.Sprintf("random/%d", seed)
	var all []mixer.Modality
	for i := range d.between(1, 4) {
		all = append(all, d.modality(i))
	}
	classes, several := d.between(1, 6), d.chance(3)
	if d.chance(8) {
		classes = d.between(1, 2) * 60
	}
	var specs []mixer.Specification
	if d.chance(2) {
		specs = append(specs, d.specification(all))
	} else {
		for range d.between(1, 4) { // members, some of which read some of the inputs
			some := []mixer.Modality{}
			for _, i := range d.Perm(len(all))[:d.between(1, len(all))] {
				m := all[i]
				d.encoder(&m)
				some = append(some, m)
			}
			specs = append(specs, d.specification(some))
		}
	}
	for i := range specs {
		specs[i].Classes, specs[i].MultiLabel = classes, several
	}
	c := New(name, specs[0])
	if len(specs) > 1 || d.chance(8) {
		e := &model.Ensemble{Mean: []combine.Mean{combine.Probabilities, combine.LogProbabilities}[d.IntN(2)]}
		var parts []nn.Weights
		for i, spec := range specs {
			c.addInputs(spec)
			parts = append(parts, weights(fmt.Sprint(name, i), spec))
			e.Members = append(e.Members, model.Member{Model: spec, Member: combine.Member{Weight: 0.1 + d.Float64(), Temperature: 0.2 + 3*d.Float64()}})
		}
		c.Description.Model, c.Description.Ensemble, c.Weights = mixer.Specification{}, e, model.Join(parts)
	}
	c.Description.Name = "a model"
	for k := range c.Inputs {
		in := &c.Inputs[k]
		s := d.statistics(in.Modality)
		c.Description.Preprocessing[in.Name] = s
		*in = draw(d.Rand, in.Modality, s, c.Rows)
	}
	if d.chance(2) {
		for range classes {
			c.Description.Thresholds = append(c.Description.Thresholds, d.NormFloat64())
		}
	}
	return c
}

// drawer draws at random.
type drawer struct{ *rand.Rand }

func (d drawer) between(low, high int) int { return low + d.IntN(high-low+1) }

// chance is true in one of n cases.
func (d drawer) chance(n int) bool { return d.IntN(n) == 0 }

// side is a length that is often 1.
func (d drawer) side(most int) int {
	if d.chance(5) {
		return 1
	}
	return d.between(1, most)
}

// modality draws an input with its encoder.
func (d drawer) modality(i int) mixer.Modality {
	kind := []mixer.Kind{mixer.Map, mixer.Sequence, mixer.Text, mixer.Table}[d.IntN(4)]
	m := mixer.Modality{Name: fmt.Sprint(kind, " ", i), Kind: kind, Masked: kind == mixer.Text || d.chance(2)}
	switch kind {
	case mixer.Map:
		m.Shape = []int{d.side(4), d.side(20), d.side(20)}
	case mixer.Sequence:
		m.Shape = []int{d.side(12), d.side(9)}
	case mixer.Text:
		m.Shape, m.Vocabulary = []int{d.side(10)}, d.between(2, 40)
		if d.chance(2) {
			m.Vectors = d.between(1, 9)
		}
	default:
		m.Shape = []int{d.side(12)}
	}
	d.encoder(&m)
	return m
}

// encoder draws an encoder that can be built.
func (d drawer) encoder(m *mixer.Modality) {
	for {
		m.Encoder = d.choice(m.Kind, m.Shape)
		if a, err := mixer.Lookup(m.Encoder.Architecture); err == nil && a.Takes(m.Kind) {
			if _, _, err := m.Output(); err == nil {
				return
			}
		}
	}
}

// choice draws an architecture with options, which may not fit.
func (d drawer) choice(kind mixer.Kind, shape []int) mixer.Choice {
	width, depth, patch := d.between(4, 16), d.between(1, 3), 0
	if kind == mixer.Map {
		patch = d.between(0, min(shape[1], shape[2]))
	}
	switch list := mixer.All(); list[d.IntN(len(list))].Name {
	case "hyper_mixer":
		heads := d.between(1, 4)
		return mixer.Choice{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{Width: heads * d.between(2, 5), Depth: depth, Patch: patch,
			TokenWidth: heads * d.between(1, 5), ChannelWidth: d.between(1, 20), Heads: heads, Tied: d.chance(2), Dropout: d.dropout()}}
	case "monarch_mixer":
		return mixer.Choice{Architecture: "monarch_mixer", Options: &mixer.MonarchMixerOptions{Width: width, Depth: depth, Patch: patch}}
	case "simple_mlp":
		return mixer.Choice{Architecture: "simple_mlp", Options: &mixer.SimpleMLPOptions{Hidden: d.between(1, 20), Width: width, Layers: depth, Dropout: d.dropout()}}
	case "linear":
		return mixer.Choice{Architecture: "linear", Options: &mixer.LinearOptions{Width: width}}
	case "ramlp":
		o := &mixer.RaMLPOptions{}
		for range depth {
			o.Depths, o.Group = append(o.Depths, d.between(1, 2)), append(o.Group, d.between(1, 3))
			o.Dims = append(o.Dims, o.Group[len(o.Group)-1]*d.between(2, 4))
			o.MLPRatio, o.Expansion = append(o.MLPRatio, d.between(1, 3)), append(o.Expansion, d.between(1, 3))
		}
		return mixer.Choice{Architecture: "ramlp", Options: o}
	}
	return mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: width, Depth: depth, Patch: patch,
		TokenWidth: d.between(1, 20), ChannelWidth: d.between(1, 20), Dropout: d.dropout()}}
}

func (d drawer) dropout() float64 { return float64(d.IntN(3)) / 10 }

// specification draws how modalities are put together.
func (d drawer) specification(list []mixer.Modality) mixer.Specification {
	spec := mixer.Specification{Modalities: list}
	if len(list) == 1 && d.chance(2) {
		return spec
	}
	if d.chance(2) {
		spec.Width = d.between(4, 12)
	}
	if d.chance(3) {
		spec.Prediction = mixer.FusionPrediction
	}
	spec.Fusion = mixer.Fuse(mixer.FusionNames()[d.IntN(len(mixer.FusionNames()))])
	for {
		network := d.choice(mixer.Tokens, nil)
		spec.Network, spec.Classes = &network, 2
		if _, err := mixer.Build(spec); err == nil {
			return spec
		}
	}
}

// statistics draws how a modality is standardised.
func (d drawer) statistics(m mixer.Modality) dataset.Standardisation {
	if m.Kind == mixer.Text {
		return dataset.Standardisation{Per: dataset.None}
	}
	s := dataset.Standardisation{Per: dataset.PerFeature, Missing: d.chance(2)}
	n := m.Shape[len(m.Shape)-1]
	if m.Kind == mixer.Map {
		n = m.Shape[0]
	}
	switch d.IntN(4) {
	case 0:
		return dataset.Standardisation{Per: dataset.None, Missing: s.Missing}
	case 1:
		s.Per, n = dataset.PerModality, 1
	}
	for range n {
		scale := []float64{1e-3, 1, 1, 1, 1e6}[d.IntN(5)]
		s.Mean, s.Deviation = append(s.Mean, scale*10*d.NormFloat64()), append(s.Deviation, scale*(0.1+d.Float64()))
	}
	return s
}
