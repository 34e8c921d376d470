package mixer_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/devicetest/reference"
	"mixmas/nn/mixer"
	"mixmas/nn/options"
)

// drawLayers draws a list of layers with small sizes, of which many do not fit each other.
func drawLayers(t *rapid.T, depth int) (list mixer.Layers) {
	kinds := mixer.LayerKinds()
	for range rapid.IntRange(1, 3).Draw(t, "layers") {
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		if own := kind.Options(); depth > 0 || !strings.HasPrefix(kind.Name, "re") {
			list = append(list, mixer.Layer{Name: kind.Name, Options: drawLayerOptions(t, own, depth)})
		}
	}
	return list
}

// drawLayerOptions changes some of the options.
func drawLayerOptions(t *rapid.T, own any, depth int) any {
	v := reflect.ValueOf(own).Elem()
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Name, v.Field(i)
		if _, is := field.Interface().(mixer.Layers); is {
			field.Set(reflect.ValueOf(drawLayers(t, depth-1)))
			continue
		}
		if rapid.Bool().Draw(t, name+" is set") {
			continue
		}
		switch field.Interface().(type) {
		case int:
			field.SetInt(int64(rapid.SampledFrom([]int{0, 1, 2, 2, 3, 4, 4, 6}).Draw(t, name)))
		case float64:
			field.SetFloat(rapid.SampledFrom([]float64{0, 0.5}).Draw(t, name))
		case bool:
			field.SetBool(rapid.Bool().Draw(t, name))
		case string:
			for item := range strings.SplitSeq(v.Type().Field(i).Tag.Get("jsonschema"), ",") {
				if word, is := strings.CutPrefix(item, "enum="); is && rapid.Bool().Draw(t, word) {
					field.SetString(word)
				}
			}
		}
	}
	return own
}

// Any list of layers is refused with the layer's name, or is built, gives the tokens that it promised, and is trained. What masked
// steps hold has no effect on real ones, or on any gradient. Its JSON is read back as the same.
func TestAnyLayers(t *testing.T) {
	built := 0
	rapid.Check(t, func(t *rapid.T) {
		list := drawLayers(t, 2)
		if len(list) == 0 {
			return
		}
		in := rapid.SampledFrom([]mixer.Input{
			{Kind: mixer.Map, Shape: []int{2, 4, 6}}, {Kind: mixer.Map, Shape: []int{1, 1, 3}}, {Kind: mixer.Sequence, Shape: []int{6, 4}},
			{Kind: mixer.Sequence, Shape: []int{1, 3}}, {Kind: mixer.Text, Shape: []int{4}, Vocabulary: 5}, {Kind: mixer.Table, Shape: []int{4}},
			{Kind: mixer.Tokens, Shape: []int{6, 4}},
		}).Draw(t, "input")
		text, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		var again mixer.Layers
		if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(again, list) {
			t.Fatalf("%s is read as %v (%v)", text, again, err)
		}
		a, err := mixer.Lookup("layers")
		if err != nil {
			t.Fatal(err)
		}
		s := nn.NewScope()
		network, err := a.Build(s, in, &mixer.LayersOptions{Layers: list})
		if err != nil {
			if wrong := new(options.Error); !errors.As(err, &wrong) || !strings.HasPrefix(wrong.Field, "layers[") && wrong.Field != "layers" {
				t.Fatalf("%s: the error %v names no layer", text, err)
			}
			return
		}
		built++
		masks := []bool{in.Kind == mixer.Text}
		if in.Kind == mixer.Sequence || in.Kind == mixer.Tokens {
			masks = []bool{false, true}
		}
		for _, masked := range masks {
			x := layerInput(in, 0)
			y, gradients, err := layersStep(s, network, in, x, masked)
			if err != nil {
				if masked && strings.Contains(err.Error(), "a batch norm would count masked steps") {
					continue
				}
				if strings.Contains(err.Error(), "one value per channel cannot be normalised") {
					continue
				}
				t.Fatalf("%s of %v: %v", text, in, err)
			}
			if len(y) != 2*network.Tokens()*network.Width() {
				t.Fatalf("%s gives %d elements, want 2×%d×%d", text, len(y), network.Tokens(), network.Width())
			}
			if !masked || in.Kind == mixer.Text {
				continue
			}
			other, moved, err := layersStep(s, network, in, layerInput(in, 1000), masked)
			if err != nil {
				t.Fatal(err)
			}
			n, d := network.Tokens(), network.Width()
			for i := range other {
				real := i/d%n < realSteps(in, i/(n*d)) || n != in.Shape[0]
				if real && other[i] != y[i] {
					t.Fatalf("%s of %v: with other values in masked steps element %d is %v, want %v", text, in, i, other[i], y[i])
				}
			}
			for name, d := range gradients {
				if !slices.Equal(d, moved[name]) {
					t.Fatalf("%s of %v: with other values in masked steps the gradient of %s is %v, want %v", text, in, name, moved[name], d)
				}
			}
		}
	})
	if built < 10 {
		t.Errorf("only %d lists of layers were built", built)
	}
}

// realSteps is the number of real steps of a sample: the first one has all but one, the second one has none or one.
func realSteps(in mixer.Input, sample int) int {
	if sample == 0 {
		return in.Shape[0] - 1
	}
	return in.Shape[0] / 4
}

