package onnx

import (
	"fmt"
	"math"
	"slices"

	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
)

// Input describes an input of an exported model in its metadata.
type Input struct {
	Name string `json:"name"`
	// Modality is what it belongs to, and Role what it is: "values", "tokens" (numbers of tokens), "length" (of a sequence) or
	// "present" (whether the row has the modality).
	Modality string     `json:"modality"`
	Role     string     `json:"role"`
	Kind     mixer.Kind `json:"kind"`
	// Type is that of its elements: "float32", "int64" or "bool". Shape is that of one sample.
	Type  string `json:"type"`
	Shape []int  `json:"shape"`
	// Features names the features of a table, or of a step of a sequence, if the recipe of the input does.
	Features []string `json:"features,omitempty"`
	// Missing means that elements that are NaN are missing.
	Missing bool `json:"missing,omitempty"`
	// Vocabulary is the number of different tokens of a text.
	Vocabulary int    `json:"vocabulary,omitempty"`
	About      string `json:"about"`
}

// prepare adds the inputs of a modality and what turns them into what the networks read: by their names. features are the names of
// its features, nil if they are unknown.
func (g *graph) prepare(m mixer.Modality, s dataset.Standardisation, features []string, into map[string]*tensor) []Input {
	g.scope = m.Name
	dims := append([]size{theBatch}, fixedAll(m.Shape...)...)
	mask := m.Name + ".mask"
	if m.Kind == mixer.Text {
		in := Input{Name: m.Name, Modality: m.Name, Role: "tokens", Kind: m.Kind, Type: "int64", Shape: m.Shape, Vocabulary: m.Vocabulary,
			About: fmt.Sprintf("the numbers of the tokens of %s: 0 is padding, 1 an unknown token, numbers beyond %d count as unknown", m.Name, m.Vocabulary-1)}
		ids := g.input(in.Name, in.About, integers, dims...)
		in.Name = ids.name
		into[m.Name] = g.cast(ids, floats)
		into[mask] = g.cast(g.cast(ids, booleans), floats)
		return []Input{in}
	}
	in := Input{Name: m.Name, Modality: m.Name, Role: "values", Kind: m.Kind, Type: "float32", Shape: m.Shape, Missing: s.Missing,
		About: fmt.Sprintf("%s, a %s of %s, as the data have it: the model standardises it", m.Name, m.Kind, axesOf(m))}
	if s.Missing {
		in.About += "; NaN is a missing value"
	}
	if width := m.Shape[len(m.Shape)-1]; m.Kind != mixer.Map && len(features) == width {
		in.Features = features
	}
	x := g.input(in.Name, in.About, floats, dims...)
	in.Name = x.name
	list := []Input{in}
	x = g.standardise(x, m, s)
	zero := func(missing, x *tensor) *tensor {
		return g.add("Where", []*tensor{missing, g.number("zero", 0), x}, floats, x.dims)
	}
	if s.Missing {
		x = zero(g.add("IsNaN", []*tensor{x}, booleans, x.dims), x)
	}
	switch {
	case !m.Masked:
	case m.Kind == mixer.Sequence:
		in := Input{Name: m.Name + ".length", Modality: m.Name, Role: "length", Kind: m.Kind, Type: "int64", Shape: []int{},
			About: fmt.Sprintf("the number of steps of %s that are real, from 0 to %d: what comes after them does not count", m.Name, m.Shape[0]) + trained(m)}
		length := g.input(in.Name, in.About, integers, theBatch)
		in.Name = length.name
		list = append(list, in)
		steps := make([]int64, m.Shape[0])
		for i := range steps {
			steps[i] = int64(i)
		}
		number := g.integersOf("steps."+m.Name, steps...)
		beyond := g.compare("GreaterOrEqual", number, g.reshape(length, []size{theBatch, fixed(1)}))
		into[mask] = g.cast(g.add("Not", []*tensor{beyond}, booleans, beyond.dims), floats)
		x = zero(g.reshape(beyond, append(slices.Clone(beyond.dims), fixed(1))), x)
	default:
		in := Input{Name: m.Name + ".present", Modality: m.Name, Role: "present", Kind: m.Kind, Type: "bool", Shape: []int{},
			About: fmt.Sprintf("whether the row has %s: where it is false, the values of %s do not count", m.Name, m.Name) + trained(m)}
		present := g.input(in.Name, in.About, booleans, theBatch)
		in.Name = present.name
		list = append(list, in)
		into[mask] = g.reshape(g.cast(present, floats), []size{theBatch, fixed(1)})
		lacking := g.add("Not", []*tensor{present}, booleans, present.dims)
		x = zero(g.reshape(lacking, append([]size{theBatch}, slices.Repeat([]size{fixed(1)}, len(m.Shape))...)), x)
	}
	into[m.Name] = x
	return list
}

// trained says of a modality that the model was trained to do without it.
func trained(m mixer.Modality) string {
	if m.Optional {
		return "; the model was trained to do without it"
	}
	return ""
}

// axesOf names the axes of a sample.
func axesOf(m mixer.Modality) string {
	names := map[mixer.Kind]string{mixer.Map: "channels×height×width", mixer.Sequence: "steps×features", mixer.Table: "features"}[m.Kind]
	return dimensions.Text(m.Shape) + " (" + names + ")"
}

// standardise subtracts the mean and multiplies by the reciprocal of the deviation.
func (g *graph) standardise(x *tensor, m mixer.Modality, s dataset.Standardisation) *tensor {
	if s.Per == dataset.None {
		return x
	}
	var dims []size
	if s.Per == dataset.PerFeature {
		if dims = fixedAll(len(s.Mean)); m.Kind == mixer.Map {
			dims = fixedAll(len(s.Mean), 1, 1)
		}
	}
	mean, rest, scale := make([]float32, len(s.Mean)), make([]float32, len(s.Mean)), make([]float32, len(s.Mean))
	precise := true
	for i, v := range s.Mean {
		mean[i], scale[i] = float32(v), float32(1/s.Deviation[i])
		// What rounding the mean takes away matters if the deviation is much smaller than the mean.
		rest[i] = float32(v - float64(mean[i]))
		precise = precise && math.Abs(float64(rest[i])) <= 1e-6*s.Deviation[i]
		if !finite(mean[i]) || !finite(scale[i]) {
			fail("modality %s: the mean %v or the deviation %v is no float32 number", m.Name, v, s.Deviation[i])
		}
	}
	x = g.elementwise("Sub", x, g.numbers(m.Name+".mean", dims, mean))
	if !precise {
		x = g.elementwise("Sub", x, g.numbers(m.Name+".mean.rest", dims, rest))
	}
	if slices.ContainsFunc(scale, func(v float32) bool { return v != 1 }) {
		x = g.elementwise("Mul", x, g.numbers(m.Name+".scale", dims, scale))
	}
	return x
}

func finite(x float32) bool { return x-x == 0 }
