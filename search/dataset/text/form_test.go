package text

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A tokenizer or bag that was written and read again gives the same ids and weights.
func TestFormsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(anyText(), 1, 8).Draw(t, "texts")
		kind := rapid.SampledFrom(Tokenizers).Draw(t, "tokenizer")
		tokenizer, err := Train(t.Context(), Options{Tokenizer: kind}, Strings(texts))
		if err != nil {
			t.Fatal(err)
		}
		var again *Tokenizer
		roundTrip(t, tokenizer, &again)
		bag, err := TrainBag(t.Context(), BagOptions{
			Weights: rapid.SampledFrom(Weights).Draw(t, "weights"), Hashed: rapid.Bool().Draw(t, "hashed"),
		}, Strings(texts))
		var bagAgain *Bag
		if err == nil {
			roundTrip(t, bag, &bagAgain)
		}
		for _, s := range texts {
			if a, b := tokenizer.Encode(nil, s), again.Encode(nil, s); !slices.Equal(a, b) || tokenizer.Size() != again.Size() {
				t.Fatalf("ids %v of %d, read again %v of %d", a, tokenizer.Size(), b, again.Size())
			}
			if bag == nil {
				continue
			}
			a, b := make([]float32, bag.Width()), make([]float32, bagAgain.Width())
			bag.Encode(s, a)
			bagAgain.Encode(s, b)
			if !slices.Equal(a, b) || !slices.Equal(bag.Names(), bagAgain.Names()) {
				t.Fatalf("weights %v, read again %v", a, b)
			}
		}
	})
}

// roundTrip writes x and reads it into again.
func roundTrip(t *rapid.T, x, again any) {
	content, err := json.Marshal(x)
	if err == nil {
		err = json.Unmarshal(content, again)
	}
	if err != nil {
		t.Fatalf("%s: %v", content, err)
	}
}

// The form of version 1, which later programs must read.
func TestForms(t *testing.T) {
	texts := Strings([]string{"low lower", "low slow"})
	tokenizer, err1 := Train(t.Context(), Options{Tokenizer: "words"}, texts)
	bag, err2 := TrainBag(t.Context(), BagOptions{}, texts)
	binary, err3 := TrainBag(t.Context(), BagOptions{Weights: "binary", Hashed: true, Features: 4}, texts)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	for want, x := range map[string]any{
		`{"version":1,"tokenizer":"words","tokens":["low"]}`:                 tokenizer,
		`{"version":1,"weights":"tfidf","words":["low"],"texts":2,"in":[2]}`: bag,
		`{"version":1,"weights":"binary","hashed":4}`:                        binary,
	} {
		if got, err := json.Marshal(x); err != nil || string(got) != want {
			t.Errorf("%s, want %s (%v)", got, want, err)
		}
	}
}

