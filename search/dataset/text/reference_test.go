package text

import (
	_ "embed"
	"encoding/json"
	"math"
	"slices"
	"testing"
)

//go:embed testdata/reference.json
var referenceJSON []byte

// reference is what testdata/make_reference.py writes.
type reference struct {
	Texts   []string
	Words   [][]string
	Tokens  []string
	IDs     [][]int
	English int // texts that the bag was trained on
	Bag     []string
	TFIDF   [][]float64
}

func readReference(t *testing.T) (r reference) {
	t.Helper()
	if err := json.Unmarshal(referenceJSON, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// wordsOf are the words of a text.
func wordsOf(s string) (list []string) {
	new(reader).words(s, func(word []byte, _ bool) { list = append(list, string(word)) })
	return list
}

// Words are those that Python's tables of Unicode give.
func TestWordsOfReference(t *testing.T) {
	r := readReference(t)
	for i, s := range r.Texts {
		if got := wordsOf(s); !slices.Equal(got, r.Words[i]) {
			t.Errorf("%q: words\n%q, want\n%q", s, got, r.Words[i])
		}
	}
}

// Pieces are those that Hugging Face's WordPiece gives with the same vocabulary.
func TestPiecesOfReference(t *testing.T) {
	r := readReference(t)
	tokenizer := newTokenizer("wordpiece", r.Tokens)
	for i, s := range r.Texts {
		if got := tokenizer.Encode(nil, s); !slices.Equal(got, r.IDs[i]) {
			t.Errorf("%q: ids %v, want %v", s, got, r.IDs[i])
		}
	}
}

// Weights are scikit-learn's.
func TestBagOfReference(t *testing.T) {
	r := readReference(t)
	texts := r.Texts[:r.English]
	bag, err := TrainBag(t.Context(), BagOptions{}, Strings(texts))
	if err != nil {
		t.Fatal(err)
	}
	names := bag.Names()
	if got := slices.Sorted(slices.Values(names)); !slices.Equal(got, r.Bag) {
		t.Fatalf("features %q, want %q", got, r.Bag)
	}
	dst := make([]float32, bag.Width())
	for i, s := range texts {
		bag.Encode(s, dst)
		for j, name := range r.Bag {
			if got, want := dst[slices.Index(names, name)], r.TFIDF[i][j]; math.Abs(float64(got)-want) > 1e-6 {
				t.Errorf("text %d, word %s: %g, want %g", i, name, got, want)
			}
		}
	}
}
