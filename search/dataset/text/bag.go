package text

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mixmas/nn/options"
)

// Weights are the names of what a bag says of a word that a text has n times.
//
//   - tfidf: (1 + ln n) · (1 + ln((1 + texts) / (1 + texts with the word))), divided by the text's Euclidean norm, as
//     scikit-learn's TfidfVectorizer with sublinear_tf.
//   - count: ln(1 + n).
//   - binary: 1.
var Weights = []string{"tfidf", "count", "binary"}

// LargestBag is the limit of BagOptions.Features.
const LargestBag = 1 << 16

// BagOptions say how a bag is trained.
type BagOptions struct {
	// Features is the number of features, up to LargestBag; a bag that is not hashed may have fewer, if the texts have fewer
	// words. 0: all words that at least two texts have, at most 2,000; of a hashed bag the power of two above, at most 2,048.
	Features int
	Weights  string // one of Weights; "": tfidf
	// Hashed bags have no list of words. A feature stands for all words whose FNV-1a hash (64 bits, the upper half exclusive-ored
	// into the lower half) has the same remainder by Features. Words that share a feature cost accuracy: on icons named by 1,000
	// words, weighted F1 0.57 with 2,048 features instead of 0.66.
	Hashed bool
}

// A Bag turns a text into the weights of its words, whatever their order. Punctuation is not counted, an emoji is.
//
// A vertical bar or a line break separates tags. A tag of two to six words is a feature beside its words, if at least two texts have it:
// "Developer / Languages|Math" has the words developer, languages and math, and the tag "developer languages". A text without them
// is a single tag, so short phrases that occur again and again are features too. A hashed bag has no tags: it cannot tell rare
// ones, which would share features with frequent words.
//
// Its JSON is what a model file keeps; reading it checks it. Several goroutines may encode at the same time. Features should
// not be standardised: most are 0 in most texts.
type Bag struct {
	weights string
	words   []string       // by feature, those of most texts first; none if the bag is hashed
	index   map[string]int // features of words
	hashed  int            // number of features if the bag is hashed
	texts   int            // that it was trained on
	in      []int          // number of texts that have a feature; only of tfidf
	idf     []float64      // factor of a feature; only of tfidf
}

// TrainBag makes a bag of the training texts. Its words are those that most texts have; ties are broken by the words' texts.
// Words of a single text are only counted if there are no others. Texts without any word are an error, and wrong options are
// an [*options.Error]. Memory is bounded as in [Train].
func TrainBag(ctx context.Context, o BagOptions, texts Texts) (*Bag, error) {
	if o.Weights == "" {
		o.Weights = Weights[0]
	}
	if err := oneOf("weights", o.Weights, Weights); err != nil {
		return nil, err
	}
	if o.Features < 0 || o.Features > LargestBag {
		return nil, options.Errorf("features", "want 0, for a number that suits the texts, or 1 to %d, got %d", LargestBag, o.Features)
	}
	var words counter
	r := readers.Get().(*reader)
	defer readers.Put(r)
	if err := each(ctx, texts, func(s string) {
		words.next()
		r.eachFeature(s, !o.Hashed, words.add)
	}); err != nil {
		return nil, err
	}
	if len(words.list) == 0 {
		return nil, errors.New("the training texts have no words")
	}
	list := byTexts(words.list)
	if o.Hashed {
		return trainHashed(ctx, o, len(list), texts)
	}
	if o.Features == 0 {
		o.Features = 2000
	}
	b := &Bag{weights: o.Weights, texts: words.text}
	for _, w := range list[:min(len(list), o.Features)] {
		b.words = append(b.words, w.word)
		b.in = append(b.in, w.texts)
	}
	b.prepare()
	return b, nil
}

// byTexts returns the words that at least two texts have, or all if there are none, those of most texts first.
func byTexts(list []counted) []counted {
	for i := range list {
		list[i].times = list[i].texts
	}
	list = byTimes(list)
	if several := slices.IndexFunc(list, func(w counted) bool { return w.texts < 2 }); several > 0 {
		return list[:several]
	}
	return list
}

