// Package exporttest has the models that exports are tested with, each with raw inputs and what the program predicts from them:
// every registered encoder on every kind of input, every fusion function with every network, and ensembles.
package exporttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search/combine"
	"mixmas/search/dataset"
	"mixmas/search/model"
	"mixmas/search/task"
)

// Case is a model with some rows of raw inputs.
type Case struct {
	Name        string
	Description model.Description
	Weights     nn.Weights
	Rows        int
	Inputs      []Input
}

// Input are the raw values of a modality: Rows samples, and for a masked one the number of real steps of each, 0 or 1 for a map
// or table. Texts have their lengths in the padding of their tokens.
type Input struct {
	mixer.Modality
	Values  []float32
	Lengths []int
}

// Cases lists all models. Their weights and inputs are random, but the same every time.
func Cases() []Case {
	var list []Case
	for _, a := range mixer.All() {
		for _, kind := range a.Kinds {
			if kind == mixer.Tokens {
				continue
			}
			for _, masked := range []bool{false, true} {
				if m := input(kind, masked); m.Masked == masked {
					m.Encoder = choice(a, m.Input())
					name := fmt.Sprintf("%s/%s", a.Name, kind)
					if masked && kind != mixer.Text {
						name += "/masked"
					}
					list = append(list, New(name, mixer.Specification{Modalities: []mixer.Modality{m}, Classes: 3}))
				}
			}
		}
	}
	for _, f := range mixer.Fusions() {
		for _, a := range mixer.All() {
			if a.Takes(mixer.Tokens) {
				network := choice(a, mixer.Input{Kind: mixer.Tokens, Shape: []int{8, 12}})
				list = append(list, New(f.Name+"/"+a.Name, mixer.Specification{Modalities: modalities(true), Classes: 4,
					Width: 12, Fusion: mixer.Fuse(f.Name), Network: &network}))
			}
		}
	}
	for _, c := range special {
		var spec mixer.Specification
		if err := json.Unmarshal([]byte(c.json), &spec); err != nil {
			panic(fmt.Sprintf("%s: %v", c.name, err))
		}
		list = append(list, New(c.name, spec))
	}
	list = append(list, mixes()...)
	for i := range list {
		if d := &list[i].Description; d.Model.MultiLabel || i%3 == 0 {
			for k := range d.Classes {
				d.Thresholds = append(d.Thresholds, float64(k)/4-0.3)
			}
		}
	}
	for _, kind := range task.Kinds() {
		for _, mean := range []combine.Mean{combine.Probabilities, combine.LogProbabilities} {
			list = append(list, ensemble(kind, mean))
		}
	}
	return list
}

