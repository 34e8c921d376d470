package text

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// longestChunk is the number of bytes that are normalised at once.
const longestChunk = 4096

// cut returns the text before the first white space, at most longestChunk bytes, and whether all of it is ASCII.
func cut(s string) (chunk string, ascii bool) {
	ascii = true
	for i := 0; i < len(s); {
		c, size := rune(s[i]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRuneInString(s[i:])
			ascii = false
		}
		if unicode.IsSpace(c) {
			return s[:i], ascii
		}
		if i+size > longestChunk {
			if boundary := norm.NFKC.LastBoundary([]byte(s[:i])); boundary > 0 {
				i = boundary
			}
			return s[:i], ascii
		}
		i += size
	}
	return s, ascii
}

// A normaliser has the memory for chunks of a text.
type normaliser struct {
	clean, composed, folded, result []byte
	fold                            transform.Transformer
}

// normalise returns a chunk in its normal form: without dropped characters, NFKC, folded. The next call overwrites it.
func (n *normaliser) normalise(chunk string, ascii bool) []byte {
	n.clean = n.clean[:0]
	if ascii {
		for i := range len(chunk) {
			c := chunk[i]
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			if c >= ' ' && c != 0x7f {
				n.clean = append(n.clean, c)
			}
		}
		return n.clean
	}
	for _, c := range chunk {
		if c >= 0x13a0 && c <= 0xabbf && unicode.Is(unicode.Cherokee, c) {
			c = unicode.ToUpper(c) // cases.Fold swaps Cherokee's cases
		}
		if !dropped(c) {
			n.clean = utf8.AppendRune(n.clean, c)
		}
	}
	n.composed = norm.NFKC.Append(n.composed[:0], n.clean...)
	if n.fold == nil {
		n.fold = cases.Fold()
	}
	n.folded = transformed(n.fold, n.folded, dotless(n.composed)) // without dots it is shorter than n.composed
	if bytes.Equal(n.folded, n.composed) || norm.NFKC.IsNormal(n.folded) {
		return n.folded
	}
	n.result = norm.NFKC.Append(n.result[:0], n.folded...)
	return n.result
}

// transformed returns src after t, in the memory of dst where that is long enough.
func transformed(t transform.Transformer, dst, src []byte) []byte {
	for {
		size, _, err := t.Transform(dst[:cap(dst)], src, true)
		if err != transform.ErrShortDst {
			return dst[:size]
		}
		dst = make([]byte, 2*cap(dst)+len(src)+64)
	}
}

// dotless writes i for İ, whose own folding is an i with one more dot.
func dotless(s []byte) []byte {
	const dotted = "İ"
	i := bytes.Index(s, []byte(dotted))
	if i < 0 {
		return s
	}
	result := s[:i]
	for ; i < len(s); i++ {
		if bytes.HasPrefix(s[i:], []byte(dotted)) {
			result = append(result, 'i')
			i += len(dotted) - 1
		} else {
			result = append(result, s[i])
		}
	}
	return result
}

// dropped reports whether a character has neither a shape nor a meaning of its own: control and format characters, those for
// private use, surrogates, variation selectors, fillers, and the character that stands for bytes that are not UTF-8.
func dropped(c rune) bool {
	if c < 0x100 {
		return c < ' ' || c >= 0x7f && c < 0xa0 || c == 0xad
	}
	if c < 0x600 && c != 0x34f || c > 0x3164 && c < 0xd800 {
		return false // Latin to Hebrew, Chinese, Korean
	}
	return c == utf8.RuneError ||
		unicode.In(c, unicode.Cf, unicode.Co, unicode.Cs, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
