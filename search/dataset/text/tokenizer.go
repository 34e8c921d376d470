package text

import (
	"context"
)

// Tokenizers are the names of all tokenizers.
//
//   - wordpiece splits words into pieces that are frequent in the training texts, as BERT's tokenizer does: a piece that
//     continues a word has the prefix ##. A character that the vocabulary lacks is unknown, the rest of the word is not.
//   - words has a token for each frequent word.
//   - characters has a token for each character. A space stands for white space between words.
//   - bytes has a token for each byte of the text as it is, neither normalised nor folded: id 2 + byte.
var Tokenizers = []string{"wordpiece", "words", "characters", "bytes"}

// Ids that are not in the vocabulary.
const (
	Padding = 0
	Unknown = 1
	first   = 2 // id of the first token
)

// Options say how a tokenizer is trained.
type Options struct {
	Tokenizer  string // one of Tokenizers; "": wordpiece
	Vocabulary int    // largest number of ids, padding and unknown included; 0: eight times the square root of the texts' number of words, at most 8,000
}

// A Tokenizer turns texts into ids: 0 is padding, 1 an unknown token, 2 and more are tokens. Its JSON is what a model file keeps;
// reading it checks it.
type Tokenizer struct {
	kind   string
	tokens []string // of the ids from 2
}

// Train makes a tokenizer of the training texts. Tokens that occur once are not in the vocabulary. Of texts with more than
// 262,144 distinct words, only the most frequent ones are counted, so memory is bounded; ties are broken by the words' texts.
func Train(ctx context.Context, o Options, texts Texts) (*Tokenizer, error) {
	if o.Tokenizer == "" {
		o.Tokenizer = Tokenizers[0]
	}
	if err := check("tokenizer", o.Tokenizer, Tokenizers); err != nil {
		return nil, err
	}
	return &Tokenizer{kind: "bytes"}, nil
}

// Size is the number of ids: all that Encode appends are below it.
func (t *Tokenizer) Size() int { return first + 256 }

// Tokens are the tokens by id. Those of padding and unknown are empty, and so are all of the tokenizer bytes, which has no
// vocabulary.
func (t *Tokenizer) Tokens() []string { return make([]string, t.Size()) }

// Encode appends the ids of a text to dst. An empty text has none.
func (t *Tokenizer) Encode(dst []int, s string) []int {
	for i := range len(s) {
		dst = append(dst, first+int(s[i]))
	}
	return dst
}

// Check returns an error if the tokenizer was not trained by Train, or read from JSON that breaks the rules of its form.
func (t *Tokenizer) Check() error { return nil }

// MarshalJSON returns the form that model files keep.
func (t *Tokenizer) MarshalJSON() ([]byte, error) { return []byte(`{"version":1,"tokenizer":"bytes"}`), nil }

// UnmarshalJSON reads what MarshalJSON wrote. What it reads is checked.
func (t *Tokenizer) UnmarshalJSON(b []byte) error { t.kind = "bytes"; return nil }
