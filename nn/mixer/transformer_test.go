package mixer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/mixer"
)

// transformerOf is a small transformer.
func transformerOf(norm, positions, token string) mixer.Choice {
	return mixer.Choice{Architecture: "transformer", Options: &mixer.TransformerOptions{Width: 8, Depth: 2, Heads: 2, Hidden: 12, Patch: 2,
		Norm: norm, Positions: positions, Token: token}}
}

// Real steps give the same logits whatever follows them under the mask, and however much of it.
func TestTransformerOfMaskedSteps(t *testing.T) {
	for _, norm := range []string{"pre", "post"} {
		for _, token := range []string{"mean", "class"} {
			build := func(n int, masked bool) nn.Model {
				return build(t, mixer.Specification{Classes: 3, Modalities: []mixer.Modality{{Name: "text", Kind: mixer.Sequence, Shape: []int{n, 2},
					Masked: masked, Encoder: transformerOf(norm, "sinusoidal", token)}}})
			}
			want := logits(t, build(3, false), steps(3, 0))
			for _, n := range []int{4, 7} {
				for _, change := range []float32{0, 5} {
					if got := logits(t, build(n, true), steps(n, change), realTokens(3, n)); !near(got, want) {
						t.Errorf("%s, %s: %d steps, the others changed by %v: logits %v, want %v", norm, token, n, change, got, want)
					}
				}
			}
		}
	}
}

// All tokens are passed on, or the class token alone, which is real whatever the mask says.
func TestClassToken(t *testing.T) {
	for _, c := range []struct {
		token         string
		kind          mixer.Kind
		shape         []int
		tokens, width int
	}{
		{"mean", mixer.Map, []int{1, 4, 6}, 6, 8}, {"class", mixer.Map, []int{1, 4, 6}, 1, 8},
		{"mean", mixer.Sequence, []int{5, 2}, 5, 8}, {"class", mixer.Sequence, []int{5, 2}, 1, 8},
		{"mean", mixer.Tokens, []int{5, 6}, 5, 6}, {"class", mixer.Tokens, []int{5, 6}, 1, 6},
	} {
		a, err := mixer.Lookup("transformer")
		if err != nil {
			t.Fatal(err)
		}
		s := nn.NewScope()
		network, err := a.Build(s, mixer.Input{Kind: c.kind, Shape: c.shape}, transformerOf("pre", "learned", c.token).Options)
		if err != nil {
			t.Fatal(err)
		}
		g := nn.NewGraph(s.Parameters(), nn.Evaluation, false)
		y := network.Forward(g, g.Input("x", append([]int{3}, c.shape...)...), nil)
		if want := []int{3, c.tokens, c.width}; g.Err() != nil || !slices.Equal(y.Shape, want) || network.Tokens() != c.tokens || network.Width() != c.width {
			t.Errorf("%s of a %s %v: tokens %v (%d, %d), want %v (%v)", c.token, c.kind, c.shape, y.Shape, network.Tokens(), network.Width(), want, g.Err())
		}
	}
}

// As a fusion network a transformer ignores what rows lack, and a row may lack everything.
func TestTransformerNetworkOfMissingModalities(t *testing.T) {
	for _, fusion := range []string{"concat", "max", "cross_attention"} {
		for _, token := range []string{"mean", "class"} {
			m := build(t, partlyMissing(fusion, transformerOf("pre", "learned", token)))
			for has := range 8 {
				row := func(change float32) []nn.Tensor { return rowOf(change, has&1 != 0, has&2 != 0, has&4 != 0) }
				want, got := logits(t, m, row(0)...), logits(t, m, row(3)...)
				if !near(got, want) || slices.ContainsFunc(got, func(z float32) bool { return z-z != 0 }) {
					t.Errorf("%s, %s, modalities %03b: logits %v, with other values behind the masks %v", fusion, token, has, want, got)
				}
			}
			for name, gradient := range gradients(t, m, rowOf(2, false, true, false)) {
				if slices.ContainsFunc(gradient, func(d float64) bool { return d-d != 0 }) {
					t.Errorf("%s, %s: %s has the gradient %v", fusion, token, name, gradient)
				}
			}
		}
	}
}

// One modality has nothing to attend to: its tokens stay as they are.
func TestCrossAttentionOfOneModality(t *testing.T) {
	f, err := mixer.LookupFusion("cross_attention")
	if err != nil {
		t.Fatal(err)
	}
	s := nn.NewScope()
	fuser, err := f.New(s, []mixer.Input{{Kind: mixer.Tokens, Shape: []int{5, 6}}}, f.Options())
	if err != nil {
		t.Fatal(err)
	}
	g := nn.NewGraph(s.Parameters(), nn.Evaluation, false)
	x, mask := g.Input("x", 2, 5, 6), g.Input("mask", 2, 5)
	fused, real := fuser.Forward(g, []*nn.Value{x}, []*nn.Value{mask})
	if fused != x || real != mask || fuser.Tokens() != 5 || fuser.Width() != 6 || s.Parameters().Count() != 0 {
		t.Errorf("one modality is fused to %v with %d parameters", fused.Shape, s.Parameters().Count())
	}
}

// Heads that do not divide the width are an error that names the option.
func TestHeadsDivideTheWidth(t *testing.T) {
	sequence := mixer.Modality{Name: "a", Kind: mixer.Sequence, Shape: []int{5, 2}, Encoder: transformerOf("pre", "learned", "mean")}
	network := transformerOf("pre", "learned", "mean")
	fused := func(width int, fusion *mixer.FusionChoice) mixer.Specification {
		b := sequence
		b.Name = "b"
		return mixer.Specification{Modalities: []mixer.Modality{sequence, b}, Classes: 2, Width: width, Fusion: fusion, Network: &network}
	}
	wrong := sequence
	wrong.Encoder = mixer.Choice{Architecture: "transformer", Options: &mixer.TransformerOptions{Width: 8, Depth: 1, Heads: 3, Hidden: 4, Norm: "pre", Positions: "learned", Token: "mean"}}
	table := mixer.Modality{Name: "t", Kind: mixer.Table, Shape: []int{5}, Encoder: mixer.Choice{Architecture: "ft_transformer",
		Options: &mixer.FTTransformerOptions{Width: 10, Depth: 1, Heads: 4, Hidden: 4}}}
	for _, c := range []struct {
		spec mixer.Specification
		want string
	}{
		{mixer.Specification{Modalities: []mixer.Modality{wrong}, Classes: 2}, "heads: 3 does not divide the width 8"},
		{mixer.Specification{Modalities: []mixer.Modality{table}, Classes: 2}, "heads: 4 does not divide the width 10"},
		{fused(9, mixer.Fuse("concat")), "heads: 2 does not divide the width 9"},
		{fused(8, &mixer.FusionChoice{Function: "cross_attention", Options: &mixer.CrossAttentionOptions{Heads: 5}}), "heads: 5 does not divide the width 8"},
		{fused(8, mixer.Fuse("cross_attention")), ""},
	} {
		_, err := mixer.Build(c.spec)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(fmt.Sprint(err), c.want)) {
			t.Errorf("got error %v, want %q", err, c.want)
		}
	}
}
