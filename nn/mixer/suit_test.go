package mixer

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn"
	"mixmas/nn/options"
)

// Maps are cut into 16 to 64 tokens where a divisor of their sides allows, and otherwise into as near as it does.
func TestSuitPatch(t *testing.T) {
	for _, test := range []struct{ height, across, patch, tokens int }{
		{28, 28, 4, 49}, {32, 32, 4, 64}, {64, 64, 8, 64}, {112, 112, 14, 64}, {224, 224, 28, 64}, {30, 30, 5, 36},
		{16, 15, 1, 240}, {8, 8, 1, 64}, {4, 4, 1, 16}, {2, 2, 1, 4}, {1, 1, 1, 1}, {80, 400, 40, 20}, {97, 89, 1, 97 * 89}, {97, 97, 97, 1},
	} {
		patch := suitPatch(test.height, test.across)
		if tokens := test.height / patch * (test.across / patch); patch != test.patch || tokens != test.tokens {
			t.Errorf("%d×%d: patch %d gives %d tokens, want %d and %d", test.height, test.across, patch, tokens, test.patch, test.tokens)
		}
	}
}

// Small pictures of few rows get small models: not the patches of 1 and channel widths of 3,072 of the published defaults.
func TestSuitedSizesAreSmall(t *testing.T) {
	in := Input{Kind: Map, Shape: []int{1, 16, 15}}
	for _, name := range []string{"mlp_mixer", "hyper_mixer", "monarch_mixer", "ramlp"} {
		a, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		s := nn.NewScope()
		if _, err := a.Build(s, in, a.Suit(in, 716)); err != nil {
			t.Fatal(err)
		}
		if n := s.Parameters().Count(); n > 100_000 {
			t.Errorf("%s has %d parameters for 716 rows of 16×15", name, n)
		}
	}
}

// One block mixes more than 256 tokens, also where the numbers of a table are the tokens.
func TestManyTokensGetOneBlock(t *testing.T) {
	for _, test := range []struct {
		name  string
		in    Input
		depth int
	}{
		{"ft_transformer", Input{Kind: Table, Shape: []int{256}}, 2}, {"ft_transformer", Input{Kind: Table, Shape: []int{257}}, 1},
		{"transformer", Input{Kind: Sequence, Shape: []int{256, 3}}, 2}, {"transformer", Input{Kind: Sequence, Shape: []int{257, 3}}, 1},
	} {
		a, err := Lookup(test.name)
		if err != nil {
			t.Fatal(err)
		}
		if f, _ := options.ByName(reflect.ValueOf(a.Suit(test.in, 1000)).Elem(), "depth"); f.Value.Int() != int64(test.depth) {
			t.Errorf("%s over %v has %d blocks, want %d", test.name, test.in.Shape, f.Value.Int(), test.depth)
		}
	}
}

// Maps whose sides share no divisor and have too many cells are left to ramlp and residual_cnn, which take any sides.
func TestLargePrimeSides(t *testing.T) {
	in := Input{Kind: Map, Shape: []int{3, 97, 89}}
	for _, a := range All() {
		if a.Suit == nil || !a.Takes(Map) {
			continue
		}
		if suits := a.Suit(in, 1000) != nil; suits != (a.Name == "ramlp" || a.Name == "residual_cnn") {
			t.Errorf("%s suits maps of 97×89: %t", a.Name, suits)
		}
	}
}

// Whatever the input, some architecture suits it; what suits can be built, within the rules of its options, and with more rows
// it never becomes smaller.
func TestSuited(t *testing.T) {
	side := rapid.IntRange(1, 150)
	rapid.Check(t, func(t *rapid.T) {
		in := Input{Kind: rapid.SampledFrom([]Kind{Map, Sequence, Text, Table, Tokens}).Draw(t, "kind")}
		switch in.Kind {
		case Map:
			in.Shape = []int{rapid.IntRange(1, 4).Draw(t, "channels"), side.Draw(t, "height"), side.Draw(t, "width")}
		case Sequence, Tokens:
			in.Shape = []int{side.Draw(t, "steps"), side.Draw(t, "features")}
		case Text:
			in.Shape, in.Vocabulary = []int{side.Draw(t, "tokens")}, rapid.IntRange(2, 9000).Draw(t, "vocabulary")
		case Table:
			in.Shape = []int{side.Draw(t, "features")}
		}
		some := false
		rows := rapid.IntRange(1, 100_000).Draw(t, "rows")
		for _, a := range All() {
			if a.Suit == nil || !a.Takes(in.Kind) {
				continue
			}
			own := a.Suit(in, rows)
			if own == nil {
				continue
			}
			some = true
			if f, ok := options.ByName(reflect.ValueOf(own).Elem(), "dropout"); ok && f.Value.Float() != 0 {
				t.Fatalf("%s sets the dropout, which is the recipe's", a.Name)
			}
			few, many := nn.NewScope(), nn.NewScope()
			if _, err := a.Build(few, in, own); err != nil {
				t.Fatalf("%s: %v", a.Name, err)
			}
			if _, err := a.Build(many, in, a.Suit(in, 10*rows)); err != nil {
				t.Fatalf("%s: %v", a.Name, err)
			}
			if n, m := few.Parameters().Count(), many.Parameters().Count(); m < n {
				t.Errorf("%s has %d parameters for %d rows, and %d for ten times as many", a.Name, n, rows, m)
			}
		}
		if !some {
			t.Fatalf("nothing suits %+v", in)
		}
	})
}
