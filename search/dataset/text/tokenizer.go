package text

import (
	"context"
	"slices"

	"mixmas/nn/options"
)

// Tokenizers are the names of all tokenizers.
//
//   - wordpiece splits words into pieces that are frequent in the training texts, as BERT's tokenizer does: a piece that
//     continues a word has the prefix ##. A character that the vocabulary lacks is unknown, the rest of its word is not.
//   - words has a token for each frequent word.
//   - characters has a token for each character of the words, and a space for white space between words.
//   - bytes has a token for each byte of the text as it is, neither normalised nor folded: id 2 + byte.
var Tokenizers = []string{"wordpiece", "words", "characters", "bytes"}

// Ids of every tokenizer.
const (
	Padding = 0
	Unknown = 1
	first   = 2 // id of the first token
)

// Limits of Options.Vocabulary.
const (
	SmallestVocabulary = first + 1
	LargestVocabulary  = mostCounted
)

// Options say how a tokenizer is trained.
type Options struct {
	// Tokenizer is one of Tokenizers. "": words for fewer than 20,000 texts of which at most a quarter of the words occur once,
	// otherwise wordpiece.
	Tokenizer string
	// Vocabulary is the largest number of ids, padding and unknown included, from SmallestVocabulary to LargestVocabulary. 0: as
	// the texts have N words, 8·√N, at least 256 and at most 8,000. The tokenizer bytes always has 258 ids.
	Vocabulary int
}

// A Tokenizer turns texts into ids: 0 is padding, 1 an unknown token, 2 and more are tokens. Its JSON is what a model file keeps;
// reading it checks it. Several goroutines may encode at the same time.
type Tokenizer struct {
	kind   string
	tokens []string       // of the ids from first
	ids    map[string]int // of words and characters
	pieces *pieces        // of wordpiece
}

// Train makes a tokenizer of the training texts. Tokens that occur once are not in its vocabulary, which may be smaller than
// o.Vocabulary therefore. If texts have more than 262,144 distinct words (or 16 MiB of them), the rarest are forgotten while
// counting, so memory is bounded. Wrong options are an [*options.Error].
func Train(ctx context.Context, o Options, texts Texts) (*Tokenizer, error) {
	if o.Tokenizer != "" {
		if err := oneOf("tokenizer", o.Tokenizer, Tokenizers); err != nil {
			return nil, err
		}
	}
	if v := o.Vocabulary; v != 0 && (v < SmallestVocabulary || v > LargestVocabulary) {
		return nil, options.Errorf("vocabulary", "want 0, for a size that suits the texts, or %d to %d, got %d", SmallestVocabulary, LargestVocabulary, v)
	}
	if o.Tokenizer == "bytes" {
		return newTokenizer(o.Tokenizer, nil), ctx.Err()
	}
	var words counter
	r := readers.Get().(*reader)
	defer readers.Put(r)
	total := 0
	count := func(word []byte, _ bool) {
		words.add(word)
		total++
	}
	if o.Tokenizer == "characters" {
		count = func(word []byte, spaced bool) {
			eachCharacter(word, spaced, words.add)
			total++
		}
	}
	number := 0
	if err := each(ctx, texts, func(s string) { number++; r.words(s, count) }); err != nil {
		return nil, err
	}
	if o.Vocabulary == 0 {
		o.Vocabulary = suited(total)
	}
	size, list := o.Vocabulary-first, byTimes(words.list)
	if o.Tokenizer == "" {
		o.Tokenizer = suitedTokenizer(number, total, list)
	}
	if o.Tokenizer == "wordpiece" {
		tokens, err := learnPieces(ctx, list, size)
		if err != nil {
			return nil, err
		}
		return newTokenizer(o.Tokenizer, tokens), nil
	}
	var tokens []string
	for _, w := range list {
		if len(tokens) == size || w.times < 2 {
			break
		}
		tokens = append(tokens, w.word)
	}
	return newTokenizer(o.Tokenizer, tokens), nil
}

// Few texts, and rare words: see suitedTokenizer.
const (
	fewTexts  = 20_000
	rareWords = 0.25
)

// suitedTokenizer is the tokenizer for a number of texts with total words, listed by falling occurrences. Few texts have too few
// of most pieces to learn what they mean, so they are read as words; but not if many words occur once, as where no spaces are
// written.
func suitedTokenizer(texts, total int, words []counted) string {
	once := 0
	for i := len(words) - 1; i >= 0 && words[i].times == 1; i-- {
		once++
	}
	if texts < fewTexts && float64(once) <= rareWords*float64(total) {
		return "words"
	}
	return "wordpiece"
}

// newTokenizer makes a tokenizer of sound tokens.
func newTokenizer(kind string, tokens []string) *Tokenizer {
	t := &Tokenizer{kind: kind, tokens: tokens}
	if kind == "wordpiece" {
		t.pieces = newPieces(tokens)
		return t
	}
	t.ids = make(map[string]int, len(tokens))
	for i, token := range tokens {
		t.ids[token] = first + i
	}
	return t
}

// Kind is the tokenizer's name, one of Tokenizers.
func (t *Tokenizer) Kind() string { return t.kind }

// Size is the number of ids: all that Encode appends are below it.
func (t *Tokenizer) Size() int {
	if t.kind == "bytes" {
		return first + 256
	}
	return first + len(t.tokens)
}

// Tokens are the tokens by id. Those of padding and unknown are empty, and so are all of the tokenizer bytes.
func (t *Tokenizer) Tokens() []string {
	if t.kind == "bytes" {
		return make([]string, t.Size())
	}
	return slices.Concat(make([]string, first), t.tokens)
}

// Encode appends the ids of a text to dst, whatever its length. An empty text has none.
func (t *Tokenizer) Encode(dst []int, s string) []int {
	if t.kind == "bytes" {
		dst = slices.Grow(dst, len(s))
		for i := range len(s) {
			dst = append(dst, first+int(s[i]))
		}
		return dst
	}
	r := readers.Get().(*reader)
	defer readers.Put(r)
	switch t.kind {
	case "wordpiece":
		r.words(s, func(word []byte, _ bool) { dst = t.pieces.encode(dst, word) })
	case "words":
		r.words(s, func(word []byte, _ bool) { dst = append(dst, t.id(word)) })
	case "characters":
		begun := false
		r.words(s, func(word []byte, spaced bool) {
			eachCharacter(word, spaced && begun, func(character []byte) { dst = append(dst, t.id(character)) })
			begun = true
		})
	}
	return dst
}

// id is the id of a token.
func (t *Tokenizer) id(token []byte) int {
	if id, ok := t.ids[string(token)]; ok {
		return id
	}
	return Unknown
}
