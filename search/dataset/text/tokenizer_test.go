package text

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"mixmas/nn/options"
)

// train trains a tokenizer of texts.
func train(t testing.TB, o Options, texts ...string) *Tokenizer {
	t.Helper()
	tokenizer, err := Train(t.Context(), o, Strings(texts))
	if err != nil {
		t.Fatal(err)
	}
	return tokenizer
}

// tokensOf are the tokens of a text.
func tokensOf(tokenizer *Tokenizer, s string) (list []string) {
	names := tokenizer.Tokens()
	for _, id := range tokenizer.Encode(nil, s) {
		list = append(list, names[id])
	}
	return list
}

func TestEncode(t *testing.T) {
	for _, c := range []struct {
		tokenizer string
		texts     []string
		text      string
		want      string // with "" for unknown
	}{
		{"words", []string{"a red car", "A RED bus!", "no car!"}, "The red  CAR!", " red car !"},
		{"words", []string{"Straße", "STRASSE"}, "strasse", "strasse"},
		{"words", []string{"İstanbul", "ISTANBUL"}, "istanbul ıstanbul", "istanbul "},
		{"words", []string{"İ\u0301 i\u0301"}, "í", "í"},
		{"words", []string{"schön schon", "schön schon"}, "scho\u0308n schon", "schön schon"},
		{"characters", []string{"ab ab", "b a"}, " a\t\nb c", "a   b   "}, // a, space, b, space, unknown
		{"wordpiece", []string{"low lower lowest", "low slow slower"}, "lower slowest", "low ##er slow ##e ##s "},
		{"wordpiece", []string{"北京 北京", "大学 大学"}, "北大", "北 大"},
		{"wordpiece", []string{"aa aa"}, "a日本a日a", "a   a  a"},
	} {
		if got := strings.Join(tokensOf(train(t, Options{Tokenizer: c.tokenizer}, c.texts...), c.text), " "); got != c.want {
			t.Errorf("%s of %q: %q has the tokens %q, want %q", c.tokenizer, c.texts, c.text, got, c.want)
		}
	}
}

// Bytes are those of the text as it is: what is encoded can be read again.
func TestBytesRoundTrip(t *testing.T) {
	tokenizer := train(t, Options{Tokenizer: "bytes"})
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "text"))
		var got []byte
		for _, id := range tokenizer.Encode(nil, s) {
			got = append(got, byte(id-first))
		}
		if string(got) != s || tokenizer.Size() != 258 {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

// anyText draws texts of ordinary and odd characters.
func anyText() *rapid.Generator[string] {
	odd := rapid.SampledFrom([]string{"\u0301", "\u200d", "\ufeff", "\xff", "\xed\xa0\x80", "İ", "ẞ", "ﷺ", "|", "\x00", "北", "👩", " ", "\u3000", "ab", "ab", "b"})
	return rapid.Map(rapid.SliceOfN(rapid.OneOf(odd, rapid.String()), 0, 30), func(parts []string) string { return strings.Join(parts, "") })
}

// Whatever the texts, ids are below Size, and the same text in another form, or with what is dropped, has the same ids.
func TestAnyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(anyText(), 0, 8).Draw(t, "texts")
		kind := rapid.SampledFrom(Tokenizers).Draw(t, "tokenizer")
		vocabulary := rapid.SampledFrom([]int{0, 3, 10, 300}).Draw(t, "vocabulary")
		tokenizer, err := Train(context.Background(), Options{kind, vocabulary}, Strings(texts))
		if err != nil {
			t.Fatal(err)
		}
		if err := tokenizer.Check(); err != nil {
			t.Fatal(err)
		}
		if kind != "bytes" && vocabulary > 0 && tokenizer.Size() > vocabulary {
			t.Fatalf("%d ids, want at most %d", tokenizer.Size(), vocabulary)
		}
		for _, s := range append(texts, anyText().Draw(t, "other")) {
			ids := tokenizer.Encode([]int{-1}, s)
			if ids[0] != -1 {
				t.Fatal("Encode overwrote what was there")
			}
			for _, id := range ids[1:] {
				if id < Unknown || id >= tokenizer.Size() {
					t.Fatalf("id %d of %d", id, tokenizer.Size())
				}
			}
			if kind == "bytes" {
				continue
			}
			if again := tokenizer.Encode([]int{-1}, "\ufeff "+strings.ToValidUTF8(s, "")+" \u200b"); !slices.Equal(ids, again) {
				t.Fatalf("%v, between characters that are dropped %v", ids, again)
			}
		}
	})
}

// A word in its normal form is its own normal form.
func TestNormalFormIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := wordsOf(anyText().Draw(t, "text"))
		for _, word := range words {
			if again := wordsOf(word); !slices.Equal(again, []string{word}) {
				t.Fatalf("%q has the words %q", word, again)
			}
			if n := utf8.RuneCountInString(word); n == 0 || n > longestWord || !utf8.ValidString(word) {
				t.Fatalf("%q is not a word", word)
			}
		}
	})
}

