package mixer_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/mixer"
)

// weightedOptions are those of a fusion function with parameters and another width than its input's.
type weightedOptions struct {
	Width   int     `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=100" doc:"Features of the result."`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout."`
}

// registerWeighted registers, for one test, the sum of a linear layer of each modality's tokens.
func registerWeighted(t *testing.T) {
	mixer.RegisterFusion(mixer.Fusion{Name: "weighted", Doc: "A layer of each modality, summed.",
		Options: func() any { return &weightedOptions{Width: 6} },
		New: func(s *nn.Scope, tokens []mixer.Input, options any) (mixer.Fuser, error) {
			o := options.(*weightedOptions)
			var layers []*nn.Linear
			for i, in := range tokens {
				layers = append(layers, nn.NewLinear(s.In("layer", i), in.Shape[1], o.Width))
			}
			fuser := mixer.NewAlignedFuser(tokens, func(g *nn.Graph, tokens []*nn.Value) *nn.Value {
				sum := layers[0].Forward(g, tokens[0])
				for i, t := range tokens[1:] {
					sum = g.Add(sum, layers[i+1].Forward(g, t))
				}
				return g.Dropout(sum, o.Dropout)
			})
			return weighted{fuser, o.Width}, nil
		}})
	t.Cleanup(func() { mixer.UnregisterFusion("weighted") })
}

type weighted struct {
	mixer.Fuser
	width int
}

func (w weighted) Width() int { return w.width }

// fusedModel has two sequences, of which the second may be masked.
func fusedModel(fusion *mixer.FusionChoice, masked bool) mixer.Specification {
	encoder := mixer.Choice{Architecture: "hyper_mixer", Options: &mixer.HyperMixerOptions{Width: 8, Depth: 1, TokenWidth: 4, ChannelWidth: 8, Heads: 1}}
	network := encoder
	return mixer.Specification{Classes: 3, Fusion: fusion, Network: &network, Modalities: []mixer.Modality{
		{Name: "a", Kind: mixer.Sequence, Shape: []int{5, 2}, Encoder: encoder},
		{Name: "b", Kind: mixer.Sequence, Shape: []int{3, 2}, Masked: masked, Encoder: encoder}}}
}

// A fusion function with options and parameters: its parameters have a scope and get gradients, and the network takes what
// it makes.
func TestFusionWithParameters(t *testing.T) {
	registerWeighted(t)
	m, err := mixer.Build(fusedModel(mixer.Fuse("weighted"), false))
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string]string{}
	for _, p := range m.Parameters().All() {
		if strings.HasPrefix(p.Name, "fusion.") || p.Name == "head.weight" {
			shapes[p.Name] = fmt.Sprint(p.Shape)
		}
	}
	if got, want := fmt.Sprint(shapes), "map[fusion.layer.0.bias:[6] fusion.layer.0.weight:[6 8] fusion.layer.1.bias:[6] "+
		"fusion.layer.1.weight:[6 8] head.weight:[3 6]]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := record(fusedModel(mixer.Fuse("weighted"), false), true); err != nil {
		t.Error(err)
	}
	if tokens, width, err := mixer.Fuse("weighted").Output(8, 5, 3, 9); tokens != 9 || width != 6 || err != nil {
		t.Errorf("%d tokens of width %d, %v", tokens, width, err)
	}
	if tokens, width, err := mixer.Fuse("concat").Output(8, 5, 3, 9); tokens != 17 || width != 8 || err != nil {
		t.Errorf("concat: %d tokens of width %d, %v", tokens, width, err)
	}
}

// A function without options is its name, as it always was; one with options is an object with all of them.
func TestFusionChoiceAsJSON(t *testing.T) {
	registerWeighted(t)
	for _, c := range []struct {
		choice        *mixer.FusionChoice
		read, written string
	}{
		{mixer.Fuse("concat"), `"concat"`, `"concat"`},
		{mixer.Fuse("max"), `{"function":"max","options":{}}`, `"max"`},
		{mixer.Fuse("weighted"), `"weighted"`, `{"function":"weighted","options":{"width":6,"dropout":0}}`},
		{&mixer.FusionChoice{Function: "weighted", Options: &weightedOptions{Width: 9, Dropout: 0.5}},
			`{"function":"weighted","options":{"dropout":0.5,"width":9}}`, `{"function":"weighted","options":{"width":9,"dropout":0.5}}`},
	} {
		text, err := json.Marshal(fusedModel(c.choice, false))
		if err != nil || !strings.Contains(string(text), `"fusion":`+c.written+`,"network"`) {
			t.Errorf("%v: got %s, %v", c.choice, text, err)
		}
		var read mixer.FusionChoice
		if err := json.Unmarshal([]byte(c.read), &read); err != nil {
			t.Error(err)
		}
		if again, err := json.Marshal(read); err != nil || string(again) != c.written {
			t.Errorf("%s: got %s, %v", c.read, again, err)
		}
	}
	text, err := json.Marshal(mixer.Specification{Classes: 2})
	if err != nil || strings.Contains(string(text), "fusion") {
		t.Errorf("a model without a fusion function is %s, %v", text, err)
	}
	for text, want := range map[string]string{
		`"cat"`: `unknown fusion function "cat": known are ` + strings.Join(mixer.FusionNames(), ", "),
		`{"function":"weighted","options":{"gate":1}}`: `options of weighted: json: unknown field "gate"`,
		`{"function":"max","options":{"width":1}}`:     `options of max: json: unknown field "width"`,
		`{"name":"max"}`: `unknown field "name"`,
		`3`:              "cannot unmarshal number",
	} {
		var c mixer.FusionChoice
		if err := json.Unmarshal([]byte(text), &c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %s", text, err, want)
		}
	}
}

