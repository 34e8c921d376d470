package text

import (
	"strings"
	"unicode/utf8"
)

// continuation marks a piece that continues a word.
const continuation = "##"

// pieces are the vocabulary of wordpiece: the pieces that start a word, and those that continue one, without their mark.
type pieces struct{ start, rest trie }

// newPieces makes the vocabulary of tokens, whose ids count from first.
func newPieces(tokens []string) *pieces {
	var start, rest []entry
	for i, token := range tokens {
		if piece, continues := cutMark(token); continues {
			rest = append(rest, entry{piece, int32(first + i)})
		} else {
			start = append(start, entry{piece, int32(first + i)})
		}
	}
	return &pieces{newTrie(start), newTrie(rest)}
}

// cutMark returns a token without its mark. The token ## is two signs, not a mark.
func cutMark(token string) (piece string, continues bool) {
	if len(token) > len(continuation) {
		return strings.CutPrefix(token, continuation)
	}
	return token, false
}

// encode appends the ids of a word: of the longest piece that it starts with, of the longest piece that the rest starts with,
// and so on. Characters that no piece starts with are one unknown id.
func (p *pieces) encode(dst []int, word []byte) []int {
	known, unknown := &p.start, false
	for len(word) > 0 {
		id, size := known.longest(word)
		if id >= 0 {
			dst = append(dst, int(id))
		} else {
			_, size = utf8.DecodeRune(word)
			if !unknown {
				dst = append(dst, Unknown)
			}
		}
		known, word, unknown = &p.rest, word[size:], id < 0
	}
	return dst
}