// The same holds for every character.
func TestNormalFormOfCharacters(t *testing.T) {
	for c := range rune(0x32400) {
		if c >= 0x3400 && c%16 > 0 && !unicode.IsUpper(c) && !unicode.IsLower(c) {
			continue // they are many
		}
		for _, word := range wordsOf(string(c)) {
			if again := wordsOf(word); !slices.Equal(again, []string{word}) {
				t.Errorf("%U has the word %q, whose words are %q", c, word, again)
			}
		}
	}
}

// Tokenizers and bags do not depend on the order of the texts.
func TestOrderDoesNotMatter(t *testing.T) {
	texts := corpus(20_000)
	other := slices.Clone(texts)
	rand.Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
	for _, kind := range Tokenizers {
		a, b := train(t, Options{Tokenizer: kind}, texts...), train(t, Options{Tokenizer: kind}, other...)
		if !slices.Equal(a.Tokens(), b.Tokens()) {
			t.Errorf("%s: %q, in another order %q", kind, a.Tokens(), b.Tokens())
		}
	}
	for _, hashed := range []bool{false, true} {
		a, err1 := TrainBag(t.Context(), BagOptions{Hashed: hashed}, Strings(texts))
		b, err2 := TrainBag(t.Context(), BagOptions{Hashed: hashed}, Strings(other))
		if err := errors.Join(err1, err2); err != nil || !slices.Equal(a.words, b.words) || !slices.Equal(a.in, b.in) {
			t.Errorf("bags differ: %v", err)
		}
	}
}

// Every token but single characters is in the training texts at least twice, and a larger vocabulary has shorter encodings.
func TestWordPieceLearns(t *testing.T) {
	texts := corpus(50_000)
	last := 1 << 30
	for _, size := range []int{100, 300, 1000, 4000} {
		tokenizer := train(t, Options{Tokenizer: "wordpiece", Vocabulary: size}, texts...)
		uses, total := make([]int, tokenizer.Size()), 0
		for _, s := range texts {
			for _, id := range tokenizer.Encode(nil, s) {
				uses[id]++
				total++
			}
		}
		if uses[Unknown] > 0 || total >= last {
			t.Errorf("vocabulary %d: %d ids after %d, %d of them unknown", size, total, last, uses[Unknown])
		}
		last = total
		for id, token := range tokenizer.Tokens() {
			if piece, _ := cutMark(token); uses[id] < 1 && utf8.RuneCountInString(piece) > 1 {
				t.Errorf("vocabulary %d: token %q is in no text", size, token)
			}
		}
	}
}

// Sizes by the texts are what the documentation says.
func TestSuitedVocabulary(t *testing.T) {
	for words, want := range map[int]int{0: 256, 100: 256, 3000: 438, 300_000: 4381, 1_000_000: 8000, 1 << 40: 8000} {
		if got := suited(words); got != want {
			t.Errorf("%d words: %d ids, want %d", words, got, want)
		}
	}
	if got := train(t, Options{}, corpus(300_000)...).Size(); got > suited(60_000) || got < suited(60_000)/2 {
		t.Errorf("60,000 words: %d ids, want up to %d", got, suited(60_000))
	}
}

// Whatever the texts, few words are counted at once, and the frequent ones are not forgotten.
func TestCounterIsBounded(t *testing.T) {
	var c counter
	word := make([]byte, 2000)
	for i := range mostCountedBytes / len(word) * 2 {
		for j := range 4 {
			word[j] = byte(i >> (8 * j))
		}
		c.next()
		c.add(word)
		if i%100 == 0 {
			c.add([]byte("the"))
		}
		if len(c.list) > mostCounted || c.bytes > mostCountedBytes || len(c.index) != len(c.list) {
			t.Fatalf("%d words, %d bytes, %d in the index", len(c.list), c.bytes, len(c.index))
		}
	}
	if w := byTimes(c.list)[0]; w.word != "the" || w.times != 168 || w.texts != 168 {
		t.Errorf("most frequent: %+v", w)
	}
}

// Whatever the texts, pieces are learned from few characters.
func TestTrainedCharactersAreBounded(t *testing.T) {
	words := slices.Repeat([]counted{{word: strings.Repeat("é", 100)}}, mostTrained/100+10)
	if n := len(trained(words)); n != mostTrained/100 {
		t.Errorf("%d words of 100 characters, want %d", n, mostTrained/100)
	}
	if n := len(trained(words[:10])); n != 10 {
		t.Errorf("%d words, want 10", n)
	}
}

// Where a long text without spaces is cut to be normalised, characters and their accents stay together.
func TestCutsKeepAccents(t *testing.T) {
	for i := range 4 {
		text := strings.Repeat("a", longestChunk-i) + "e\u0323\u0301" + strings.Repeat("b", longestChunk)
		if all := strings.Join(wordsOf(text), ""); !strings.Contains(all, "aẹ\u0301b") {
			t.Errorf("%d bytes before the end of a chunk: %.40q", i, strings.Trim(all, "ab"))
		}
	}
}

