package mixer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/nn/options"
)

// layersOf reads layers from JSON.
func layersOf(t testing.TB, text string) mixer.Layers {
	t.Helper()
	var list mixer.Layers
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// layered is an encoder of layers.
func layered(t testing.TB, text string) mixer.Choice {
	return mixer.Choice{Architecture: "layers", Options: &mixer.LayersOptions{Layers: layersOf(t, text)}}
}

// trained are the logits and the gradients of one training step on the CPU. weights returns the values of a parameter.
func trained(t *testing.T, m nn.Model, inputs [][]float32, weights func(p *nn.Parameter) []float32) (logits []float32, gradients map[string][]float32) {
	t.Helper()
	const batch = 2
	g := nn.NewGraph(m.Parameters(), nn.Training, true)
	var values []*nn.Value
	for _, in := range m.Inputs() {
		values = append(values, g.Input(in.Name, append([]int{batch}, in.Shape...)...))
	}
	labels := g.Input("labels", batch)
	y, loss := m.Forward(g, values, labels)
	g.Output("logits", y)
	g.Output("loss", loss)
	g.Backward(loss, nil)
	p, err := g.Compile("step")
	if err != nil {
		t.Fatal(err)
	}
	session, err := cpu.New(cpu.Options{Workers: 1}).Open(p.StateSize)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for _, q := range m.Parameters().All() {
		if err := session.WriteState(p.Info(g.Parameter(q).Buffer()).Offset, weights(q)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := session.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range append(values, labels) {
		if err := r.Write(v.Buffer(), append(inputs, []float32{1, 0})[i]); err != nil {
			t.Fatal(err)
		}
	}
	logits, gradients = make([]float32, y.Size()), map[string][]float32{}
	if err := errors.Join(r.Run(device.Step{}), r.Read(y.Buffer(), logits)); err != nil {
		t.Fatal(err)
	}
	for _, q := range m.Parameters().All() {
		if d := g.Gradient(g.Parameter(q)); d != nil {
			values := make([]float32, q.Size())
			if err := session.ReadState(p.Info(d.Buffer()).Offset, values); err != nil {
				t.Fatal(err)
			}
			gradients[q.Name] = values
		}
	}
	return logits, gradients
}

// Layers that are written out are, with the same weights, bit for bit the architectures that have them: logits and gradients.
func TestLayersAreTheirArchitectures(t *testing.T) {
	picture := mixer.Modality{Name: "x", Kind: mixer.Map, Shape: []int{2, 6, 9}}
	series := mixer.Modality{Name: "x", Kind: mixer.Sequence, Shape: []int{7, 5}}
	masked := series
	masked.Masked = true
	text := mixer.Modality{Name: "x", Kind: mixer.Text, Shape: []int{7}, Vocabulary: 11, Masked: true}
	row := mixer.Modality{Name: "x", Kind: mixer.Table, Shape: []int{5}}
	const mixerBlock = `{"repeat": {"times": 2, "layers": [{"mixer_block": {"token_width": 7, "channel_width": 19}}]}}, {"norm": {}}]`
	const block = `{"transformer_block": {"heads": 2, "hidden": 9}}`
	for _, c := range []struct {
		name, layers string
		of           mixer.Modality
		as           mixer.Choice
		names        [][2]string // of parameters, and what they are in the architecture
	}{
		{"mlp_mixer", `[{"embedding": {"width": 8, "patch": 3}}, ` + mixerBlock, picture,
			mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: 8, Depth: 2, Patch: 3, TokenWidth: 7, ChannelWidth: 19}},
			[][2]string{{`layers\.0\.embed`, "embed"}, {`layers\.1\.(\d)\.layers\.0`, "blocks.$1"}, {`layers\.2`, "norm"}}},
		{"mlp_mixer of patches", `[{"patches": {"side": 3, "width": 8}}, ` + mixerBlock, picture,
			mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: 8, Depth: 2, Patch: 3, TokenWidth: 7, ChannelWidth: 19}},
			[][2]string{{`layers\.0`, "embed"}, {`layers\.1\.(\d)\.layers\.0`, "blocks.$1"}, {`layers\.2`, "norm"}}},
		{"mlp_mixer of a sequence", `[{"linear": {"width": 8}}, ` + mixerBlock, series,
			mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: 8, Depth: 2, TokenWidth: 7, ChannelWidth: 19}},
			[][2]string{{`layers\.0`, "embed"}, {`layers\.1\.(\d)\.layers\.0`, "blocks.$1"}, {`layers\.2`, "norm"}}},
		{"mlp_mixer of a text", `[{"embedding": {"width": 8}}, {"mixer_block": {"token_width": 7, "channel_width": 19}}, {"norm": {}}]`, text,
			mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: 8, Depth: 1, TokenWidth: 7, ChannelWidth: 19}},
			[][2]string{{`layers\.0\.embed`, "embed"}, {`layers\.1`, "blocks.0"}, {`layers\.2`, "norm"}}},
		{"transformer", `[{"embedding": {"width": 8}}, {"positions": {}}, ` + block + `, ` + block + `, {"norm": {}}]`, series,
			mixer.Choice{Architecture: "transformer", Options: &mixer.TransformerOptions{Width: 8, Depth: 2, Heads: 2, Hidden: 9, Norm: "pre", Positions: "learned", Token: "mean"}},
			[][2]string{{`layers\.0\.embed`, "embed"}, {`layers\.1\.positions`, "positions"}, {`layers\.2`, "blocks.0"}, {`layers\.3`, "blocks.1"}, {`layers\.4`, "norm"}}},
		{"residual_cnn", `[{"conv": {"channels": 4, "bias": false}}, {"residual_block": {}}, {"residual_block": {"channels": 8, "stride": 2}}, {"norm": {"kind": "batch"}},
			{"activation": {"kind": "relu"}}]`, picture,
			mixer.Choice{Architecture: "residual_cnn", Options: &mixer.ResidualCNNOptions{Width: 8, Stages: 2, Blocks: 1, Kernel: 3, Tokens: 20}},
			[][2]string{{`layers\.0`, "stem"}, {`layers\.1`, "stages.0.0"}, {`layers\.2`, "stages.1.0"}, {`layers\.3`, "norm"}}},
		{"a residual block", `[{"conv": {"channels": 4, "bias": false}}, {"residual": {"layers": [{"norm": {"kind": "batch"}}, {"activation": {"kind": "relu"}},
			{"conv": {"bias": false}}, {"norm": {"kind": "batch"}}, {"activation": {"kind": "relu"}}, {"conv": {"bias": false}}]}},
			{"norm": {"kind": "batch"}}, {"activation": {"kind": "relu"}}]`, picture,
			mixer.Choice{Architecture: "residual_cnn", Options: &mixer.ResidualCNNOptions{Width: 4, Stages: 1, Blocks: 1, Kernel: 3, Tokens: 100}},
			[][2]string{{`layers\.0\.w`, "stem.w"}, {`layers\.1\.layers\.0`, "stages.0.0.norm1"}, {`layers\.1\.layers\.2`, "stages.0.0.conv1"},
				{`layers\.1\.layers\.3`, "stages.0.0.norm2"}, {`layers\.1\.layers\.5`, "stages.0.0.conv2"}, {`layers\.2`, "norm"}}},
		{"simple_mlp", `[{"linear": {"width": 9}}, {"activation": {"kind": "relu"}}, {"linear": {"width": 13}}]`, row,
			mixer.Choice{Architecture: "simple_mlp", Options: &mixer.SimpleMLPOptions{Hidden: 9, Width: 13, Layers: 1}},
			[][2]string{{`layers\.0`, "hidden.0"}, {`layers\.2`, "out"}}},
		{"lstm", `[{"lstm": {"width": 6, "bidirectional": true}}]`, masked,
			mixer.Choice{Architecture: "lstm", Options: &mixer.RecurrentOptions{Width: 6, Depth: 1, Bidirectional: true}}, [][2]string{{`layers\.0\.rnn`, "rnn"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			model := func(encoder mixer.Choice) nn.Model {
				c.of.Encoder = encoder
				return build(t, mixer.Specification{Modalities: []mixer.Modality{c.of}, Classes: 3})
			}
			rename := func(name string) string {
				for _, n := range c.names {
					if to := regexp.MustCompile(`^encoder\.`+n[0]).ReplaceAllString(name, "encoder."+n[1]); to != name {
						return to
					}
				}
				return name
			}
			as, own := model(c.as), model(layered(t, c.layers))
			all := as.Parameters().Initialise(3)
			var inputs [][]float32
			for k, in := range as.Inputs() {
				x := make([]float32, 2*mixerSize(in.Shape))
				for i := range x {
					x[i] = float32((i*7+k)%11) / 4
					if k > 0 {
						x[i] = 1
						if i >= 10 { // the second sample has three real steps
							x[i] = 0
						}
					} else if c.of.Kind == mixer.Text {
						x[i] = float32(i % 11)
					}
				}
				inputs = append(inputs, x)
			}
			want, gradients := trained(t, as, inputs, func(p *nn.Parameter) []float32 { return all[p.Name].Data })
			got, of := trained(t, own, inputs, func(p *nn.Parameter) []float32 {
				tensor, ok := all[rename(p.Name)]
				if !ok || len(tensor.Data) != p.Size() {
					t.Fatalf("%s is %s, which has %d elements, want %d", p.Name, rename(p.Name), len(tensor.Data), p.Size())
				}
				return tensor.Data
			})
			if !slices.Equal(got, want) {
				t.Errorf("the logits are %v, want %v", got, want)
			}
			if len(of) != len(gradients) {
				t.Errorf("%d gradients, want %d", len(of), len(gradients))
			}
			for name, d := range of {
				if !slices.Equal(d, gradients[rename(name)]) {
					t.Errorf("the gradient of %s is %v, want that of %s, %v", name, d, rename(name), gradients[rename(name)])
				}
			}
		})
	}
}