// special are models that the registry alone does not make.
var special = []struct{ name, json string }{
	{"hyper_mixer/heads", `{"modalities": [{"name": "image", "kind": "map", "shape": [2, 6, 9], "encoder": {"architecture": "hyper_mixer",
		"options": {"width": 12, "depth": 2, "patch": 3, "token_width": 9, "channel_width": 21, "heads": 3}}}], "classes": 3}`},
	{"hyper_mixer/tied", `{"modalities": [{"name": "words", "kind": "sequence", "masked": true, "shape": [7, 5], "encoder": {"architecture": "hyper_mixer",
		"options": {"width": 6, "depth": 1, "token_width": 6, "channel_width": 8, "tied": true, "heads": 2}}}], "classes": 3}`},
	{"ramlp/stages", `{"modalities": [{"name": "image", "kind": "map", "shape": [1, 28, 28], "encoder": {"architecture": "ramlp",
		"options": {"depths": [1, 1, 2], "dims": [4, 6, 8], "mlp_ratio": [3, 2, 2], "expansion": [2, 2, 2], "group": [1, 2, 4]}}}], "classes": 3}`},
	{"residual_cnn/stages", `{"modalities": [{"name": "image", "kind": "map", "shape": [3, 11, 7], "encoder": {"architecture": "residual_cnn",
		"options": {"width": 9, "stages": 2, "blocks": 2, "kernel": 3, "tokens": 3, "dropout": 0.1}}}], "classes": 3}`},
	{"dilated_cnn/causal", `{"modalities": [{"name": "words", "kind": "sequence", "masked": true, "shape": [9, 5], "encoder": {"architecture": "dilated_cnn",
		"options": {"width": 5, "depth": 5, "kernel": 2, "causal": true, "dropout": 0.1}}}], "classes": 3}`},
	{"monarch_mixer/padded", `{"modalities": [{"name": "words", "kind": "sequence", "shape": [7, 5], "encoder": {"architecture": "monarch_mixer",
		"options": {"width": 11, "depth": 2}}}], "classes": 3}`},
	{"transformer/class", `{"modalities": [{"name": "words", "kind": "sequence", "masked": true, "shape": [7, 5], "encoder": {"architecture": "transformer",
		"options": {"width": 12, "depth": 2, "heads": 3, "hidden": 9, "norm": "post", "positions": "sinusoidal", "token": "class"}}}], "classes": 3}`},
	{"transformer/network", `{"modalities": [{"name": "text", "kind": "text", "masked": true, "shape": [7], "vocabulary": 11, "vectors": 5, "encoder": {"architecture": "transformer",
		"options": {"width": 12, "depth": 1, "heads": 2, "hidden": 9, "norm": "pre", "positions": "sinusoidal", "token": "mean"}}},
		{"name": "row", "kind": "table", "masked": true, "shape": [5], "encoder": {"architecture": "ft_transformer", "options": {"width": 6, "depth": 2, "heads": 3, "hidden": 8}}}],
		"fusion": {"function": "cross_attention", "options": {"heads": 4}}, "network": {"architecture": "transformer",
		"options": {"width": 12, "depth": 2, "heads": 4, "hidden": 9, "norm": "pre", "positions": "learned", "token": "class"}}, "classes": 3}`},
	{"gmlp/network", `{"modalities": [{"name": "text", "kind": "text", "masked": true, "shape": [7], "vocabulary": 11, "encoder": {"architecture": "gmlp",
		"options": {"width": 12, "depth": 2, "hidden": 9}}}, {"name": "row", "kind": "table", "masked": true, "shape": [5],
		"encoder": {"architecture": "residual_mlp", "options": {"width": 6, "depth": 2, "hidden": 8, "bins": 3}}}],
		"fusion": {"function": "gated", "options": {"context": "mean"}}, "network": {"architecture": "resmlp",
		"options": {"width": 12, "depth": 2, "hidden": 9}}, "classes": 3}`},
	{"residual_mlp/numbers", `{"modalities": [{"name": "row", "kind": "table", "shape": [5],
		"encoder": {"architecture": "residual_mlp", "options": {"width": 6, "depth": 1, "hidden": 8, "bins": 0}}}, {"name": "image", "kind": "map", "shape": [1, 4, 6],
		"encoder": {"architecture": "gmlp", "options": {"width": 6, "depth": 1, "hidden": 5}}}],
		"fusion": {"function": "gated", "options": {"context": "mean"}}, "network": {"architecture": "gmlp", "options": {"width": 6, "depth": 1, "hidden": 9}}, "classes": 2}`},
	{"layers/map", `{"modalities": [{"name": "image", "kind": "map", "shape": [2, 11, 7], "encoder": {"architecture": "layers", "options": {"layers": [
		{"conv": {"channels": 6, "stride": 2, "bias": false}}, {"norm": {"kind": "batch"}}, {"activation": {"kind": "silu"}}, {"norm": {}}, {"linear": {"width": 8}}, {"mlp": {}},
		{"residual_block": {"stride": 1}}, {"repeat": {"times": 2, "layers": [{"residual": {"layers": [{"norm": {}}, {"conv": {"dilation": 2}}]}}]}}, {"pool": {"kind": "max", "size": 2}},
		{"mixer_block": {"token_width": 5}}, {"residual": {"layers": [{"attention": {"heads": 2}}, {"dropout": {}}]}}, {"pool": {"size": 3}}, {"norm": {"kind": "batch"}}]}}}], "classes": 3}`},
	{"layers/patches", `{"modalities": [{"name": "image", "kind": "map", "shape": [2, 4, 6], "encoder": {"architecture": "layers", "options": {"layers": [
		{"pool": {"size": 2}}, {"conv": {"channels": 4}}, {"activation": {"kind": "tanh"}}, {"patches": {"side": 1}}, {"positions": {"kind": "sinusoidal"}}, {"transformer_block": {"norm": "post"}}]}}}], "classes": 3}`},
	{"layers/steps", `{"modalities": [{"name": "words", "kind": "sequence", "masked": true, "shape": [11, 5], "encoder": {"architecture": "layers", "options": {"layers": [
		{"linear": {"width": 6, "bias": false}}, {"positions": {}}, {"conv": {"stride": 2, "kernel": 5}}, {"transformer_block": {"heads": 2}}, {"mixer_block": {}}, {"activation": {"kind": "sigmoid"}},
		{"gru": {"bidirectional": true}}, {"attention": {"heads": 3}}, {"lstm": {"width": 5}}, {"pool": {"size": 2}}, {"linear": {}}]}}}], "classes": 3}`},
	{"layers/pooled steps", `{"modalities": [{"name": "words", "kind": "sequence", "masked": true, "shape": [8, 5], "encoder": {"architecture": "layers", "options": {"layers": [
		{"conv": {"channels": 6}}, {"pool": {"kind": "max", "size": 2}}, {"activation": {"kind": "relu"}}, {"repeat": {"times": 2, "layers": [{"pool": {"kind": "max", "size": 2}}]}}, {"pool": {}}]}}}], "classes": 3}`},
	{"layers/network", `{"modalities": [{"name": "text", "kind": "text", "masked": true, "shape": [7], "vocabulary": 11, "vectors": 5, "encoder": {"architecture": "layers", "options": {"layers": [
		{"embedding": {"width": 8}}, {"conv": {"channels": 6}}]}}}, {"name": "row", "kind": "table", "masked": true, "shape": [5], "encoder": {"architecture": "layers", "options": {"layers": [
		{"linear": {"width": 9}}, {"activation": {}}, {"dropout": {}}, {"linear": {"width": 6}}]}}}],
		"fusion": "concat", "network": {"architecture": "layers", "options": {"layers": [{"residual": {"layers": [{"norm": {}}, {"attention": {"heads": 2}}]}}, {"mixer_block": {}}, {"pool": {}}]}}, "classes": 3}`},
	{"vectors", `{"modalities": [{"name": "text", "kind": "text", "masked": true, "shape": [7], "vocabulary": 11, "vectors": 5, "encoder": {"architecture": "mlp_mixer",
		"options": {"width": 10, "depth": 1, "token_width": 7, "channel_width": 12}}}], "classes": 3}`},
	{"several labels", `{"modalities": [{"name": "image", "kind": "map", "shape": [2, 6, 9], "encoder": {"architecture": "mlp_mixer",
		"options": {"width": 10, "depth": 1, "patch": 3, "token_width": 7, "channel_width": 19}}}, {"name": "row", "kind": "table", "shape": [5],
		"encoder": {"architecture": "simple_mlp", "options": {"hidden": 9, "width": 13, "layers": 2}}}],
		"fusion": "mean", "network": {"architecture": "mlp_mixer", "options": {"width": 10, "depth": 1, "token_width": 7, "channel_width": 19}},
		"classes": 5, "multi_label": true}`},
	{"fused logits", `{"modalities": [{"name": "image", "kind": "map", "shape": [1, 4, 4], "encoder": {"architecture": "linear"}},
		{"name": "a name with spaces, \"quotes\" and ü", "kind": "table", "shape": [5], "encoder": {"architecture": "linear"}}],
		"fusion": "max", "prediction": "fusion", "network": {"architecture": "mlp_mixer", "options": {"width": 10, "depth": 1, "token_width": 7, "channel_width": 19}}, "classes": 2}`},
	{"reserved names", `{"modalities": [{"name": "logits", "kind": "table", "shape": [3], "masked": true, "encoder": {"architecture": "linear"}},
		{"name": "batch", "kind": "table", "shape": [5], "encoder": {"architecture": "linear"}}],
		"fusion": "sum", "network": {"architecture": "mlp_mixer", "options": {"width": 10, "depth": 1, "token_width": 7, "channel_width": 19}}, "classes": 2}`},
}