// layerInput are two samples, with the change in masked steps.
func layerInput(in mixer.Input, change float64) []float64 {
	x := make([]float64, 2*mixerSize(in.Shape))
	for i := range x {
		sample, rest := i/(len(x)/2), i%(len(x)/2)
		switch x[i] = float64(i*5%7)/2 - 1; {
		case in.Kind == mixer.Text:
			x[i] = float64(i % in.Vocabulary)
		case (in.Kind == mixer.Sequence || in.Kind == mixer.Tokens) && rest/in.Shape[1] >= realSteps(in, sample):
			x[i] += change
		}
	}
	return x
}

// layersStep are the tokens of two samples and the gradients of the sum of the squares of their means, in float64.
func layersStep(s *nn.Scope, network mixer.Network, in mixer.Input, x []float64, masked bool) (tokens []float64, gradients map[string][]float64, err error) {
	g := nn.NewGraph(s.Parameters(), nn.Training, true)
	v := g.Input("x", append([]int{2}, in.Shape...)...)
	var mask *nn.Value
	if masked {
		data := make([]float32, 2*in.Shape[0])
		for sample := range 2 {
			for i := range realSteps(in, sample) {
				data[sample*in.Shape[0]+i] = 1
			}
		}
		mask = g.Constant("mask", data, 2, in.Shape[0])
	}
	y := network.Forward(g, v, mask)
	g.Output("y", y)
	if g.Err() != nil {
		return nil, nil, g.Err()
	}
	mean := g.Sum(y, 1)
	if mask != nil && network.Tokens() == mask.Shape[1] {
		mean = g.Sum(g.Mul(y, g.Reshape(mask, 2, mask.Shape[1], 1)), 1)
	}
	loss := g.Sum(g.Reshape(g.Mul(mean, mean), mean.Size()), 0)
	if s.Parameters().Count() > 0 {
		g.Backward(loss, nil)
	}
	p, err := g.Compile("layers")
	if err != nil {
		return nil, nil, err
	}
	session, err := reference.Device{}.Open(p.StateSize)
	if err != nil {
		return nil, nil, err
	}
	weights := s.Parameters().Initialise(3)
	for _, q := range s.Parameters().All() {
		if err := session.WriteState(p.Info(g.Parameter(q).Buffer()).Offset, weights[q.Name].Data); err != nil {
			return nil, nil, err
		}
	}
	r, err := session.Load(p)
	if err != nil {
		return nil, nil, err
	}
	run := r.(*reference.Runner)
	copy(run.Values(v.Buffer()), x)
	if err := run.Run(device.Step{}); err != nil {
		return nil, nil, err
	}
	gradients = map[string][]float64{}
	for _, q := range s.Parameters().All() {
		if d := g.Gradient(g.Parameter(q)); d != nil {
			gradients[q.Name] = slices.Clone(run.Values(d.Buffer()))
		}
	}
	return slices.Clone(run.Values(y.Buffer())), gradients, nil
}

// No JSON makes layers that cannot be written and read again, or building them panic or take long.
func FuzzLayers(f *testing.F) {
	for _, text := range []string{`[{"conv": {"channels": 32, "kernel": 3, "stride": 2}}, {"norm": {"kind": "batch"}}, {"activation": {"kind": "gelu"}}]`,
		`[{"repeat": {"times": 4, "layers": [{"residual": {"layers": [{"mixer_block": {"token_width": 16, "channel_width": 64}}]}}]}}]`,
		`[{"attention": {"heads": 4}}, {"dropout": {"probability": 0.1}}, {"linear": {"width": 64}}, {"patches": {"side": 4}}]`,
		`[{"embedding": {"width": 8}}, {"positions": {"kind": "sinusoidal"}}, {"transformer_block": {"norm": "post"}}, {"pool": {"kind": "max"}}]`,
		`[{"gru": {"bidirectional": true}}, {"residual_block": {"stride": 1000}}]`, `[{"conv": {"dilation": 1e6}}]`, `null`, `[null]`, `[{"residual": null}]`} {
		f.Add(text)
	}
	a, err := mixer.Lookup("layers")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var list mixer.Layers
		if json.Unmarshal([]byte(text), &list) != nil {
			return
		}
		written, err := json.Marshal(list)
		if err != nil {
			return // a name that is not registered cannot be read
		}
		var again mixer.Layers
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatalf("%s was read, but %s is not: %v", text, written, err)
		}
		if twice, err := json.Marshal(again); err != nil || string(twice) != string(written) {
			t.Fatalf("%s is written as %s, then as %s (%v)", text, written, twice, err)
		}
		for _, in := range []mixer.Input{{Kind: mixer.Map, Shape: []int{2, 4, 8}}, {Kind: mixer.Sequence, Shape: []int{6, 4}}, {Kind: mixer.Table, Shape: []int{4}}} {
			s := nn.NewScope()
			if n, err := a.Build(s, in, &mixer.LayersOptions{Layers: list}); err == nil && (n.Tokens() < 1 || n.Width() < 1) {
				t.Fatalf("%s gives %d×%d tokens", text, n.Tokens(), n.Width())
			}
		}
	})
}