func TestFusionErrors(t *testing.T) {
	registerWeighted(t)
	for want, choice := range map[string]*mixer.FusionChoice{
		"fusion function weighted: option width: want at least 1, got 0":      {Function: "weighted", Options: &weightedOptions{}},
		"fusion function weighted: option dropout: want less than 1, got 1":   {Function: "weighted", Options: &weightedOptions{Width: 1, Dropout: 1}},
		"fusion function weighted: options of type *mixer.SimpleMLPOptions":   {Function: "weighted", Options: &mixer.SimpleMLPOptions{}},
		"fusion function concat: options of type *mixer_test.weightedOptions": {Function: "concat", Options: &weightedOptions{}},
		`unknown fusion function "cancat": known are concat`:                  {Function: "cancat"},
		`(did you mean concat?)`: {Function: "cancat"},
		"a multimodal model needs both a fusion function and a fusion network": nil,
	} {
		if _, err := mixer.Build(fusedModel(choice, false)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got error %v, want %s", choice, err, want)
		}
	}
	if _, _, err := mixer.Fuse("mean").Output(8); err == nil {
		t.Error("no tokens were fused")
	}
}

// Whatever lies under the mask, every fusion function gives the same.
func TestMasksOfFusions(t *testing.T) {
	registerWeighted(t)
	for _, name := range mixer.FusionNames() {
		m, err := mixer.Build(fusedModel(mixer.Fuse(name), true))
		if err != nil {
			t.Fatal(err)
		}
		mask := nn.Tensor{Shape: []int{1, 5}, Data: []float32{1, 1, 1, 0, 0}}
		want := logits(t, m, steps(5, 0), steps(5, 0), mask)
		if got := logits(t, m, steps(5, 0), steps(5, 7), mask); !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }) {
			t.Errorf("%s: logits %v, want %v", name, got, want)
		}
		if got := logits(t, m, steps(5, 0), steps(5, 7), nn.Tensor{Shape: []int{1, 5}, Data: []float32{1, 1, 1, 1, 1}}); slices.Equal(got, want) {
			t.Errorf("%s: what counts changes nothing", name)
		}
	}
}

func TestIncompleteFusionsPanic(t *testing.T) {
	build := func(*nn.Scope, []mixer.Input, any) (mixer.Fuser, error) { return nil, nil }
	for want, f := range map[string]mixer.Fusion{
		"fusion function x cannot be registered: it needs New":                      {Name: "x", Doc: "A function."},
		`fusion function "concat" is registered twice`:                              {Name: "concat", Doc: "A function.", New: build},
		`fusion function "x" cannot be registered: it needs one line`:               {Name: "x", New: build},
		"fusion function x: Options makes a mixer.Kind, want a pointer to a struct": {Name: "x", Doc: "A function.", New: build, Options: func() any { return mixer.Map }},
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("got %s, want %s", got, want)
				}
			}()
			mixer.RegisterFusion(f)
		}()
	}
}

// joining makes one token of another width of all tokens.
type joining struct{ layer *nn.Linear }

func (j joining) Tokens() int { return 1 }
func (j joining) Width() int  { return 7 }

func (j joining) Forward(g *nn.Graph, x, _ *nn.Value) *nn.Value {
	shape := x.Shape
	return j.layer.Forward(g, g.Reshape(x, shape[0], 1, shape[1]*shape[2]))
}

// A fusion network may make other tokens than it takes: fewer, and of another width. Masks do not mind.
func TestNetworkThatChangesTokens(t *testing.T) {
	mixer.Register(mixer.Architecture{Name: "joining", Doc: "One token of all.", Kinds: []mixer.Kind{mixer.Sequence, mixer.Tokens}, Options: func() any { return &struct{}{} },
		New: func(s *nn.Scope, in mixer.Input, _ any) (mixer.Network, error) {
			return joining{nn.NewLinear(s.In("join"), in.Shape[0]*in.Shape[1], 7)}, nil
		}})
	t.Cleanup(func() { mixer.Unregister("joining") })
	for _, masked := range []bool{false, true} {
		spec := fusedModel(mixer.Fuse("concat"), masked)
		spec.Network = &mixer.Choice{Architecture: "joining"}
		if err := record(spec, true); err != nil {
			t.Errorf("masked %t: %v", masked, err)
		}
	}
	// As an encoder, too: the mask is of the steps, and its one token is real.
	for _, fusion := range []string{"concat", "mean"} {
		spec := fusedModel(mixer.Fuse(fusion), true)
		spec.Modalities[1].Encoder = mixer.Choice{Architecture: "joining"}
		if err := record(spec, true); err != nil {
			t.Errorf("as an encoder, before %s: %v", fusion, err)
		}
		m, err := mixer.Build(spec)
		if err != nil {
			t.Fatal(err)
		}
		if in := m.Inputs()[2]; in.Name != "b.mask" || !slices.Equal(in.Shape, []int{3}) {
			t.Errorf("the mask is the input %+v", in)
		}
	}
}