// input is a modality of a kind, without an encoder.
func input(kind mixer.Kind, masked bool) mixer.Modality {
	m := mixer.Modality{Name: string(kind), Kind: kind, Masked: masked}
	switch kind {
	case mixer.Map:
		m.Shape = []int{2, 28, 20}
	case mixer.Sequence:
		m.Shape = []int{7, 5}
	case mixer.Text:
		m.Shape, m.Vocabulary, m.Masked = []int{6}, 11, true
	case mixer.Table:
		m.Shape = []int{5}
	}
	return m
}

// choice is an architecture with options that suit a small data set.
func choice(a mixer.Architecture, in mixer.Input) mixer.Choice {
	c := mixer.Choice{Architecture: a.Name}
	if a.Suit != nil {
		if options := a.Suit(in, 10); options != nil && fmt.Sprint(options) != "<nil>" {
			c.Options = options
		}
	}
	return c
}

// modalities are one of each kind, each with the first encoder that takes it.
func modalities(masked bool) []mixer.Modality {
	var list []mixer.Modality
	for _, kind := range []mixer.Kind{mixer.Map, mixer.Sequence, mixer.Text, mixer.Table} {
		m := input(kind, masked)
		for _, a := range mixer.All() {
			if a.Takes(kind) && a.Suit != nil && !a.Extra {
				m.Encoder = choice(a, m.Input())
				break
			}
		}
		list = append(list, m)
	}
	return list
}

