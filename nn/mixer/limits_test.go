package mixer_test

import (
	"math"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// extreme draws a size: small as a rule, or one that a product of sizes wraps at.
func extreme(t *rapid.T, label string) int {
	small := rapid.IntRange(1, 12)
	sizes := rapid.SampledFrom([]int{0, -1, 28, 1000, 1001, 1 << 20, 1_000_000_000, 1 << 31, 1<<31 + 1, 1 << 32, device.MaxElements,
		device.MaxElements + 1, 1 << 53, 1<<62 + 1, math.MaxInt, math.MinInt})
	return rapid.OneOf(small, small, small, small, small, sizes).Draw(t, label)
}

// drawOptions fills every field of an options struct, whatever it has.
func drawOptions(t *rapid.T, options any) any {
	if rapid.IntRange(0, 9).Draw(t, "defaults") == 0 {
		return options
	}
	stages := rapid.IntRange(0, 5).Draw(t, "stages")
	v := reflect.ValueOf(options).Elem()
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Name, v.Field(i)
		switch field.Interface().(type) {
		case int:
			field.SetInt(int64(extreme(t, name)))
		case []int:
			if rapid.IntRange(0, 9).Draw(t, "same stages") == 0 {
				stages = rapid.IntRange(0, 70).Draw(t, "other stages")
			}
			var list []int
			for range stages {
				list = append(list, extreme(t, name))
			}
			field.Set(reflect.ValueOf(list))
		case float64:
			field.SetFloat(rapid.SampledFrom([]float64{0, 0, 0.5, 1, -1, math.NaN(), math.Inf(1)}).Draw(t, name))
		case string: // one of the words of its tag
			var words []string
			for item := range strings.SplitSeq(v.Type().Field(i).Tag.Get("jsonschema"), ",") {
				if word, is := strings.CutPrefix(item, "enum="); is {
					words = append(words, word)
				}
			}
			field.SetString(rapid.SampledFrom(append(words, "")).Draw(t, name))
		case bool:
			field.SetBool(rapid.Bool().Draw(t, name))
		case mixer.Layers:
			field.Set(reflect.ValueOf(drawExtremeLayers(t)))
		default:
			t.Fatalf("%T: no sizes are drawn for a field of type %s", options, field.Type())
		}
	}
	return options
}

// drawExtremeLayers draws layers of any sizes. Few kinds have layers within, so that it ends.
func drawExtremeLayers(t *rapid.T) (list mixer.Layers) {
	for range rapid.IntRange(0, 3).Draw(t, "layers") {
		kind := rapid.SampledFrom(mixer.LayerKinds()).Draw(t, "kind")
		list = append(list, mixer.Layer{Name: kind.Name, Options: drawOptions(t, kind.Options())})
	}
	return list
}

func drawChoice(t *rapid.T, kind mixer.Kind) mixer.Choice {
	var takes []mixer.Architecture
	for _, a := range mixer.All() {
		if a.Takes(kind) {
			takes = append(takes, a)
		}
	}
	a := rapid.SampledFrom(takes).Draw(t, "architecture")
	return mixer.Choice{Architecture: a.Name, Options: drawOptions(t, a.Options())}
}

func drawFusion(t *rapid.T) *mixer.FusionChoice {
	f := rapid.SampledFrom(mixer.Fusions()).Draw(t, "fusion")
	return &mixer.FusionChoice{Function: f.Name, Options: drawOptions(t, f.Options())}
}

func drawModality(t *rapid.T, name string) mixer.Modality {
	kind := rapid.SampledFrom([]mixer.Kind{mixer.Map, mixer.Map, mixer.Sequence, mixer.Table}).Draw(t, "kind")
	shape := make([]int, map[mixer.Kind]int{mixer.Map: 3, mixer.Sequence: 2, mixer.Table: 1}[kind])
	for i := range shape {
		shape[i] = extreme(t, "shape")
	}
	return mixer.Modality{Name: name, Kind: kind, Shape: shape, Masked: kind == mixer.Sequence && rapid.Bool().Draw(t, "masked"),
		Encoder: drawChoice(t, kind)}
}

func drawSpecification(t *rapid.T) mixer.Specification {
	spec := mixer.Specification{Classes: extreme(t, "classes"), MultiLabel: rapid.Bool().Draw(t, "multi-label"),
		Modalities: []mixer.Modality{drawModality(t, "a")}}
	if rapid.Bool().Draw(t, "fused") {
		network := drawChoice(t, mixer.Tokens)
		spec.Fusion, spec.Network = drawFusion(t), &network
		if rapid.Bool().Draw(t, "width of its own") {
			spec.Width = extreme(t, "width")
		}
		if rapid.Bool().Draw(t, "second") {
			spec.Modalities = append(spec.Modalities, drawModality(t, "b"))
		}
	}
	return spec
}

