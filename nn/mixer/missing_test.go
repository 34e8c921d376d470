package mixer_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/devicetest/reference"
	"mixmas/nn/mixer"
)

// words are a text of n tokens that begins with three real ones; the others are padding.
func words(n int) nn.Tensor {
	data := make([]float32, n)
	copy(data, []float32{5, 1, 8})
	return nn.Tensor{Shape: []int{1, n}, Data: data}
}

// realTokens is the mask of some tokens at the beginning of n.
func realTokens(some, n int) nn.Tensor {
	mask := nn.Tensor{Shape: []int{1, n}, Data: make([]float32, n)}
	for i := range some {
		mask.Data[i] = 1
	}
	return mask
}

func textModality(n int, encoder mixer.Choice) mixer.Modality {
	return mixer.Modality{Name: "words", Kind: mixer.Text, Shape: []int{n}, Vocabulary: 9, Masked: true, Encoder: encoder}
}

var (
	smallHyper = mixer.Choice{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{Width: 8, Depth: 2, Patch: 2, TokenWidth: 6, ChannelWidth: 8, Heads: 2}}
	smallMLP   = mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: 8, Depth: 1, Patch: 2, TokenWidth: 5, ChannelWidth: 8}}
	wideMLP    = mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: 10, Depth: 1, Patch: 2, TokenWidth: 5, ChannelWidth: 8}}
	monarch    = mixer.Choice{Architecture: "monarch_mixer", Options: &mixer.MonarchMixerOptions{Width: 8, Depth: 1, Patch: 2}}
	plainMLP   = mixer.Choice{Architecture: "simple_mlp", Options: &mixer.SimpleMLPOptions{Hidden: 5, Width: 8, Layers: 1}}
)

func build(t *testing.T, spec mixer.Specification) nn.Model {
	t.Helper()
	m, err := mixer.Build(spec)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// HyperMixer takes any length: padding changes nothing. The other encoders read padding, which is the same wherever it is: what
// the ids hold behind the mask does not matter.
func TestPaddingOfTexts(t *testing.T) {
	for _, encoder := range []mixer.Choice{smallHyper, smallMLP, monarch} {
		t.Run(encoder.Architecture, func(t *testing.T) {
			one := func(n int) nn.Model {
				return build(t, mixer.Specification{Modalities: []mixer.Modality{textModality(n, encoder)}, Classes: 3})
			}
			for _, n := range []int{4, 7} {
				want := logits(t, one(n), words(n), realTokens(3, n))
				if encoder.Architecture == "hyper_mixer" {
					want = logits(t, one(3), words(3), realTokens(3, 3))
				}
				for _, behind := range []float32{0, 4} {
					ids := words(n)
					for i := 3; i < n; i++ {
						ids.Data[i] = behind
					}
					if got := logits(t, one(n), ids, realTokens(3, n)); !near(got, want) {
						t.Errorf("%d tokens, %v behind the mask: logits %v, want %v", n, behind, got, want)
					}
				}
				if other := logits(t, one(n), nn.Tensor{Shape: []int{1, n}, Data: append([]float32{5, 2, 8}, make([]float32, n-3)...)}, realTokens(3, n)); near(other, want) {
					t.Error("another word gives the same logits")
				}
			}
		})
	}
}

func near(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) <= 1e-6 })
}

// partlyMissing is a model of a picture, a text and a table, each of which a row may lack.
func partlyMissing(fusion string, network mixer.Choice) mixer.Specification {
	image := mixer.Modality{Name: "image", Kind: mixer.Map, Shape: []int{1, 4, 6}, Masked: true, Encoder: wideMLP}
	row := mixer.Modality{Name: "row", Kind: mixer.Table, Shape: []int{3}, Masked: true, Encoder: plainMLP}
	return mixer.Specification{Modalities: []mixer.Modality{image, textModality(4, smallHyper), row}, Classes: 3,
		Fusion: mixer.Fuse(fusion), Network: &network}
}