func mixerSize(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// What does not fit is an error that names the layer, what it gets and what it wants.
func TestLayersErrors(t *testing.T) {
	picture := mixer.Input{Kind: mixer.Map, Shape: []int{2, 6, 9}}
	series := mixer.Input{Kind: mixer.Sequence, Shape: []int{7, 5}}
	text := mixer.Input{Kind: mixer.Text, Shape: []int{7}, Vocabulary: 11}
	row := mixer.Input{Kind: mixer.Table, Shape: []int{5}}
	tokens := mixer.Input{Kind: mixer.Tokens, Shape: []int{4, 6}}
	for _, c := range []struct {
		in           mixer.Input
		layers, want string
	}{
		{picture, `[]`, `layers: is empty: list at least one layer`},
		{picture, `[{"residual": {}}]`, `layers[0].residual: is empty: list at least one layer`},
		{picture, `[{"patches": {"side": 3}}, {"conv": {}}]`, `layers[1].conv: want a map or sequence, got 6 tokens of 18 features`},
		{tokens, `[{"norm": {}}, {"conv": {}}]`, `layers[1].conv: want a map or sequence, got 4 tokens of 6 features`},
		{row, `[{"conv": {}}]`, `layers[0].conv: want a map or sequence, got a table of 5 numbers`},
		{series, `[{"patches": {}}]`, `layers[0].patches: want a map, got a sequence of 7 steps of 5 features`},
		{picture, `[{"conv": {"channels": 6}}, {"attention": {}}]`, `layers[1].attention.heads: 4 does not divide the 6 features of a token`},
		{picture, `[{"conv": {"channels": 8}}, {"residual": {"layers": [{"conv": {"channels": 8, "stride": 2}}]}}]`,
			`layers[1].residual: the layers within give a map of 8 channels, 3×5, want what they get, a map of 8 channels, 6×9`},
		{picture, `[{"conv": {"channels": 8}}, {"residual": {"layers": [{"mixer_block": {}}]}}]`,
			`layers[1].residual: the layers within give 54 tokens of 8 features, want what they get, a map of 8 channels, 6×9`},
		{picture, `[{"residual": {"layers": [{"patches": {"side": 3}}, {"residual": {"layers": [{"norm": {}}, {"conv": {}}]}}]}}]`,
			`layers[0].residual[1].residual[1].conv: want a map or sequence, got 6 tokens of 18 features`},
		{picture, `[{"repeat": {"times": 3, "layers": [{"conv": {"stride": 2}}, {"pool": {"size": 3}}]}}]`,
			`layers[0].layers[1].pool.size: 3 does not divide a map of 2 channels, 3×5`},
		{picture, `[{"repeat": {"times": 3, "layers": [{"pool": {"size": 3}}]}}]`,
			`layers[0].layers[0].pool.size: 3 does not divide a map of 2 channels, 2×3 (repetition 2 of 3)`},
		{picture, `[{"conv": {"kernel": 2}}]`, `layers[0].conv.kernel: want an odd number, got 2`},
		{picture, `[{"residual_block": {"kernel": 4}}]`, `layers[0].residual_block.kernel: want an odd number, got 4`},
		{picture, `[{"conv": {"stride": 0}}]`, `layers[0].conv.stride: want at least 1, got 0`},
		{picture, `[{"dropout": {"probability": 1}}]`, `layers[0].dropout.probability: want less than 1, got 1`},
		{picture, `[{"norm": {"kind": "bach"}}]`, `layers[0].norm.kind: want one of layer, batch, got "bach" (did you mean batch?)`},
		{picture, `[{"repeat": {"times": 0, "layers": [{"norm": {}}]}}]`, `layers[0].repeat: want at least 1, got 0`},
		{picture, `[{"repeat": {"times": 1001, "layers": [{"norm": {}}]}}]`, `layers[0].repeat: want at most 1000, got 1001`},
		{picture, `[{"repeat": {"times": 1000, "layers": [{"repeat": {"times": 1000, "layers": [{"norm": {}}]}}]}}]`,
			`layers[0].repeat: with it, there are more than 10000 layers: repeat fewer`},
		{picture, `[{"norm": {}}, {"embedding": {}}]`, `layers[1].embedding: want it first in the list, where it gets the input itself`},
		{picture, `[{"residual": {"layers": [{"embedding": {}}]}}]`, `layers[0].residual[0].embedding: want it first in the list, where it gets the input itself`},
		{text, `[{"linear": {}}]`, `layers[0].linear: want numbers, got a text of 7 words: put an embedding before it, such as {embedding: 64}`},
		{picture, `[{"embedding": {"width": 0}}]`, `layers[0].embedding.width: want at least 1, got 0`},
		{picture, `[{"embedding": {"patch": 4}}]`, `layers[0].embedding.patch: 4 does not divide maps of 6×9`},
		{picture, `[{"patches": {"side": 2}}]`, `layers[0].patches.side: 2 does not divide a map of 2 channels, 6×9`},
		{series, `[{"gru": {"bidirectional": true}}]`, `layers[0].gru.bidirectional: the width 5 is odd: each direction has half of it`},
		{series, `[{"linear": {"width": 68719476736}}]`, `layers[0].linear: parameter layers.0.weight: shape 68719476736×5 has more than 68719476736 elements`},
		{series, `[{"linear": {"width": 200000}}, {"repeat": {"times": 5, "layers": [{"linear": {}}]}}]`,
			`layers[1].layers[0].linear: parameter layers.1.1.layers.0.weight: with its shape 200000×200000 the model has more than 68719476736 parameters (repetition 2 of 5)`},
	} {
		a, err := mixer.Lookup("layers")
		if err != nil {
			t.Fatal(err)
		}
		var list mixer.Layers
		if err := json.Unmarshal([]byte(c.layers), &list); err != nil {
			t.Fatalf("%s: %v", c.layers, err)
		}
		_, err = a.Build(nn.NewScope(), c.in, &mixer.LayersOptions{Layers: list})
		if wrong := new(options.Error); !errors.As(err, &wrong) || wrong.Field+": "+wrong.Text != c.want {
			t.Errorf("%s:\ngot  %v\nwant %s", c.layers, err, c.want)
		}
	}
	a, _ := mixer.Lookup("layers")
	deep := mixer.Layer{Name: "norm"}
	for range mixer.MostNestedLayers {
		deep = mixer.Layer{Name: "residual", Options: &mixer.ResidualLayer{Layers: mixer.Layers{deep}}}
	}
	for want, layer := range map[string]mixer.Layer{
		`layers[0]` + strings.Repeat(`.residual[0]`, 15) + `.residual: layers are nested more than 16 deep`:         deep,
		`layers[0]: unknown layer "convv": known are ` + strings.Join(layerNames(), ", ") + ` (did you mean conv?)`: {Name: "convv"},
		`layers[0]: options of type *mixer.NormLayer cannot be used: want *mixer.ConvLayer`:                         {Name: "conv", Options: &mixer.NormLayer{}},
	} {
		_, err := a.Build(nn.NewScope(), picture, &mixer.LayersOptions{Layers: mixer.Layers{layer}})
		if err == nil || err.Error() != "option "+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func layerNames() (names []string) {
	for _, k := range mixer.LayerKinds() {
		names = append(names, k.Name)
	}
	return names
}

// A batch norm would count masked steps, whose number depends on the other samples' lengths.
func TestBatchNormRefusesMaskedSteps(t *testing.T) {
	of := mixer.Modality{Name: "x", Kind: mixer.Sequence, Shape: []int{7, 5}, Encoder: layered(t, `[{"linear": {"width": 4}}, {"norm": {"kind": "batch"}}]`)}
	for _, masked := range []bool{false, true} {
		of.Masked = masked
		err := record(mixer.Specification{Modalities: []mixer.Modality{of}, Classes: 3}, true)
		const want = "option layers[1].norm: a batch norm would count masked steps: want {norm: layer} where rows have lengths of their own or may lack the modality"
		if !masked && err != nil || masked && (err == nil || err.Error() != want) {
			t.Errorf("masked %t: got the error %v", masked, err)
		}
	}
}

// The JSON of layers has only what differs from the registered values, so that an option that is added later changes no key. What is
// written is read back, and written the same again.
func TestLayersAsJSON(t *testing.T) {
	for text, want := range map[string]string{
		`[{"conv": {}}]`: `[{"conv":{}}]`,
		`[{"conv": {"kernel": 3, "channels": 8, "stride": 2, "bias": true}}]`: `[{"conv":{"channels":8,"stride":2}}]`,
		`[{"norm": {"kind": "batch"}}, {"norm": {"kind": "layer"}}]`:          `[{"norm":{"kind":"batch"}},{"norm":{}}]`,
		`[{"repeat": {"layers": [{"linear": {"bias": false}}], "times": 4}}]`: `[{"repeat":{"times":4,"layers":[{"linear":{"bias":false}}]}}]`,
		`[{"residual": {"layers": [{"dropout": {"probability": 0.25}}]}}]`:    `[{"residual":{"layers":[{"dropout":{"probability":0.25}}]}}]`,
	} {
		var c mixer.Choice
		if err := json.Unmarshal([]byte(`{"architecture": "layers", "options": {"layers": `+text+`}}`), &c); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, err := json.Marshal(c)
		if want := `{"architecture":"layers","options":{"layers":` + want + `}}`; err != nil || string(got) != want {
			t.Errorf("%s is written as %s (%v), want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		`[{"convv": {}}]`:            `unknown layer "convv": known are ` + strings.Join(layerNames(), ", ") + ` (did you mean conv?)`,
		`[{"conv": {"width": 8}}]`:   `options of conv: json: unknown field "width"`,
		`[{"conv": {}, "norm": {}}]`: `want a layer such as {"conv": {"channels": 8}}, got {"conv": {}, "norm": {}}`,
		`["conv"]`:                   `want a layer such as {"conv": {"channels": 8}}, got "conv"`,
		strings.Repeat(`[{"residual": {"layers": `, 17) + `[]` + strings.Repeat(`}}]`, 17): `layers are nested more than 16 deep`,
	} {
		if err := json.Unmarshal([]byte(text), &mixer.Layers{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got the error %v, want %s", text, err, want)
		}
	}
}

// The shape of what is given follows from the layers alone.
func TestLayersPromise(t *testing.T) {
	for _, c := range []struct {
		in            mixer.Input
		layers        string
		tokens, width int
	}{
		{mixer.Input{Kind: mixer.Map, Shape: []int{3, 11, 7}}, `[{"conv": {"channels": 8, "stride": 2}}]`, 24, 8},
		{mixer.Input{Kind: mixer.Map, Shape: []int{3, 11, 7}}, `[{"pool": {}}]`, 1, 3},
		{mixer.Input{Kind: mixer.Map, Shape: []int{1, 1, 1}}, `[{"conv": {"kernel": 9, "stride": 5, "dilation": 3}}]`, 1, 1},
		{mixer.Input{Kind: mixer.Map, Shape: []int{3, 8, 12}}, `[{"patches": {}}]`, 6, 48},
		{mixer.Input{Kind: mixer.Sequence, Shape: []int{7, 5}}, `[{"conv": {"stride": 2}}, {"gru": {"width": 3}}]`, 4, 3},
		{mixer.Input{Kind: mixer.Sequence, Shape: []int{8, 5}}, `[{"pool": {"size": 4}}]`, 2, 5},
		{mixer.Input{Kind: mixer.Table, Shape: []int{5}}, `[{"norm": {"kind": "batch"}}, {"mlp": {}}]`, 1, 5},
		{mixer.Input{Kind: mixer.Tokens, Shape: []int{9, 6}}, `[{"mixer_block": {}}]`, 9, 6},
		{mixer.Input{Kind: mixer.Text, Shape: []int{9}, Vocabulary: 4}, `[{"embedding": {"width": 6}}, {"conv": {"stride": 4}}]`, 3, 6},
	} {
		a, _ := mixer.Lookup("layers")
		n, err := a.Build(nn.NewScope(), c.in, &mixer.LayersOptions{Layers: layersOf(t, c.layers)})
		if err != nil {
			t.Errorf("%s: %v", c.layers, err)
		} else if n.Tokens() != c.tokens || n.Width() != c.width {
			t.Errorf("%s gives %d×%d, want %d×%d", c.layers, n.Tokens(), n.Width(), c.tokens, c.width)
		}
	}
	if text := fmt.Sprint(layerNames()); text != "[activation attention conv dropout embedding gru linear lstm mixer_block mlp norm patches pool positions repeat residual residual_block transformer_block]" {
		t.Errorf("the layers are %s: a layer that is gone makes models unreadable", text)
	}
}