func TestHostileForms(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{`null`, `version 0: this program reads version 1`},
		{`{}`, `version 0: this program reads version 1`},
		{`{"version":2,"tokenizer":"words"}`, `tokenizer: version 2: this program reads version 1`},
		{`{"version":1}`, `tokenizer: want one of wordpiece, words, characters, bytes, got ""`},
		{`{"version":1,"tokenizer":"words","merges":[]}`, `unknown field "merges"`},
		{`{"version":1,"tokenizer":"bytes","tokens":["a"]}`, `tokenizer bytes: want no tokens`},
		{`{"version":1,"tokenizer":"words","tokens":["a","b","a"]}`, `tokenizer words: tokens: "a" twice: number 0 and 2`},
		{`{"version":1,"tokenizer":"words","tokens":["a",""]}`, `number 1 is empty`},
		{`{"version":1,"tokenizer":"words","tokens":["a b"]}`, `tokens[0]: a token has no white space, got "a b"`},
		{`{"version":1,"tokenizer":"words","tokens":["` + strings.Repeat("a", 101) + `"]}`, `tokens[0]: want at most 100 characters`},
		{`{"version":1,"tokenizer":"characters","tokens":["ab"]}`, `want at most 1 characters`},
		{`{"version":1,"tokenizer":"words","tokens":["a` + "\xff" + `"]}`, `number 0: want UTF-8 without control characters`},
		{`{"version":1,"tokenizer":"words","tokens":["\u001b[31m"]}`, `number 0: want UTF-8 without control characters, got "\x1b[31m"`},
		{`{"version":1,"tokenizer":"words","tokens":7}`, `cannot unmarshal number`},
	} {
		tokenizer := train(t, Options{Tokenizer: "bytes"})
		if err := json.Unmarshal([]byte(c.content), tokenizer); c.content != "null" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%.60s: %v, want %s", c.content, err, c.want)
		}
		if tokenizer.Size() != 258 {
			t.Errorf("%.60s changed the tokenizer", c.content)
		}
	}
	for _, c := range []struct{ content, want string }{
		{`{"version":1}`, `bag of words: weights: want one of tfidf, count, binary, got ""`},
		{`{"version":1,"weights":"count"}`, `neither words nor hashed features`},
		{`{"version":1,"weights":"count","hashed":-1}`, `hashed: want at most 65536 features, got -1`},
		{`{"version":1,"weights":"count","hashed":1000000000}`, `hashed: want at most 65536 features, got 1000000000`},
		{`{"version":1,"weights":"count","hashed":4,"words":["a"]}`, `a hashed bag has no words, got 1`},
		{`{"version":1,"weights":"count","words":["a","a"]}`, `"a" twice`},
		{`{"version":1,"weights":"count","words":["` + strings.Repeat("a", 1000) + `"]}`, `words[0]: want at most 606 characters`},
		{`{"version":1,"weights":"count","words":["a"],"texts":3}`, `texts and in are for tfidf, not for count`},
		{`{"version":1,"weights":"tfidf","words":["a"],"in":[1]}`, `got 0 texts and 1 numbers`},
		{`{"version":1,"weights":"tfidf","words":["a"],"texts":3,"in":[]}`, `one number per feature (1), got 3 texts and 0 numbers`},
		{`{"version":1,"weights":"tfidf","words":["a"],"texts":3,"in":[4]}`, `in[0]: want at most 3 texts, got 4`},
		{`{"version":1,"weights":"tfidf","words":["a"],"texts":9223372036854775807,"in":[4]}`, `got 9223372036854775807 texts`},
	} {
		if err := json.Unmarshal([]byte(c.content), new(Bag)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: %v, want %s", c.content, err, c.want)
		}
	}
	large := Tokenizer{kind: "words", tokens: make([]string, LargestVocabulary)}
	if err := large.Check(); err == nil || !strings.Contains(err.Error(), "want at most 262142, got 262144") {
		t.Error(err)
	}
	if new(Tokenizer).Check() == nil || new(Bag).Check() == nil {
		t.Error("a tokenizer and a bag that were not trained pass the check")
	}
	if ids := new(Tokenizer).Encode(nil, "a"); len(ids) > 0 {
		t.Errorf("a tokenizer that was not trained gives %v", ids)
	}
	new(Bag).Encode("a", nil)
}

func FuzzForms(f *testing.F) {
	for _, s := range []string{
		`{"version":1,"tokenizer":"wordpiece","tokens":["a","##b","##","###"]}`, `{"version":1,"tokenizer":"bytes"}`,
		`{"version":1,"tokenizer":"characters","tokens":[" ","a"]}`, `{"version":1,"weights":"count","hashed":4}`,
		`{"version":1,"weights":"tfidf","words":["a","a b"],"texts":2,"in":[2,0]}`,
	} {
		f.Add([]byte(s), "a b|ab ##")
	}
	f.Fuzz(func(t *testing.T, content []byte, s string) {
		var tokenizer Tokenizer
		if json.Unmarshal(content, &tokenizer) == nil && string(content) != "null" {
			if err := tokenizer.Check(); err != nil {
				t.Fatal(err)
			}
			for _, id := range tokenizer.Encode(nil, s) {
				if id < Unknown || id >= tokenizer.Size() {
					t.Fatalf("id %d of %d", id, tokenizer.Size())
				}
			}
		}
		var bag Bag
		if json.Unmarshal(content, &bag) == nil && string(content) != "null" {
			if err := bag.Check(); err != nil {
				t.Fatal(err)
			}
			dst := make([]float32, bag.Width())
			bag.Encode(s, dst)
			for _, x := range dst {
				if !(x >= 0 && x < 1e6) {
					t.Fatalf("weight %g", x)
				}
			}
		}
	})
}