// record builds a model and records it for two samples.
func record(spec mixer.Specification, gradients bool) error {
	m, err := mixer.Build(spec)
	if err != nil {
		return err
	}
	g := nn.NewGraph(m.Parameters(), nn.Training, gradients)
	var inputs []*nn.Value
	for _, in := range m.Inputs() {
		inputs = append(inputs, g.Input(in.Name, append([]int{2}, in.Shape...)...))
	}
	labels := []int{2}
	if m.MultiLabel() {
		labels = append(labels, m.Classes())
	}
	_, loss := m.Forward(g, inputs, g.Input("labels", labels...))
	if gradients {
		g.Backward(loss, nil)
	}
	return g.Err()
}

// allocated is how many bytes f allocates, garbage included.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// mostMemory bounds what it takes to build and record a model, or to find out that it cannot be.
const mostMemory = 64 << 20

// Whatever the sizes of a model are, it is built and recorded or refused, in little memory.
func TestAnySizesAreBuiltOrRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpecification(t)
		var err error
		if n := allocated(func() { err = record(spec, false) }); n > mostMemory {
			t.Errorf("%d MiB were allocated (%v)", n>>20, err)
		}
	})
}

// Every size of the options has bounds in its tag, for models, plans and their schema.
func TestOptionsHaveBounds(t *testing.T) {
	all := map[string]any{}
	for _, a := range mixer.All() {
		all[a.Name] = a.Options()
	}
	for _, f := range mixer.Fusions() {
		all[f.Name] = f.Options()
	}
	for name, options := range all {
		options := reflect.TypeOf(options).Elem()
		for i := range options.NumField() {
			f := options.Field(i)
			_, most, _ := strings.Cut(f.Tag.Get("jsonschema"), "maximum=")
			size := f.Type.Kind() == reflect.Int || f.Type == reflect.TypeFor[[]int]()
			if size && most != "1000" && most != strconv.Itoa(device.MaxElements) {
				t.Errorf("%s: option %s is at most %q", name, f.Name, most)
			}
		}
	}
}

