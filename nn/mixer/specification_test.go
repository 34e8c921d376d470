package mixer_test

import (
	"encoding/json"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/mixer"
)

// image is a small modality with an encoder.
func image(architecture string, options any, shape ...int) mixer.Modality {
	return mixer.Modality{Name: "image", Kind: mixer.Map, Shape: shape, Encoder: mixer.Choice{Architecture: architecture, Options: options}}
}

func TestBuildErrors(t *testing.T) {
	mlp := func(change func(*mixer.MLPMixerOptions)) *mixer.MLPMixerOptions {
		o := &mixer.MLPMixerOptions{Width: 8, Depth: 1, Patch: 4, TokenWidth: 4, ChannelWidth: 8}
		change(o)
		return o
	}
	hyper := func(change func(*mixer.HyperMixerOptions)) *mixer.HyperMixerOptions {
		o := &mixer.HyperMixerOptions{Width: 8, Depth: 1, Patch: 4, TokenWidth: 4, ChannelWidth: 8, Heads: 1}
		change(o)
		return o
	}
	ramlp := func(change func(*mixer.RaMLPOptions)) *mixer.RaMLPOptions {
		o := &mixer.RaMLPOptions{Depths: []int{1, 1}, Dims: []int{4, 8}, MLPRatio: []int{2, 2}, Expansion: []int{2, 2}, Group: []int{1, 2}}
		change(o)
		return o
	}
	text := func(vocabulary int, masked bool) mixer.Modality {
		return mixer.Modality{Name: "text", Kind: mixer.Text, Shape: []int{5}, Vocabulary: vocabulary, Masked: masked, Encoder: mixer.Choice{Architecture: "mlp_mixer"}}
	}
	one := func(m mixer.Modality) mixer.Specification {
		return mixer.Specification{Modalities: []mixer.Modality{m}, Classes: 3}
	}
	fused := func(change func(*mixer.Specification)) mixer.Specification {
		s := mixer.Specification{Classes: 3, Fusion: mixer.Fuse("concat"), Network: &mixer.Choice{Architecture: "mlp_mixer"},
			Modalities: []mixer.Modality{image("mlp_mixer", mlp(func(*mixer.MLPMixerOptions) {}), 1, 8, 8)}}
		change(&s)
		return s
	}
	tests := []struct {
		name string
		spec mixer.Specification
		want string
	}{
		{"width", one(image("mlp_mixer", mlp(func(o *mixer.MLPMixerOptions) { o.Width = 0 }), 1, 8, 8)), "modality image: mlp_mixer: option width: want at least 1, got 0"},
		{"depth", one(image("mlp_mixer", mlp(func(o *mixer.MLPMixerOptions) { o.Depth = -1 }), 1, 8, 8)), "option depth"},
		{"too deep", one(image("mlp_mixer", mlp(func(o *mixer.MLPMixerOptions) { o.Depth = 1 << 30 }), 1, 8, 8)), "option depth: want at most 1000"},
		{"too deep a stage", one(image("ramlp", ramlp(func(o *mixer.RaMLPOptions) { o.Depths = []int{1, 1 << 30} }), 1, 28, 28)), "option depths[1]: want at most 1000, got 1073741824"},
		{"token width", one(image("mlp_mixer", mlp(func(o *mixer.MLPMixerOptions) { o.TokenWidth = 0 }), 1, 8, 8)), "option token_width"},
		{"channel width", one(image("mlp_mixer", mlp(func(o *mixer.MLPMixerOptions) { o.ChannelWidth = 0 }), 1, 8, 8)), "option channel_width"},
		{"patch", one(image("mlp_mixer", mlp(func(*mixer.MLPMixerOptions) {}), 1, 8, 10)), "option patch: 4 does not divide maps of 8×10"},
		{"negative patch", one(image("mlp_mixer", mlp(func(o *mixer.MLPMixerOptions) { o.Patch = -4 }), 1, 8, 8)), "option patch"},
		{"dropout", one(image("mlp_mixer", mlp(func(o *mixer.MLPMixerOptions) { o.Dropout = 1 }), 1, 8, 8)), "option dropout"},
		{"heads", one(image("hyper_mixer", hyper(func(o *mixer.HyperMixerOptions) { o.Heads = 3 }), 1, 8, 8)), "option heads: 3 does not divide both the width 8 and token_width 4"},
		{"no heads", one(image("hyper_mixer", hyper(func(o *mixer.HyperMixerOptions) { o.Heads = 0 }), 1, 8, 8)), "option heads"},
		{"stages", one(image("ramlp", ramlp(func(o *mixer.RaMLPOptions) { o.Depths = []int{1} }), 1, 28, 28)), "option depths: want one number for each of the 2 stages"},
		{"no stages", one(image("ramlp", &mixer.RaMLPOptions{}, 1, 28, 28)), "option dims"},
		{"region", one(image("ramlp", ramlp(func(o *mixer.RaMLPOptions) { o.Region = []int{7, 3} }), 1, 28, 28)), "option region: 3 of stage 2 does not divide its map of 4×4"},
		{"group", one(image("ramlp", ramlp(func(o *mixer.RaMLPOptions) { o.Group = []int{3, 1} }), 1, 28, 28)), "option group: 3 of stage 1"},
		{"small map", one(image("ramlp", ramlp(func(*mixer.RaMLPOptions) {}), 1, 2, 2)), "too small"},
		{"other options", one(image("ramlp", &mixer.SimpleMLPOptions{}, 1, 28, 28)), "ramlp: options of type *mixer.SimpleMLPOptions cannot be used: want *mixer.RaMLPOptions"},
		{"kind", one(image("simple_mlp", nil, 1, 28, 28)), "simple_mlp does not take inputs of kind \"map\": it takes table"},
		{"shape", one(image("mlp_mixer", nil, 28, 28)), "a map has 3 dimensions per sample, got the shape 28×28"},
		{"empty shape", one(image("mlp_mixer", nil, 1, 0, 28)), "no elements"},
		{"architecture", one(image("mixer", nil, 1, 28, 28)), "unknown architecture \"mixer\": known are " + strings.Join(mixer.Names(), ", ")},
		{"classes", mixer.Specification{Modalities: []mixer.Modality{image("mlp_mixer", nil, 1, 28, 28)}}, "classes"},
		{"weights of one label", mixer.Specification{Classes: 2, PosWeight: []float32{1, 1}, Modalities: []mixer.Modality{image("mlp_mixer", nil, 1, 28, 28)}}, "pos_weight"},
		{"number of weights", mixer.Specification{Classes: 2, MultiLabel: true, PosWeight: []float32{1}, Modalities: []mixer.Modality{image("mlp_mixer", nil, 1, 28, 28)}}, "each of the 2 classes, got 1"},
		{"no modality", mixer.Specification{Classes: 2}, "one modality"},
		{"a text without vocabulary", one(text(0, true)), "a text has a vocabulary of 2 to 16777216 tokens, got 0"},
		{"a text with ids that are not exact", one(text(1<<24+1, true)), "got 16777217"},
		{"a text without mask", one(text(9, false)), "modality text: a text is always masked"},
		{"a text for a table's network", one(func() mixer.Modality { m := text(9, true); m.Encoder.Architecture = "simple_mlp"; return m }()), "simple_mlp does not take inputs of kind \"text\": it takes table"},
		{"a vocabulary of a map", one(func() mixer.Modality { m := image("mlp_mixer", nil, 1, 8, 8); m.Vocabulary = 9; return m }()), "a vocabulary of 9 tokens is for a text, not for a map"},
		{"fusion", fused(func(s *mixer.Specification) { s.Fusion = mixer.Fuse("min") }), "unknown fusion function \"min\": known are concat, mean, max, sum"},
		{"no network", fused(func(s *mixer.Specification) { s.Network = nil }), "fusion network"},
		{"network", fused(func(s *mixer.Specification) { s.Network = &mixer.Choice{Architecture: "ramlp"} }), "fusion network: ramlp does not take inputs of kind \"tokens\""},
		{"prediction", fused(func(s *mixer.Specification) { s.Prediction = "vote" }), "unknown prediction \"vote\""},
		{"twice", fused(func(s *mixer.Specification) { s.Modalities = append(s.Modalities, s.Modalities[0]) }), "the name is already used"},
		{"dots", fused(func(s *mixer.Specification) { s.Modalities[0].Name = "a.b" }), "without dots"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := mixer.Build(test.spec); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got the error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestInputsAreWords(t *testing.T) {
	for want, kinds := range map[string][]mixer.Kind{
		"table":                   {mixer.Table},
		"map or tokens":           {mixer.Map, mixer.Tokens},
		"map, sequence or tokens": {mixer.Map, mixer.Sequence, mixer.Tokens},
	} {
		if got := (mixer.Architecture{Kinds: kinds}).Inputs(); got != want {
			t.Errorf("%v: got %q", kinds, got)
		}
	}
}

func TestSpecificationRefusesUnknownFields(t *testing.T) {
	for text, want := range map[string]string{
		`{"modalities":[{"name":"x","kind":"table","shape":[2],"encoder":{"architecture":"simple","options":{}}}]}`:              "unknown architecture \"simple\"",
		`{"modalities":[{"name":"x","kind":"table","shape":[2],"encoder":{"architecture":"simple_mlp","options":{"depth":2}}}]}`: "options of simple_mlp: json: unknown field \"depth\"",
	} {
		var spec mixer.Specification
		if err := json.Unmarshal([]byte(text), &spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got the error %v, want one with %q", err, want)
		}
	}
}

func TestDefaultRegions(t *testing.T) {
	for _, test := range []struct {
		side, tokens int
		regions      []int
	}{{28, 1, []int{7, 4, 2, 1}}, {112, 16, []int{7, 7, 7, 1}}} {
		m, err := mixer.Lookup("ramlp")
		if err != nil {
			t.Fatal(err)
		}
		var same []string
		for _, region := range [][]int{nil, test.regions} {
			o := m.Options().(*mixer.RaMLPOptions)
			o.Region = region
			s := nn.NewScope()
			network, err := m.New(s, mixer.Input{Kind: mixer.Map, Shape: []int{1, test.side, test.side}}, o)
			if err != nil {
				t.Fatal(err)
			}
			if network.Tokens() != test.tokens || network.Width() != 512 {
				t.Errorf("%d: %d tokens of width %d, want %d of 512", test.side, network.Tokens(), network.Width(), test.tokens)
			}
			var shapes []any
			for _, p := range s.Parameters().All() {
				shapes = append(shapes, p.Name, p.Shape)
			}
			text, err := json.Marshal(shapes)
			if err != nil {
				t.Fatal(err)
			}
			same = append(same, string(text))
		}
		if same[0] != same[1] {
			t.Errorf("%d: the default regions are not the published ones", test.side)
		}
	}
}

func TestWarmStart(t *testing.T) {
	got := mixer.WarmStart("image", nn.Weights{"encoder.norm.weight": {Shape: []int{1}}, "head.bias": {Shape: []int{2}}})
	if len(got) != 2 || got["encoders.image.norm.weight"].Shape[0] != 1 || got["heads.image.bias"].Shape[0] != 2 {
		t.Errorf("got %v", got)
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		choice        mixer.Choice
		tokens, width int
		want          string
	}{
		{mixer.Choice{Architecture: "hyper_mixer"}, 5, 8, ""},
		{mixer.Choice{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{Width: 8, Depth: 1, TokenWidth: 8, ChannelWidth: 8, Heads: 4}}, 5, 10, "heads: 4 does not divide"},
		{mixer.Choice{Architecture: "mlp_mixer"}, 0, 8, "no elements"},
		{mixer.Choice{Architecture: "ramlp"}, 5, 8, "does not take inputs of kind"},
		{mixer.Choice{Architecture: "none"}, 5, 8, "unknown architecture"},
	} {
		err := c.choice.Fits(c.tokens, c.width)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s for %d tokens of width %d: got error %v, want one with %q", c.choice.Architecture, c.tokens, c.width, err, c.want)
		}
	}
}