// random draws the same numbers for a case every time.
func random(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// New draws the weights and the inputs of a model.
func New(name string, spec mixer.Specification) Case {
	c := Case{Name: name, Rows: 7, Weights: weights(name, spec),
		Description: model.Description{Name: name, Model: spec, Preprocessing: map[string]dataset.Standardisation{}, Data: model.Data{Format: "records", Fingerprint: "none"}}}
	for i := range spec.Classes {
		c.Description.Classes = append(c.Description.Classes, fmt.Sprintf("class %d <b>", i))
	}
	c.addInputs(spec)
	return c
}

// addInputs draws the inputs of the modalities that the case has no inputs of.
func (c *Case) addInputs(spec mixer.Specification) {
	for _, m := range spec.Modalities {
		if slices.ContainsFunc(c.Inputs, func(in Input) bool { return in.Name == m.Name }) {
			continue
		}
		r := random(c.Name + " " + m.Name)
		s := standardisation(r, m)
		c.Description.Preprocessing[m.Name] = s
		c.Inputs = append(c.Inputs, draw(r, m, s, c.Rows))
	}
}

// standardisation has means and deviations of several sizes, and one feature whose mean is large.
func standardisation(r *rand.Rand, m mixer.Modality) dataset.Standardisation {
	switch m.Kind {
	case mixer.Text:
		return dataset.Standardisation{Per: dataset.None}
	case mixer.Map:
		if m.Shape[0] == 1 {
			return dataset.Uniform(130.7, 61.3)
		}
	}
	n := m.Shape[0]
	if m.Kind == mixer.Sequence {
		n = m.Shape[1]
	}
	s := dataset.Standardisation{Per: dataset.PerFeature, Missing: m.Kind == mixer.Table || m.Kind == mixer.Sequence}
	for i := range n {
		mean, deviation := 10*r.NormFloat64(), 0.1+r.Float64()
		if i == 1 {
			mean, deviation = 1.7e9+0.123, 3600.5 // a time
		}
		s.Mean, s.Deviation = append(s.Mean, mean), append(s.Deviation, deviation)
	}
	return s
}

// draw draws raw samples, with missing elements and rows that lack the modality.
func draw(r *rand.Rand, m mixer.Modality, s dataset.Standardisation, rows int) Input {
	in := Input{Modality: m}
	size, steps := 1, m.Kind.Steps(m.Shape)
	for _, n := range m.Shape {
		size *= n
	}
	for row := range rows {
		length := steps
		if m.Masked && row > 0 { // the first row is whole
			length = r.IntN(steps + 1)
		}
		if m.Masked && m.Kind != mixer.Text {
			in.Lengths = append(in.Lengths, length)
		}
		for i := range size {
			if m.Kind == mixer.Text {
				id := 0
				if i < length {
					id = 1 + r.IntN(m.Vocabulary-1)
				}
				in.Values = append(in.Values, float32(id))
				continue
			}
			mean, deviation := 0.0, 1.0
			switch feature := i / (size / m.Shape[0]); {
			case s.Per == dataset.None:
			case s.Per == dataset.PerModality:
				mean, deviation = s.Mean[0], s.Deviation[0]
			case m.Kind == mixer.Sequence:
				mean, deviation = s.Mean[i%m.Shape[1]], s.Deviation[i%m.Shape[1]]
			default:
				mean, deviation = s.Mean[feature], s.Deviation[feature]
			}
			x := mean + deviation*r.NormFloat64()
			if s.Missing && r.IntN(6) == 0 {
				x = math.NaN()
			}
			in.Values = append(in.Values, float32(x))
		}
	}
	return in
}

// weights are initial ones with noise, so that no zero or one hides a mistake.
func weights(name string, spec mixer.Specification) nn.Weights {
	network, err := mixer.Build(spec)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", name, err))
	}
	w, r := network.Parameters().Initialise(5), random(name)
	for _, p := range network.Parameters().All() {
		data := w[p.Name].Data
		for i := range data {
			if p.Trainable {
				data[i] += float32(0.1 * r.NormFloat64())
			} else {
				data[i] += r.Float32() / 2
			}
		}
	}
	return w
}

