package text

import (
	"errors"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mixmas/nn/options"
)

// weightsOf are the weights of a text that are not 0, by name.
func weightsOf(b *Bag, s string) map[string]float32 {
	dst, weights := make([]float32, b.Width()), map[string]float32{}
	for i := range dst {
		dst[i] = -1
	}
	b.Encode(s, dst)
	for i, name := range b.Names() {
		if dst[i] != 0 {
			weights[name] = dst[i]
		}
	}
	return weights
}

// Tags are words, and units beside their words.
func TestTags(t *testing.T) {
	bag, err := TrainBag(t.Context(), BagOptions{Weights: "binary"}, Strings([]string{
		"Developer / Languages|Math", "Developer / Languages", "Languages", "Math|Home", "home",
		"a text of more than six words is no tag", "A text of more than six words is no tag.",
	}))
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[string][]string{
		"developer / languages | HOME":    {"developer", "developer languages", "home", "languages"},
		"languages developer":             {"developer", "languages"},
		"math":                            {"math"},
		"||":                              nil,
		"home\nDeveloper/Languages\nmany": {"developer", "developer languages", "home", "languages"},
		"Developer / Languages ｜math":     {"developer", "developer languages", "languages", "math"},
	} {
		weights := weightsOf(bag, s)
		var got []string
		for name, x := range weights {
			if x != 1 {
				t.Errorf("%q: %s weighs %g", s, name, x)
			}
			got = append(got, name)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%q has %q, want %q", s, got, want)
		}
	}
	if names := bag.Names(); names[0] != "languages" || slices.ContainsFunc(names, func(s string) bool { return strings.Count(s, " ") > 1 }) {
		t.Errorf("features %q", names)
	}
}

func TestWeights(t *testing.T) {
	texts := Strings([]string{"red red blue", "red 😀", "green", "blue: 😀!"})
	for weights, want := range map[string]map[string]float32{
		"binary": {"red": 1, "😀": 1},
		"count":  {"red": float32(math.Log(4)), "😀": float32(math.Log(2))},
		"tfidf":  {"red": 0.9027501, "😀": 0.4301653}, // 1 + ln 3 and 1, times equal factors, divided by the norm
	} {
		for _, hashed := range []bool{false, true} {
			bag, err := TrainBag(t.Context(), BagOptions{Weights: weights, Hashed: hashed, Features: 1000}, texts)
			if err != nil {
				t.Fatal(err)
			}
			got := weightsOf(bag, "red RED, red. 😀 ???")
			if hashed {
				if bag.Width() != 1000 || len(got) < 2 {
					t.Errorf("hashed %s: %v of %d", weights, got, bag.Width())
				}
				got = map[string]float32{"red": got["hash "+hashOf("red", 1000)], "😀": got["hash "+hashOf("😀", 1000)]}
			}
			for name, x := range want {
				if math.Abs(float64(got[name]-x)) > 1e-6 {
					t.Errorf("%s, hashed %t: %s weighs %g, want %g", weights, hashed, name, got[name], x)
				}
			}
		}
	}
}

// hashOf is the number of a hashed feature.
func hashOf(word string, features uint64) string {
	h := fnv.New64a()
	h.Write([]byte(word))
	return strconv.FormatUint((h.Sum64()>>32^h.Sum64()&math.MaxUint32)%features, 10)
}

// Trained models depend on the numbers of hashed features.
func TestHashStays(t *testing.T) {
	b := &Bag{hashed: 1000}
	for word, want := range map[string]int{"": 641, "red": 621, "developer languages": 517} {
		if got := b.feature([]byte(word)); got != want || strconv.Itoa(got) != hashOf(word, 1000) {
			t.Errorf("%q is feature %d, want %d", word, got, want)
		}
	}
}

func TestFeaturesByTheTexts(t *testing.T) {
	many := corpus(300_000)
	for _, c := range []struct {
		texts         []string
		o             BagOptions
		width         int
		first, second string
	}{
		{[]string{"b a", "a b c", "c, d e f"}, BagOptions{}, 3, "a", "b"},
		{[]string{"a b", "c"}, BagOptions{}, 4, "a", "a b"},               // no word twice: all
		{[]string{"b b b b a", "a"}, BagOptions{Features: 1}, 1, "a", ""}, // the number of texts decides
		{many, BagOptions{}, 2000, "", ""},
		{many, BagOptions{Features: 2500}, 2500, "", ""},
		{many, BagOptions{Hashed: true}, 2048, "hash 0", "hash 1"},
		{[]string{"a", "a"}, BagOptions{Hashed: true}, 1, "hash 0", ""},
		{[]string{"b a", "a b c", "c, d e f"}, BagOptions{Hashed: true}, 4, "hash 0", "hash 1"},
	} {
		bag, err := TrainBag(t.Context(), c.o, Strings(c.texts))
		if err != nil {
			t.Fatal(err)
		}
		names := bag.Names()
		if bag.Width() != c.width || len(names) != c.width || c.first != "" && names[0] != c.first || c.second != "" && names[1] != c.second {
			t.Errorf("%.30q, %+v: %d features %q ..., want %d, first %q, %q", c.texts[0], c.o, bag.Width(), names[:min(2, len(names))], c.width, c.first, c.second)
		}
	}
}

func TestTrainBagErrors(t *testing.T) {
	for _, o := range []BagOptions{{Features: -1}, {Features: LargestBag + 1}, {Weights: "idf"}} {
		var wrong *options.Error
		if _, err := TrainBag(t.Context(), o, Strings([]string{"a"})); !errors.As(err, &wrong) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, texts := range [][]string{nil, {"", "!?"}} {
		if _, err := TrainBag(t.Context(), BagOptions{}, Strings(texts)); err == nil || err.Error() != "the training texts have no words" {
			t.Errorf("%q: %v", texts, err)
		}
	}
}
