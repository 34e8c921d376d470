package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mixmas/nn/mixer"
	"mixmas/nn/options"
)

// layering is a configuration with a candidate of layers, whose list begins in line 8.
func layering(layers string) string {
	return listing("{candidates: [{name: layers, label: my cnn, layers:\n\n\n" + layers + "}]}")
}

// Layers have short forms, and are written in the shortest. A list of layers is one value, not several.
func TestLayers(t *testing.T) {
	for text, want := range map[string]struct{ json, saved string }{
		"[{conv: {channels: 32, kernel: 5, stride: 2}}, {norm: batch}, {activation: gelu}]": {
			`[{"conv":{"channels":32,"kernel":5,"stride":2}},{"norm":{"kind":"batch"}},{"activation":{}}]`,
			`[{conv: {channels: 32, kernel: 5, stride: 2}}, {norm: batch}, activation]`},
		"[{conv: 8}, {conv: {channels: 8, bias: true}}, {conv: {}}, conv]": {
			`[{"conv":{"channels":8}},{"conv":{"channels":8}},{"conv":{}},{"conv":{}}]`, `[{conv: 8}, {conv: 8}, conv, conv]`},
		"[{embedding: 16}, {repeat: 4, layers: [{residual: [norm, {attention: 2}]}, {dropout: 0.25}]}]": {
			`[{"embedding":{"width":16}},{"repeat":{"times":4,"layers":[{"residual":{"layers":[{"norm":{}},{"attention":{"heads":2}}]}},{"dropout":{"probability":0.25}}]}}]`,
			`[{embedding: 16}, {repeat: 4, layers: [{residual: [norm, {attention: 2}]}, {dropout: 0.25}]}]`},
		"[{layers: [norm], repeat: 2}, {repeat: {times: 2, layers: [norm]}}]": {
			`[{"repeat":{"times":2,"layers":[{"norm":{}}]}},{"repeat":{"times":2,"layers":[{"norm":{}}]}}]`, `[{repeat: 2, layers: [norm]}, {repeat: 2, layers: [norm]}]`},
		"[{residual: {layers: [{pool: {kind: max, size: 1}}]}}, {pool: max}, {pool: {size: 2}}]": {
			`[{"residual":{"layers":[{"pool":{"kind":"max","size":1}}]}},{"pool":{"kind":"max"}},{"pool":{"size":2}}]`,
			`[{residual: [{pool: {kind: max, size: 1}}]}, {pool: max}, {pool: {size: 2}}]`},
		"[{patches: 2}, {linear: {width: 4, bias: false}}, {mixer_block: {token_width: 16, channel_width: 64}}]": {
			`[{"patches":{"side":2}},{"linear":{"width":4,"bias":false}},{"mixer_block":{"token_width":16,"channel_width":64}}]`,
			`[{patches: 2}, {linear: {width: 4, bias: false}}, {mixer_block: {token_width: 16, channel_width: 64}}]`},
	} {
		c := parse(t, layering(text))
		list := c.Search.Encoders["image"]
		if len(list) != 1 || list[0].Label != "my cnn" || c.Listed() != 0 {
			t.Fatalf("%s makes the candidates %v", text, labelsOf(list))
		}
		got, err := json.Marshal(list[0].Options.(*mixer.LayersOptions).Layers)
		if err != nil || string(got) != want.json {
			t.Errorf("%s is %s (%v), want %s", text, got, err, want.json)
		}
		var saved bytes.Buffer
		if err := c.Save(&saved); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(strings.Fields(saved.String()), " "), "layers: "+want.saved) {
			t.Errorf("%s is saved as\n%s", text, saved.String())
		}
		if diff := cmp.Diff(c, parse(t, saved.String()), cmpopts.IgnoreUnexported(Config{})); diff != "" {
			t.Errorf("%s: saved and read: %s", text, diff)
		}
	}
	list := parse(t, listing("{defaults: {layers: [conv]}, candidates: [layers, {name: layers, label: own, layers: [norm]}]}")).Search.Encoders["image"]
	for i, want := range []string{"conv", "norm"} {
		if got := list[i].Options.(*mixer.LayersOptions).Layers[0].Name; got != want {
			t.Errorf("candidate %d begins with %s, want %s", i, got, want)
		}
	}
}

