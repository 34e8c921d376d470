package mixer_test

import (
	"testing"

	"mixmas/nn"
	"mixmas/nn/mixer"
)

// A model of the architecture linear is linear in its input, whatever its kind, and has no parameters but those of a linear
// model: logits of a sum of inputs are sums of logits, less the bias once.
func TestLinear(t *testing.T) {
	linear := mixer.Choice{Architecture: "linear", Options: &mixer.LinearOptions{Width: 5}}
	for _, m := range []mixer.Modality{
		{Name: "image", Kind: mixer.Map, Shape: []int{2, 3, 5}}, {Name: "steps", Kind: mixer.Sequence, Shape: []int{4, 3}},
		{Name: "row", Kind: mixer.Table, Shape: []int{7}},
	} {
		m.Encoder = linear
		model := build(t, mixer.Specification{Modalities: []mixer.Modality{m}, Classes: 3})
		size := 1
		for _, d := range m.Shape {
			size *= d
		}
		if got, want := model.Parameters().Count(), 3*size+3; got != want {
			t.Errorf("%s: %d parameters, want %d", m.Kind, got, want)
		}
		input := func(scale float32) nn.Tensor {
			x := nn.Tensor{Shape: append([]int{1}, m.Shape...), Data: make([]float32, size)}
			for i := range x.Data {
				x.Data[i] = scale * float32(i%5-1)
			}
			return x
		}
		zero, one, two := logits(t, model, input(0)), logits(t, model, input(1)), logits(t, model, input(2))
		for i := range zero {
			if d := two[i] - 2*one[i] + zero[i]; d > 1e-5 || d < -1e-5 {
				t.Errorf("%s: class %d: logits %v, %v, %v at 0, 1, 2 are not on a line", m.Kind, i, zero[i], one[i], two[i])
			}
		}
	}
}

// Of a text it is the mean of the words: their order and what the ids hold behind the mask do not matter, and a row without
// words has the bias alone.
func TestLinearOfText(t *testing.T) {
	linear := mixer.Choice{Architecture: "linear", Options: &mixer.LinearOptions{Width: 5}}
	for _, vectors := range []int{0, 4} {
		m := textModality(6, linear)
		m.Vectors = vectors
		model := build(t, mixer.Specification{Modalities: []mixer.Modality{m}, Classes: 3})
		ids := func(list ...float32) nn.Tensor { return nn.Tensor{Shape: []int{1, 6}, Data: list} }
		want := logits(t, model, ids(5, 1, 8, 0, 0, 0), realTokens(3, 6))
		if got := logits(t, model, ids(8, 5, 1, 4, 2, 7), realTokens(3, 6)); !near(got, want) {
			t.Errorf("in another order: logits %v, want %v", got, want)
		}
		if got := logits(t, model, ids(5, 5, 8, 0, 0, 0), realTokens(3, 6)); near(got, want) {
			t.Error("another word gives the same logits")
		}
		if got, want := logits(t, model, ids(5, 1, 8, 0, 0, 0), realTokens(0, 6)), logits(t, model, ids(0, 0, 0, 0, 0, 0), realTokens(0, 6)); !near(got, want) {
			t.Errorf("without words: logits %v and %v", got, want)
		}
	}
}
