// Package text turns texts into numbers: ids of tokens ([Tokenizer]) or counts of words ([Bag]). Both are learned from the
// training texts, and are JSON in a model file. Word vectors that others have trained are read by [ReadVectors].
//
// All but the tokenizer bytes read a text in the same way:
//
//   - Control and format characters, variation selectors and bytes that are not UTF-8 are dropped. White space of any kind and
//     length separates words.
//   - Letters and digits have their compatible form (NFKC: "ﬁ" is "fi", "Å" is "Å", "①" is "1") and are case-folded ("ß" and "ẞ"
//     are "ss", "ς" is "σ"). Accents stay: "schon" and "schön" are two words. "İ" folds to "i", so that İstanbul is istanbul; "ı"
//     stays.
//   - Every punctuation mark, symbol, emoji and Chinese character is a word of its own: "it's 5€" has the words it ' s 5 €.
//   - A word longer than 100 characters is cut into words of 100. (Scripts that write no spaces, such as Thai, have long words:
//     wordpiece and characters suit them.)
//
// All functions give the same result for the same texts in any order, unless there are more distinct words than are counted
// ([Train]). Tokenizers and bags may be used by several goroutines.
package text

import (
	"context"
	"iter"
	"math"
	"slices"
	"strings"

	"mixmas/nn/options"
	"mixmas/nn/registry"
)

// Texts are the texts of a training split. They may be iterated several times. An error ends the iteration.
type Texts = iter.Seq2[string, error]

// oneOf returns an error if the value of an option is not one of known.
func oneOf(option, value string, known []string) error {
	if !slices.Contains(known, value) {
		return options.Errorf(option, "want one of %s, got %q%s", strings.Join(known, ", "), value, registry.Suggestion(value, known))
	}
	return nil
}

// each calls use with every text, until texts or ctx has an error.
func each(ctx context.Context, texts Texts, use func(string)) error {
	for s, err := range texts {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		use(s)
	}
	return ctx.Err()
}

// suited is the number of ids that suits texts with the given number of words: a multiple of its square root, with which the
// number of distinct words of a text grows. 3,000 words get 438, a book of 300,000 words 4,381.
func suited(words int) int { return min(max(int(8*math.Sqrt(float64(words))), 256), 8000) }