func TestLayersErrors(t *testing.T) {
	const at = "search.encoders.image.candidates[0].layers"
	known := "known are activation, attention, conv, dropout, embedding, gru, linear, lstm, mixer_block, mlp, norm, patches, pool, positions, repeat, residual, " +
		"residual_block, transformer_block"
	many := "[" + strings.TrimSuffix(strings.Repeat("norm, ", 40), ", ") + "]"
	for text, want := range map[string]string{
		"[{convv: 8}]": "8: " + at + `[0]: unknown layer "convv": ` + known + ` (did you mean conv?)`,
		"[norm,\n{residual: [norm,\n{atention: {heads: 4}}]}]": "10: " + at + `[1].residual[1]: unknown layer "atention": ` + known + ` (did you mean attention?)`,
		"[norm,\n{conv: {chanels: 8}}]":                        "9: " + at + "[1].conv.chanels: unknown field: known are channels, kernel, stride, dilation, bias (did you mean channels?)",
		"[{conv: {channels: 8,\nkernel: 0}}]":                  "9: " + at + "[0].conv.kernel: want at least 1, got 0",
		"[{conv: eight}]":                                      "8: " + at + `[0].conv: want a whole number, got "eight"`,
		"[{conv: [8, 16]}]":                                    "8: " + at + "[0].conv: want the options channels, kernel, stride, dilation, bias, got a list",
		"[{mixer_block: 8}]":                                   "8: " + at + `[0].mixer_block: want the options token_width, channel_width, dropout, got "8"`,
		"[{norm: bach}]":                                       "8: " + at + `[0].norm: want one of layer, batch, got "bach" (did you mean batch?)`,
		"[{dropout: 1}]":                                       "8: " + at + "[0].dropout: want less than 1, got 1",
		"[{conv: }]":                                           "8: " + at + "[0].conv: has no value",
		"[conv: 8, kernel: 3]":                                 "8: " + at + `[1]: unknown layer "kernel": ` + known,
		"[{conv: 8, kernel: 3}]":                               "8: " + at + "[0]: want one layer, such as {conv: {channels: 32, stride: 2}}, got the fields conv, kernel",
		"[{}]":                                                 "8: " + at + "[0]: want one layer, such as {conv: {channels: 32, stride: 2}}, got the fields of none",
		"[[conv]]":                                             "8: " + at + "[0]: want a word, got a list",
		"[]":                                                   "5: " + at + ": is empty: list at least one layer",
		"conv":                                                 "8: " + at + `: want a list, got "conv"`,
		"[norm,\n{residual: []}]":                              "9: " + at + "[1].residual: is empty: list at least one layer",
		"[{repeat: 0,\nlayers: [norm]}]":                       "8: " + at + "[0].repeat: want at least 1, got 0",
		"[norm,\n{repeat: 4}]":                                 "9: " + at + "[1].layers: is empty: list at least one layer",
		"[{repeat: 4, layers: [norm,\n{conv: {stride: 0}}]}]":                    "9: " + at + "[0].layers[1].conv.stride: want at least 1, got 0",
		"[{repeat: {times: 4, layers: [norm,\n{conv: {stride: 0}}]}}]":           "9: " + at + "[0].layers[1].conv.stride: want at least 1, got 0",
		"[norm,\n{repeat: 1000, layers: " + many + "}]":                          "9: " + at + "[1].repeat: with it, there are more than 10000 layers: repeat fewer",
		"[norm,\n{repeat: 1000, layers: [{repeat: 1000, layers: [conv]}]}]":      "9: " + at + "[1].repeat: with it, there are more than 10000 layers: repeat fewer",
		strings.Repeat("[{residual: ", 17) + "[norm]" + strings.Repeat("}]", 17): "8: " + at + strings.Repeat("[0].residual", 16) + ": layers are nested more than 16 deep",
	} {
		_, err := Parse("c.yaml", []byte(layering(text)))
		if err == nil || !strings.HasPrefix(err.Error(), shortened("c.yaml:"+want)) {
			t.Errorf("%s:\ngot  %v\nwant c.yaml:%s", text, err, want)
		}
	}
}