func TestTrainErrors(t *testing.T) {
	for _, o := range []Options{{"letters", 0}, {"words", 2}, {"words", -1}, {"", LargestVocabulary + 1}} {
		var wrong *options.Error
		if _, err := Train(t.Context(), o, Strings(nil)); !errors.As(err, &wrong) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	broken := errors.New("broken")
	texts := func(yield func(string, error) bool) { _ = yield("a", nil) && yield("", broken) }
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, kind := range Tokenizers {
		if _, err := Train(ended, Options{Tokenizer: kind}, Strings([]string{"a"})); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want it cancelled", kind, err)
		}
		if _, err := Train(t.Context(), Options{Tokenizer: kind}, texts); kind != "bytes" && !errors.Is(err, broken) {
			t.Errorf("%s: %v, want the error of the texts", kind, err)
		}
	}
	for _, hashed := range []bool{false, true} {
		if _, err := TrainBag(ended, BagOptions{Hashed: hashed}, Strings([]string{"a"})); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want it cancelled", err)
		}
		if _, err := TrainBag(t.Context(), BagOptions{Hashed: hashed}, texts); !errors.Is(err, broken) {
			t.Errorf("%v, want the error of the texts", err)
		}
	}
}

// Text without end, without spaces, or of marks alone is split like any other.
func TestHostileTexts(t *testing.T) {
	for name, s := range map[string]string{
		"long word":       strings.Repeat("a", 1<<16),
		"long ß":          strings.Repeat("ẞ", 1<<12),
		"marks":           "e" + strings.Repeat("\u0301\u0323", 1<<11),
		"only marks":      strings.Repeat("\u0345", 1<<12),
		"surrogates":      strings.Repeat("\xed\xa0\x80", 1<<12),
		"not UTF-8":       strings.Repeat("\xff\xc0\x80", 1<<12),
		"right to left":   strings.Repeat("\u202eשלום\u202c", 1<<10),
		"zero width":      strings.Repeat("\u200b\u200d\ufeff", 1<<12),
		"ligatures":       strings.Repeat("ﷺ", 1<<9),
		"families":        strings.Repeat("👩\u200d👩\u200d👧", 1<<10),
		"jamo":            strings.Repeat("\u1100\u1161\u11a8", 1<<10),
		"bars":            strings.Repeat("|a b", 1<<12),
		"nested accents":  strings.Repeat("a\u0300\u0301\u0302\u0303\u0304", 1<<10),
		"iota subscripts": strings.Repeat("ᾳͅ", 1<<10),
	} {
		t.Run(name, func(t *testing.T) {
			words := len(wordsOf(s))
			for _, kind := range Tokenizers {
				tokenizer := train(t, Options{Tokenizer: kind}, s)
				ids := tokenizer.Encode(nil, s)
				if (words == 0) != (len(ids) == 0) && kind != "bytes" {
					t.Errorf("%s: %d ids of %d words", kind, len(ids), words)
				}
			}
			if bag, err := TrainBag(t.Context(), BagOptions{}, Strings([]string{s, s})); err == nil {
				bag.Encode(s, make([]float32, bag.Width()))
			}
		})
	}
	var r reader
	r.words(strings.Repeat("ﷺ\u0301", 1<<16), func([]byte, bool) {})
	if n := cap(r.clean) + cap(r.composed) + cap(r.folded) + cap(r.result); n > 1<<20 {
		t.Errorf("a reader keeps %d bytes", n)
	}
}

func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", "Hello, world!", "e\u0301 İẞ ﷺ", "\xff\xed\xa0\x80", "北京|大学", "👩\u200d👧 a|b c"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, training, s string) {
		for _, kind := range Tokenizers {
			tokenizer := train(t, Options{Tokenizer: kind}, training, s)
			for _, id := range tokenizer.Encode(nil, s) {
				if id < Unknown || id >= tokenizer.Size() {
					t.Fatalf("%s: id %d of %d", kind, id, tokenizer.Size())
				}
			}
			if err := tokenizer.Check(); err != nil {
				t.Fatal(err)
			}
		}
		bag, err := TrainBag(t.Context(), BagOptions{}, Strings([]string{training, s}))
		if err != nil {
			return
		}
		if err := bag.Check(); err != nil {
			t.Fatal(err)
		}
		bag.Encode(s, make([]float32, bag.Width()))
	})
}

// Few texts whose words occur again are read as words; others in pieces.
func TestTokenizerSuitsTexts(t *testing.T) {
	few := []string{"red apple", "blue bird", "red bird", "apple pie", "blue pie"}
	for _, c := range []struct {
		texts []string
		want  string
	}{
		{few, "words"},
		{slices.Repeat(few, fewTexts/len(few)), "wordpiece"},
		{[]string{"แมวสีแดง", "นกสีน้ำเงิน", "แมวสีน้ำเงิน"}, "wordpiece"}, // no spaces are written
	} {
		tokenizer, err := Train(t.Context(), Options{}, Strings(c.texts))
		if err != nil {
			t.Fatal(err)
		}
		if got := tokenizer.Kind(); got != c.want {
			t.Errorf("%d texts such as %s: %s, want %s", len(c.texts), c.texts[0], got, c.want)
		}
	}
}
