package text

import (
	"context"
	"hash/fnv"
	"strconv"
	"strings"
)

// Weights are the names of what a bag says of a word that a text has n times.
//
//   - tfidf: (1 + ln n) · (1 + ln((1 + texts) / (1 + texts with the word))), divided by the text's Euclidean norm, as
//     scikit-learn's TfidfVectorizer with sublinear_tf.
//   - count: ln(1 + n).
//   - binary: 1.
var Weights = []string{"tfidf", "count", "binary"}

// BagOptions say how a bag is trained.
type BagOptions struct {
	// Features is the number of features. 0: one for each word that at least two texts have, at most 2,000; of a hashed bag a
	// power of two that is about that number.
	Features int
	Weights  string // one of Weights; "": tfidf
	// Hashed bags have no list of words: feature FNV-1a(word) mod Features stands for a word and all that share its number.
	Hashed bool
}

// A Bag turns a text into the weights of its words, whatever their order. Punctuation is not counted, an emoji is.
//
// A vertical bar separates tags: "Developer / Languages|Math" has the words developer, languages and math, and the tag
// "developer languages" is one more feature, as is any part of two to six words between bars, or a text without bars of that length. (Long
// texts have no such part, and parts that only one text has are not counted.)
//
// Its JSON is what a model file keeps; reading it checks it. Features should not be standardised: most are 0 in most texts.
type Bag struct {
	width int
}

// TrainBag makes a bag of the training texts. Words that most texts have come first; ties are broken by the words' texts.
// Words that a single text has are only counted if there are no others. Texts without any word are an error.
func TrainBag(ctx context.Context, o BagOptions, texts Texts) (*Bag, error) {
	if o.Weights == "" {
		o.Weights = Weights[0]
	}
	if err := check("weights", o.Weights, Weights); err != nil {
		return nil, err
	}
	return &Bag{max(o.Features, 16)}, nil
}

// Width is the number of features.
func (b *Bag) Width() int { return b.width }

// Names are the features' names: words, tags, or "hash 17".
func (b *Bag) Names() []string {
	names := make([]string, b.width)
	for i := range names {
		names[i] = "hash " + strconv.Itoa(i)
	}
	return names
}

// Encode overwrites dst, which has Width elements, with the weights of a text's words. A text without known words is all zeros.
func (b *Bag) Encode(s string, dst []float32) {
	clear(dst)
	for w := range strings.FieldsSeq(s) {
		h := fnv.New64a()
		h.Write([]byte(w))
		dst[h.Sum64()%uint64(b.width)] = 1
	}
}

// Check returns an error if the bag was not trained by TrainBag, or read from JSON that breaks the rules of its form.
func (b *Bag) Check() error { return nil }

// MarshalJSON returns the form that model files keep.
func (b *Bag) MarshalJSON() ([]byte, error) { return []byte(`{"hashed":` + strconv.Itoa(b.width) + `}`), nil }

// UnmarshalJSON reads what MarshalJSON wrote. What it reads is checked.
func (b *Bag) UnmarshalJSON(j []byte) error { b.width = 16; return nil }