// The sizes that once panicked, wrapped into kernels, looped or took gigabytes, and the largest models that are taken.
func TestSizesAreCheckedBeforeTheyAreUsed(t *testing.T) {
	table := func(options any) mixer.Specification {
		return mixer.Specification{Classes: 2, Modalities: []mixer.Modality{{Name: "x", Kind: mixer.Table, Shape: []int{4},
			Encoder: mixer.Choice{Architecture: "simple_mlp", Options: options}}}}
	}
	one := func(architecture string, options any, shape ...int) mixer.Specification {
		return mixer.Specification{Classes: 2, Modalities: []mixer.Modality{image(architecture, options, shape...)}}
	}
	fused := func(network mixer.Choice, width int) mixer.Specification {
		s := one("mlp_mixer", &mixer.MLPMixerOptions{Width: 8, Depth: 1, TokenWidth: 4, ChannelWidth: 8}, 1, 8, 8)
		s.Fusion, s.Network, s.Width = mixer.Fuse("concat"), &network, width
		return s
	}
	ramlp := func(change func(*mixer.RaMLPOptions)) *mixer.RaMLPOptions {
		o := &mixer.RaMLPOptions{Depths: []int{1}, Dims: []int{4}, MLPRatio: []int{2}, Expansion: []int{2}, Group: []int{1}}
		change(o)
		return o
	}
	deep := mixer.Specification{Classes: 2, Fusion: mixer.Fuse("concat"), Network: &mixer.Choice{Architecture: "hyper_mixer",
		Options: &mixer.HyperMixerOptions{Width: 8, Depth: 300, TokenWidth: 4, ChannelWidth: 8, Heads: 1}}}
	monarch := mixer.Choice{Architecture: "monarch_mixer", Options: &mixer.MonarchMixerOptions{Width: 7, Depth: 1000}}
	for _, name := range []string{"a", "b"} {
		m := image("hyper_mixer", &mixer.HyperMixerOptions{Width: 8, Depth: 1000, TokenWidth: 4, ChannelWidth: 8, Heads: 1}, 1, 8, 8)
		m.Name = name
		deep.Modalities = append(deep.Modalities, m)
	}
	for _, test := range []struct {
		name string
		spec mixer.Specification
		want string // in the error; empty: none
	}{
		{"width", table(&mixer.SimpleMLPOptions{Hidden: 4, Width: 1<<62 + 1, Layers: 1}), "option width: want at most 68719476736, got 4611686018427387905"},
		{"wide layers", table(&mixer.SimpleMLPOptions{Hidden: 1 << 31, Width: 4, Layers: 2}), "parameter encoder.hidden.1.weight: shape 2147483648×2147483648 has more than"},
		{"many wide layers", table(&mixer.SimpleMLPOptions{Hidden: 1 << 17, Width: 4, Layers: 9}), "parameter encoder.hidden.4.weight: with its shape 131072×131072 the model has more than"},
		{"classes", mixer.Specification{Classes: math.MaxInt, Modalities: table(nil).Modalities}, "parameter head.weight: shape 9223372036854775807×64"},
		{"token width", one("hyper_mixer", &mixer.HyperMixerOptions{Width: 8, Depth: 1, TokenWidth: 1 << 62, ChannelWidth: 8, Heads: 2}, 1, 8, 8), "option token_width: want at most"},
		{"hidden tokens", one("hyper_mixer", &mixer.HyperMixerOptions{Width: 1, Depth: 1, Patch: 1, TokenWidth: 1 << 33, ChannelWidth: 8, Heads: 1}, 1, 64, 64), "product: shape 2×4096×8589934592 has more than"},
		{"hyper mixer of great width", one("hyper_mixer", &mixer.HyperMixerOptions{Width: 1_000_000_000, Depth: 1, TokenWidth: 4, ChannelWidth: 8, Heads: 1}, 1, 8, 8), "w1_fc1: shape 1×1000000000×1000000000 has more than"},
		{"positions of great width", one("hyper_mixer", &mixer.HyperMixerOptions{Width: 1_000_000_000, Depth: 1, TokenWidth: 1_000_000_000, ChannelWidth: 1, Heads: 1_000_000_000}, 1, 8, 8), "positions: with its shape 4×1000000000 the model's constants have more than 268435456 elements"},
		{"positions of a great map", one("hyper_mixer", &mixer.HyperMixerOptions{Width: 8, Depth: 4, Patch: 1, TokenWidth: 8, ChannelWidth: 8, Heads: 1}, 1, 4096, 4096), "positions: with its shape 16777216×8 the model's constants have more than"},
		{"fused width", fused(mixer.Choice{Architecture: "hyper_mixer"}, 1<<62), "fusion function concat: tokens: the shape 4×4611686018427387904 has more than"},
		{"ratio", one("ramlp", ramlp(func(o *mixer.RaMLPOptions) { o.MLPRatio[0] = 1 << 53 }), 1, 28, 28), "option mlp_ratio[0]: want at most"},
		{"ratio that wraps", one("ramlp", ramlp(func(o *mixer.RaMLPOptions) { o.MLPRatio[0], o.Dims[0] = 1<<34, 1<<30 }), 1, 28, 28), "option mlp_ratio: a layer of stage 1 would be more than 68719476736 wide"},
		{"expansion that wraps", one("ramlp", ramlp(func(o *mixer.RaMLPOptions) { o.Expansion[0], o.Dims[0] = 1<<34, 1<<30 }), 1, 28, 28), "option expansion: a layer of stage 1"},
		{"group that wraps", one("ramlp", ramlp(func(o *mixer.RaMLPOptions) { o.Group[0], o.Region = 1<<36, []int{1 << 17} }), 1, 1<<19, 1<<19), "has more than"},
		{"patch of a great map", one("mlp_mixer", nil, 1, 1<<62, 1<<62), "map: the shape 1×4611686018427387904×4611686018427387904 has more than"},
		{"patch of a wide map", one("hyper_mixer", &mixer.HyperMixerOptions{Width: 1, Depth: 1, TokenWidth: 1, ChannelWidth: 1, Heads: 1}, 1, 1, 34359738337), "positions: with its shape 34359738337×1 the model's"},
		{"patch of a wide prime", one("mlp_mixer", nil, 1, 262139, 262139), "token_mix.fc1.weight: shape 32×68716855321 has more than"},
		{"monarch of a prime", one("monarch_mixer", &mixer.MonarchMixerOptions{Width: 34359738337, Depth: 1}, 1, 8, 8), "has more than"},
		{"regions of 1000s", one("ramlp", ramlp(func(o *mixer.RaMLPOptions) {
			o.Depths, o.Dims, o.MLPRatio, o.Expansion, o.Group = []int{1000, 1000, 1000, 1000}, []int{4, 4, 4, 4}, []int{2, 2, 2, 2}, []int{2, 2, 2, 2}, []int{1, 1, 1, 1}
		}), 1, 112, 112), "the model has more than 32768 tensors: use fewer blocks"},
		{"many regions", one("ramlp", ramlp(func(o *mixer.RaMLPOptions) { o.Depths[0] = 1000 }), 1, 112, 112), ""},
		{"many operations", mixer.Specification{Classes: 2, Fusion: mixer.Fuse("concat"), Network: &monarch, Modalities: []mixer.Modality{
			image(monarch.Architecture, monarch.Options, 1, 56, 56)}}, "the model has more than 32768 operations: use fewer blocks"},
		{"deep as can be", deep, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var err error
			n := allocated(func() { err = record(test.spec, false) })
			if n > mostMemory {
				t.Errorf("%d MiB were allocated", n>>20)
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got the error %v, want %q", err, test.want)
			}
		})
	}
}