// rowOf is a row of partlyMissing with the given modalities; the others hold the values of change.
func rowOf(change float32, image, text, table bool) []nn.Tensor {
	wave := func(shape ...int) nn.Tensor {
		n := 1
		for _, d := range shape {
			n *= d
		}
		x := nn.Tensor{Shape: append([]int{1}, shape...), Data: make([]float32, n)}
		for i := range x.Data {
			x.Data[i] = float32(math.Sin(float64(i)))
		}
		return x
	}
	all := []nn.Tensor{wave(1, 4, 6), realTokens(1, 1), words(4), realTokens(3, 4), wave(3), realTokens(1, 1)}
	for i, has := range []bool{image, text, table} {
		if !has {
			clear(all[2*i+1].Data)
			for k := range all[2*i].Data {
				all[2*i].Data[k] = change
			}
		}
	}
	return all
}

var networks = []mixer.Choice{
	{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{Width: 8, Depth: 1, TokenWidth: 4, ChannelWidth: 8, Heads: 2}},
	{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: 8, Depth: 1, TokenWidth: 5, ChannelWidth: 8}},
}

// What a row holds of a modality that it lacks has no effect, whatever is fused and how, and a row may lack them all.
func TestMissingModalities(t *testing.T) {
	for _, fusion := range mixer.FusionNames() {
		for _, network := range networks {
			m := build(t, partlyMissing(fusion, network))
			all := logits(t, m, rowOf(0, true, true, true)...)
			for has := range 7 {
				row := func(change float32) []nn.Tensor { return rowOf(change, has&1 != 0, has&2 != 0, has&4 != 0) }
				want, got := logits(t, m, row(0)...), logits(t, m, row(3)...)
				if !near(got, want) || slices.ContainsFunc(got, func(z float32) bool { return z-z != 0 }) {
					t.Errorf("%s, %s, modalities %03b: logits %v, with other values behind the masks %v", fusion, network.Architecture, has, want, got)
				}
				if near(got, all) {
					t.Errorf("%s, %s, modalities %03b: logits as if all were there", fusion, network.Architecture, has)
				}
			}
		}
	}
}

// A row that lacks a modality adds nothing to the gradients of its encoder and head.
func TestMissingModalitiesTrainNothing(t *testing.T) {
	names := []string{"image", "words", "row"}
	for i := range 16 {
		has := i / 2
		m := build(t, partlyMissing("concat", networks[i%2]))
		for name, gradient := range gradients(t, m, rowOf(2, has&1 != 0, has&2 != 0, has&4 != 0)) {
			part, rest, _ := strings.Cut(name, ".")
			modality, _, _ := strings.Cut(rest, ".")
			of := slices.Index(names, modality)
			if of < 0 || part != "encoders" && part != "heads" && part != "align" {
				continue
			}
			zero := !slices.ContainsFunc(gradient, func(d float64) bool { return d != 0 }) // true for NaN
			if has>>of&1 == 0 && !zero {
				t.Errorf("modalities %03b: %s has the gradient %v", has, name, gradient)
			}
			if has>>of&1 == 1 && zero {
				t.Errorf("modalities %03b: %s has no gradient", has, name)
			}
		}
	}
}

// gradients are those of a training step on one sample of class 1, on the reference device.
func gradients(t *testing.T, m nn.Model, inputs []nn.Tensor) map[string][]float64 {
	t.Helper()
	g := nn.NewGraph(m.Parameters(), nn.Training, true)
	var values []*nn.Value
	for i, in := range inputs {
		values = append(values, g.Input(m.Inputs()[i].Name, in.Shape...))
	}
	labels := g.Input("labels", 1)
	_, loss := m.Forward(g, values, labels)
	places, list := map[string]*nn.Value{}, map[string]*nn.Value{}
	for _, p := range m.Parameters().All() {
		places[p.Name] = g.Parameter(p)
	}
	g.Output("loss", loss)
	g.Backward(loss, nil)
	for name, p := range places {
		list[name] = g.Gradient(p)
	}
	r := onReference(t, m, g, "gradients", places)
	for i, in := range append(inputs, nn.Tensor{Data: []float32{1}}) {
		if err := r.Write(append(values, labels)[i].Buffer(), in.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Run(device.Step{}); err != nil {
		t.Fatal(err)
	}
	all := map[string][]float64{}
	for name, d := range list {
		if d != nil {
			all[name] = r.(*reference.Runner).Values(d.Buffer())
		}
	}
	return all
}
