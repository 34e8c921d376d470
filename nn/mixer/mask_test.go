package mixer_test

import (
	"math"
	"slices"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/devicetest/reference"
	"mixmas/nn/mixer"
)

// logits are a model's logits for the given inputs, each with one sample, on the reference device.
func logits(t *testing.T, m nn.Model, inputs ...nn.Tensor) []float32 {
	t.Helper()
	g := nn.NewGraph(m.Parameters(), nn.Evaluation, false)
	var values []*nn.Value
	for i, in := range inputs {
		values = append(values, g.Input(m.Inputs()[i].Name, in.Shape...))
	}
	y, _ := m.Forward(g, values, nil)
	g.Output("logits", y)
	places := map[string]*nn.Value{}
	for _, p := range m.Parameters().All() {
		places[p.Name] = g.Parameter(p)
	}
	r := onReference(t, m, g, "logits", places)
	for i, in := range inputs {
		if err := r.Write(values[i].Buffer(), in.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Run(device.Step{}); err != nil {
		t.Fatal(err)
	}
	out := make([]float32, y.Size())
	if err := r.Read(y.Buffer(), out); err != nil {
		t.Fatal(err)
	}
	return out
}

// onReference compiles a graph and loads it on the reference device, with the model's weights at the places of its parameters.
func onReference(t *testing.T, m nn.Model, g *nn.Graph, name string, places map[string]*nn.Value) device.Runner {
	t.Helper()
	program, err := g.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := reference.Device{}.Open(program.StateSize)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Load(program)
	if err != nil {
		t.Fatal(err)
	}
	for name, tensor := range m.Parameters().Initialise(3) {
		if err := s.WriteState(program.Info(places[name].Buffer()).Offset, tensor.Data); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// steps are n steps of two features, beginning with the same ones.
func steps(n int, change float32) nn.Tensor {
	data := make([]float32, 2*n)
	for i := range data {
		data[i] = float32(math.Sin(float64(i)))
		if i >= 6 {
			data[i] += change
		}
	}
	return nn.Tensor{Shape: []int{1, n, 2}, Data: data}
}

// Three real steps give the same logits whatever follows them under the mask, and however much of it: HyperMixer takes any
// length.
func TestMaskedSteps(t *testing.T) {
	text := mixer.Modality{Name: "text", Kind: mixer.Sequence, Shape: []int{3, 2},
		Encoder: mixer.Choice{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{Width: 8, Depth: 2, TokenWidth: 6, ChannelWidth: 8, Heads: 2}}}
	network := mixer.Choice{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{Depth: 1, Width: 8, TokenWidth: 4, ChannelWidth: 8, Heads: 1}}
	for name, spec := range map[string]mixer.Specification{
		"classifier": {Modalities: []mixer.Modality{text}, Classes: 3},
		"multimodal": {Modalities: []mixer.Modality{text}, Classes: 3, Fusion: mixer.Fuse("concat"), Network: &network},
	} {
		t.Run(name, func(t *testing.T) {
			build := func(masked bool) nn.Model {
				spec.Modalities[0].Masked = masked
				m, err := mixer.Build(spec)
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			want := logits(t, build(false), steps(3, 0))
			for _, n := range []int{4, 7} {
				mask := nn.Tensor{Shape: []int{1, n}, Data: make([]float32, n)}
				copy(mask.Data, []float32{1, 1, 1})
				for _, change := range []float32{0, 5} {
					got := logits(t, build(true), steps(n, change), mask)
					for i := range want {
						if math.Abs(float64(got[i]-want[i])) > 1e-6 {
							t.Errorf("%d steps, the others changed by %v: logits %v, want %v", n, change, got, want)
							break
						}
					}
				}
			}
		})
	}
}

func TestNothingButMaskedSteps(t *testing.T) {
	for _, encoder := range []mixer.Choice{smallMLP, smallHyper, monarch, transformerOf("post", "learned", "mean")} {
		m := build(t, mixer.Specification{Classes: 2, Modalities: []mixer.Modality{{Name: "text", Kind: mixer.Sequence, Shape: []int{3, 2}, Masked: true, Encoder: encoder}}})
		mask := nn.Tensor{Shape: []int{1, 3}, Data: make([]float32, 3)}
		for _, z := range logits(t, m, steps(3, 0), mask) {
			if math.IsNaN(float64(z)) || math.IsInf(float64(z), 0) {
				t.Errorf("%s: a sample without real steps has the logit %v", encoder.Architecture, z)
			}
		}
		for name, gradient := range gradients(t, m, []nn.Tensor{steps(3, 0), mask}) {
			if slices.ContainsFunc(gradient, func(d float64) bool { return d-d != 0 || d != 0 && name != "head.bias" }) {
				t.Errorf("%s: a sample without real steps gives %s the gradient %v", encoder.Architecture, name, gradient)
			}
		}
	}
}
