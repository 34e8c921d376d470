package safetensors_test

import (
	"math"
	"testing"

	"mixmas/nn"
	"mixmas/nn/safetensors"
)

// The digest is part of files: it must never change. These are the bytes, hashed with sha256sum:
//
//	1 "a" 2 1 2 | 1.0 -0.0 and 1 "b" 0 | 3.0
func TestDigestIsFixed(t *testing.T) {
	w := nn.Weights{"b": {Shape: nil, Data: []float32{3}}, "a": {Shape: []int{1, 2}, Data: []float32{1, float32(math.Copysign(0, -1))}}}
	const want = "9f9d92911e216b8cf1550c19c5a364e0e0cc55af0156d4b1403acc978550b615"
	if got := safetensors.Digest(w); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Every name, shape and bit counts.
func TestDigestTellsTensorsApart(t *testing.T) {
	one := func(name string, shape []int, data ...float32) nn.Weights {
		return nn.Weights{name: {Shape: shape, Data: data}}
	}
	seen := map[string]string{}
	for name, w := range map[string]nn.Weights{
		"nothing":        {},
		"a":              one("a", []int{2}, 1, 2),
		"another name":   one("b", []int{2}, 1, 2),
		"another shape":  one("a", []int{1, 2}, 1, 2),
		"another bit":    one("a", []int{2}, 1, math.Nextafter32(2, 3)),
		"negative zero":  one("a", []int{1}, float32(math.Copysign(0, -1))),
		"zero":           one("a", []int{1}, 0),
		"two tensors":    {"a": {Shape: []int{1}, Data: []float32{1}}, "b": {Shape: []int{1}, Data: []float32{2}}},
		"the other way":  {"a": {Shape: []int{1}, Data: []float32{2}}, "b": {Shape: []int{1}, Data: []float32{1}}},
		"beyond a piece": one("a", []int{40000}, make([]float32, 40000)...),
	} {
		d := safetensors.Digest(w)
		if seen[d] != "" {
			t.Errorf("%s and %s have one digest", name, seen[d])
		}
		seen[d] = name
	}
}
