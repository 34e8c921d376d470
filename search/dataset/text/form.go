package text

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"mixmas/nn/options"
)

// formVersion is the version of the JSON of tokenizers and bags. A program refuses other versions, and fields that it does not
// know.
const formVersion = 1

// tokenizerForm is the JSON of a tokenizer.
type tokenizerForm struct {
	Version   int      `json:"version"`
	Tokenizer string   `json:"tokenizer"`
	Tokens    []string `json:"tokens,omitempty"`
}

// bagForm is the JSON of a bag.
type bagForm struct {
	Version int      `json:"version"`
	Weights string   `json:"weights"`
	Hashed  int      `json:"hashed,omitempty"`
	Words   []string `json:"words,omitempty"`
	Texts   int      `json:"texts,omitempty"`
	In      []int    `json:"in,omitempty"`
}

// read decodes the only form in b.
func read(b []byte, form any, version *int) error {
	if err := options.UnmarshalStrictly(b, form); err != nil {
		return err
	}
	if *version != formVersion {
		return fmt.Errorf("version %d: this program reads version %d", *version, formVersion)
	}
	return nil
}

// MarshalJSON returns the form that model files keep.
func (t *Tokenizer) MarshalJSON() ([]byte, error) {
	return json.Marshal(tokenizerForm{formVersion, t.kind, t.tokens})
}

// UnmarshalJSON reads what MarshalJSON wrote. Content that Check would refuse is an error, and leaves t as it is.
func (t *Tokenizer) UnmarshalJSON(b []byte) error {
	var form tokenizerForm
	if err := read(b, &form, &form.Version); err != nil {
		return fmt.Errorf("tokenizer: %w", err)
	}
	read := Tokenizer{kind: form.Tokenizer, tokens: form.Tokens}
	if err := read.Check(); err != nil {
		return err
	}
	*t = *newTokenizer(form.Tokenizer, form.Tokens)
	return nil
}

// Check returns an error if the tokenizer could not have been trained: its kind is unknown, or its tokens are not what that kind
// has, too many, too long, twice the same, or not text.
func (t *Tokenizer) Check() error {
	if !slices.Contains(Tokenizers, t.kind) {
		return fmt.Errorf("tokenizer: want one of %s, got %q", strings.Join(Tokenizers, ", "), t.kind)
	}
	if t.kind == "bytes" && len(t.tokens) > 0 {
		return errors.New("tokenizer bytes: want no tokens")
	}
	if err := checkWords(t.tokens, LargestVocabulary-first); err != nil {
		return fmt.Errorf("tokenizer %s: tokens: %w", t.kind, err)
	}
	for i, token := range t.tokens {
		piece, most := token, longestWord
		switch t.kind {
		case "wordpiece":
			piece, _ = cutMark(token)
		case "characters":
			most = 1
		}
		if utf8.RuneCountInString(piece) > most {
			return fmt.Errorf("tokenizer %s: tokens[%d]: want at most %d characters, got %.20q", t.kind, i, most, token)
		}
		if token != " " && strings.ContainsFunc(token, unicode.IsSpace) || token == " " && t.kind != "characters" {
			return fmt.Errorf("tokenizer %s: tokens[%d]: a token has no white space, got %.20q", t.kind, i, token)
		}
	}
	return nil
}

// MarshalJSON returns the form that model files keep.
func (b *Bag) MarshalJSON() ([]byte, error) {
	return json.Marshal(bagForm{formVersion, b.weights, b.hashed, b.words, b.texts, b.in})
}

// UnmarshalJSON reads what MarshalJSON wrote. Content that Check would refuse is an error, and leaves b as it is.
func (b *Bag) UnmarshalJSON(content []byte) error {
	var form bagForm
	if err := read(content, &form, &form.Version); err != nil {
		return fmt.Errorf("bag of words: %w", err)
	}
	read := Bag{weights: form.Weights, hashed: form.Hashed, words: form.Words, texts: form.Texts, in: form.In}
	if err := read.Check(); err != nil {
		return err
	}
	read.prepare()
	*b = read
	return nil
}

// Check returns an error if the bag could not have been trained: its weights are unknown, it has no features or too many, words
// that are twice the same or not text, or numbers of texts that cannot be.
func (b *Bag) Check() error {
	fail := func(format string, arguments ...any) error {
		return fmt.Errorf("bag of words: "+format, arguments...)
	}
	if !slices.Contains(Weights, b.weights) {
		return fail("weights: want one of %s, got %q", strings.Join(Weights, ", "), b.weights)
	}
	switch {
	case b.hashed < 0 || b.hashed > LargestBag:
		return fail("hashed: want at most %d features, got %d", LargestBag, b.hashed)
	case b.hashed > 0 && len(b.words) > 0:
		return fail("a hashed bag has no words, got %d", len(b.words))
	case b.Width() == 0:
		return fail("it has neither words nor hashed features")
	}
	if err := checkWords(b.words, LargestBag); err != nil {
		return fail("words: %w", err)
	}
	for i, word := range b.words {
		if utf8.RuneCountInString(word) > longestTag*(longestWord+1) {
			return fail("words[%d]: want at most %d characters, got %.20q", i, longestTag*(longestWord+1), word)
		}
	}
	if b.weights != "tfidf" {
		if b.texts != 0 || len(b.in) > 0 {
			return fail("texts and in are for tfidf, not for %s", b.weights)
		}
		return nil
	}
	if b.texts < 1 || b.texts > 1<<53 || len(b.in) != b.Width() {
		return fail("tfidf: want the number of texts and one number per feature (%d), got %d texts and %d numbers", b.Width(), b.texts, len(b.in))
	}
	for i, in := range b.in {
		if in < 0 || in > b.texts {
			return fail("in[%d]: want at most %d texts, got %d", i, b.texts, in)
		}
	}
	return nil
}

// checkWords returns an error if a list has more than most words, one of them twice, or one that is not text.
func checkWords(list []string, most int) error {
	if len(list) > most {
		return fmt.Errorf("want at most %d, got %d", most, len(list))
	}
	seen := make(map[string]int, len(list))
	for i, word := range list {
		if word == "" {
			return fmt.Errorf("number %d is empty", i)
		}
		if j, ok := seen[word]; ok {
			return fmt.Errorf("%.20q twice: number %d and %d", word, j, i)
		}
		seen[word] = i
		for _, c := range word {
			if c == utf8.RuneError || unicode.IsControl(c) {
				return fmt.Errorf("number %d: want UTF-8 without control characters, got %.20q", i, word)
			}
		}
	}
	return nil
}