// trainHashed makes a hashed bag of texts with the given number of words.
func trainHashed(ctx context.Context, o BagOptions, words int, texts Texts) (*Bag, error) {
	if o.Features == 0 {
		o.Features = min(1<<bits.Len(uint(words-1)), 2048)
	}
	b := &Bag{weights: o.Weights, hashed: o.Features, in: make([]int, o.Features)}
	last := make([]int, o.Features) // text that had a feature last
	r := readers.Get().(*reader)
	defer readers.Put(r)
	if err := each(ctx, texts, func(s string) {
		b.texts++
		r.eachFeature(s, false, func(word []byte) {
			if i := b.feature(word); last[i] != b.texts {
				last[i] = b.texts
				b.in[i]++
			}
		})
	}); err != nil {
		return nil, err
	}
	b.prepare()
	return b, nil
}

// prepare makes what follows from the other fields.
func (b *Bag) prepare() {
	b.index = make(map[string]int, len(b.words))
	for i, word := range b.words {
		b.index[word] = i
	}
	if b.weights != "tfidf" {
		b.texts, b.in = 0, nil
		return
	}
	b.idf = make([]float64, len(b.in))
	for i, in := range b.in {
		b.idf[i] = 1 + math.Log(float64(1+b.texts)/float64(1+in))
	}
}

// Width is the number of features.
func (b *Bag) Width() int { return max(b.hashed, len(b.words)) }

// Names are the features' names: words and tags, or "hash 17".
func (b *Bag) Names() []string {
	if b.hashed == 0 {
		return slices.Clone(b.words)
	}
	names := make([]string, b.hashed)
	for i := range names {
		names[i] = "hash " + strconv.Itoa(i)
	}
	return names
}

// Encode overwrites dst, which has Width elements, with the weights of a text's words. A text without known words is all zeros.
func (b *Bag) Encode(s string, dst []float32) {
	clear(dst)
	r := readers.Get().(*reader)
	defer readers.Put(r)
	r.features = r.features[:0]
	r.eachFeature(s, b.hashed == 0, func(word []byte) {
		i := b.feature(word)
		if i < 0 {
			return
		}
		if dst[i] == 0 {
			r.features = append(r.features, i)
		}
		dst[i]++
	})
	squares := 0.0
	for _, i := range r.features {
		times := float64(dst[i])
		switch b.weights {
		case "tfidf":
			x := (1 + math.Log(times)) * b.idf[i]
			squares += float64(x * x) // not fused: the same on every machine
			dst[i] = float32(x)
		case "count":
			dst[i] = float32(math.Log1p(times))
		case "binary":
			dst[i] = 1
		}
	}
	if squares > 0 {
		norm := math.Sqrt(squares)
		for _, i := range r.features {
			dst[i] = float32(float64(dst[i]) / norm)
		}
	}
}

// feature is the feature of a word, or -1.
func (b *Bag) feature(word []byte) int {
	if b.hashed > 0 {
		h := uint64(14695981039346656037)
		for _, c := range word {
			h = (h ^ uint64(c)) * 1099511628211
		}
		return int((h ^ h>>32) & math.MaxUint32 % uint64(b.hashed))
	}
	if i, ok := b.index[string(word)]; ok {
		return i
	}
	return -1
}

// longestTag is the number of words of a tag that is a feature.
const longestTag = 6

// eachFeature calls use with the words of a text, and with its tags if they are wanted.
func (r *reader) eachFeature(s string, tags bool, use func(word []byte)) {
	r.tag = r.tag[:0]
	words := 0
	end := func() {
		if tags && words >= 2 && words <= longestTag {
			use(r.tag)
		}
		r.tag, words = r.tag[:0], 0
	}
	count := func(word []byte, _ bool) {
		if word[0] == '|' {
			end()
			return
		}
		if !counts(word) {
			return
		}
		use(word)
		if words++; tags && words <= longestTag {
			if words > 1 {
				r.tag = append(r.tag, ' ')
			}
			r.tag = append(r.tag, word...)
		}
	}
	for line := range strings.SplitSeq(s, "\n") {
		r.words(line, count)
		end()
	}
}

// counts reports whether a word is one for people: it begins with a letter, a digit or a pictograph.
func counts(word []byte) bool {
	if word[0] < utf8.RuneSelf {
		return asciiKinds[word[0]] == within
	}
	c, _ := utf8.DecodeRune(word)
	return kindOf(c) == within || unicode.IsLetter(c) || unicode.Is(unicode.So, c)
}