// ensemble is two members with weights and temperatures of their own; only one reads all inputs.
func ensemble(kind task.Kind, mean combine.Mean) Case {
	name := fmt.Sprintf("ensemble/%s/%s", mean, map[task.Kind]string{task.OneLabel: "one label", task.MultiLabel: "several labels"}[kind])
	all := modalities(false)
	network, fusion := mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: 8, Depth: 1, TokenWidth: 5, ChannelWidth: 9}}, mixer.Fuse("concat")
	specs := []mixer.Specification{
		{Modalities: all[:1], Classes: 3},
		{Modalities: []mixer.Modality{all[3], all[0], all[2]}, Fusion: fusion, Network: &network, Classes: 3},
	}
	var parts []nn.Weights
	var members []model.Member
	for i := range specs {
		specs[i].MultiLabel = kind == task.MultiLabel
		w := weights(fmt.Sprint(name, i), specs[i])
		for _, tensor := range w { // sure predictions, whose probabilities are no float32 numbers
			if len(tensor.Shape) == 2 && tensor.Shape[0] == 3 {
				for k := range tensor.Data {
					tensor.Data[k] *= 20
				}
			}
		}
		parts = append(parts, w)
		members = append(members, model.Member{Model: specs[i], Member: combine.Member{Weight: float64(i + 1), Temperature: 0.5 + float64(i)}})
	}
	c := New(name, specs[1])
	c.addInputs(specs[0])
	c.Description.Model = mixer.Specification{}
	c.Description.Ensemble = &model.Ensemble{Mean: mean, Members: members}
	c.Description.Thresholds = []float64{0.1, -0.2, 0}
	c.Weights = model.Join(parts)
	return c
}

// File is the model's file.
func (c Case) File() ([]byte, error) {
	var b bytes.Buffer
	d := c.Description
	if err := model.Write(&b, &d, c.Weights); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	return b.Bytes(), nil
}

// Model is the model as it is read from its file.
func (c Case) Model() (*model.Model, error) {
	file, err := c.File()
	if err != nil {
		return nil, err
	}
	return model.Parse(file)
}

// Logits are what the program predicts from the raw inputs, rows × classes.
func (c Case) Logits(ctx context.Context, d device.Device, m *model.Model) ([]float32, error) {
	contents := dataset.Contents{Name: c.Name, Task: task.Task{Kind: m.Kind(), Classes: m.Classes}}
	part := func(name string, shape []int, values []float32) dataset.Part {
		return dataset.Part{Column: dataset.NewNumbers(name, shape, values), Rows: dataset.Rows{Count: c.Rows}}
	}
	for _, in := range c.Inputs {
		s := dataset.Source{Modality: dataset.Modality{Name: in.Name, Kind: in.Kind, Shape: in.Shape, Vocabulary: in.Vocabulary},
			Per: m.Preprocessing[in.Name].Per, Missing: m.Preprocessing[in.Name].Missing}
		s.Samples[dataset.Test] = part(in.Name, in.Shape, in.Values)
		if in.Lengths != nil {
			lengths := make([]float32, len(in.Lengths))
			for i, n := range in.Lengths {
				lengths[i] = float32(n)
			}
			s.Lengths[dataset.Test] = part(in.Name+" lengths", nil, lengths)
		}
		contents.Sources = append(contents.Sources, s)
	}
	var shape []int
	if m.Kind() == task.MultiLabel {
		shape = []int{len(m.Classes)}
	}
	contents.Labels[dataset.Test] = part("labels", shape, make([]float32, c.Rows*task.Width(m.Kind(), len(m.Classes))))
	data, err := dataset.Assemble(ctx, contents, dataset.Environment{Preprocessing: m.Preprocessing})
	if err != nil {
		return nil, err
	}
	defer data.Close()
	return m.Predict(ctx, d, data, dataset.Test)
}