// shortened cuts what an error cuts from a long field.
func shortened(text string) string {
	if i := strings.Index(text, " nested more"); i > mostName {
		return text[:mostName]
	}
	return text
}

// An error that only the data show has the line of the layer, in the candidate or in its defaults, or else of the candidate.
func TestCandidateErrorf(t *testing.T) {
	c := parse(t, listing("\n      defaults:\n        token_width:\n          7\n        layers: [norm,\n          conv]\n      candidates:\n        - layers\n        - {name: layers, label: own,\n"+
		"           layers: [norm, {residual:\n             [conv,\n              {attention: 3}]}]}\n        - {name: mlp_mixer, label: two,\n           depth: [1,\n            2]}\n    audio: {candidates: [mlp_mixer]}"))
	for _, test := range []struct {
		label, field string
		line         int
	}{
		{"layers", "layers[1].conv", 10}, {"layers", "layers[0].norm", 9}, {"own", "layers[1].residual[1].attention.heads", 16}, {"own", "layers[1].residual", 14},
		{"own", "layers", 14}, {"two depth=1", "depth", 18}, {"two depth=2", "token_width", 7}, {"two depth=2", "width", 17}, {"nobody", "depth", 5},
	} {
		err := fmt.Errorf("modality image: %w", mixerError(test.field))
		got := c.CandidateErrorf("search.encoders.image", test.label, err, "odd").Error()
		if want := fmt.Sprintf("small.yaml:%d: search.encoders.image: odd", test.line); got != want {
			t.Errorf("%s of %s: got %s, want %s", test.field, test.label, got, want)
		}
	}
}

// The schema has every layer with its forms, and layers within layers refer to it.
func TestSchemaOfLayers(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Layers struct {
				Items struct {
					AnyOf []struct {
						Title      string
						OneOf      []struct{ Const string }
						Properties map[string]json.RawMessage
					}
				}
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	forms := schema.Defs.Layers.Items.AnyOf
	for i, kind := range mixer.LayerKinds() {
		if forms[0].OneOf[i].Const != kind.Name || forms[i+1].Title != kind.Name || forms[i+1].Properties[kind.Name] == nil {
			t.Errorf("the schema has %s in the place of %s", forms[i+1].Title, kind.Name)
		}
		if kind.Name == "repeat" && !strings.Contains(string(forms[i+1].Properties["layers"]), `"$ref": "#/$defs/layers"`) {
			t.Errorf("the layers of repeat are %s", forms[i+1].Properties["layers"])
		}
	}
	if n := strings.Count(string(text), `"$ref": "#/$defs/layers"`); n < 5 {
		t.Errorf("%d references to layers", n)
	}
}

// No text of layers panics or takes long, and what is read is written and read back as the same.
func FuzzLayers(f *testing.F) {
	for _, text := range []string{"[{conv: {channels: 32, kernel: 3, stride: 2}}, {norm: batch}, activation]", "[{repeat: 4, layers: [{residual: [norm, {attention: 4}]}]}]",
		"[{repeat: {times: 2, layers: &a [norm]}}, {residual: *a}]", "[{<<: {conv: 8}}, {dropout: 0.1}]", "[{layers: [], repeat: 1}]", "[{pool: {kind: max}}, {conv: [1]}]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("c.yaml", []byte(layering(text)))
		if err != nil {
			return
		}
		var saved bytes.Buffer
		if err := c.Save(&saved); err != nil {
			t.Fatal(err)
		}
		again, err := Parse("c.yaml", saved.Bytes())
		if err != nil {
			t.Fatalf("%q is saved as\n%s\nwhich is not read: %v", text, saved.String(), err)
		}
		if diff := cmp.Diff(c.Search.Encoders, again.Search.Encoders); diff != "" {
			t.Fatalf("%q is saved as\n%s\n%s", text, saved.String(), diff)
		}
	})
}

func mixerError(field string) error { return options.Errorf(field, "odd") }
