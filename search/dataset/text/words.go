package text

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// longestWord is the number of characters at which a word is cut.
const longestWord = 100

// A reader splits texts into words as the package comment says. It keeps its memory for the next text.
type reader struct {
	normaliser
	tag      []byte // of a bag, the part since the last bar
	features []int  // of a bag, those that a text has
}

// readers are free.
var readers = sync.Pool{New: func() any { return new(reader) }}

// words calls use with every word of s. spaced says that white space is before it. The word may be overwritten after the call.
func (r *reader) words(s string, use func(word []byte, spaced bool)) {
	spaced := false
	for i := 0; i < len(s); {
		if c, size := utf8.DecodeRuneInString(s[i:]); unicode.IsSpace(c) {
			spaced = true
			i += size
			continue
		}
		chunk, ascii := cut(s[i:])
		spaced = split(r.normalise(chunk, ascii), spaced, use)
		i += len(chunk)
	}
}

// split calls use with every word of a normalised text. It returns whether white space is before what follows the text.
func split(s []byte, spaced bool, use func(word []byte, spaced bool)) bool {
	start, characters := 0, 0
	end := func(i int) {
		if characters > 0 {
			use(s[start:i], spaced)
			spaced = false
		}
		start, characters = i, 0
	}
	for i := 0; i < len(s); {
		c, size := rune(s[i]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRune(s[i:])
		}
		switch kindOf(c) {
		case within:
			if characters == longestWord {
				end(i)
			}
			characters++
		case apart:
			end(i)
			characters = 1
			end(i + size)
		case space:
			end(i)
			start, spaced = i+size, true
		}
		i += size
	}
	end(len(s))
	return spaced
}

// kind is what a character is to the words around it.
type kind byte

const (
	within kind = iota // part of a word
	apart              // a word of its own
	space              // between words
)

// asciiKinds are the kinds of the ASCII characters.
var asciiKinds = func() (list [utf8.RuneSelf]kind) {
	for c := range list {
		switch c := byte(c); {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case c <= ' ', c == 0x7f:
			list[c] = space
		default:
			list[c] = apart
		}
	}
	return list
}()

// kindOf is the kind of a character of a normalised text.
func kindOf(c rune) kind {
	switch {
	case c < utf8.RuneSelf:
		return asciiKinds[c]
	case ideograph(c):
		return apart
	case unicode.IsLetter(c), unicode.IsMark(c), unicode.IsNumber(c):
		return within
	case unicode.IsSpace(c):
		return space
	case unicode.IsPunct(c), unicode.IsSymbol(c):
		return apart
	}
	return within
}

// ideograph reports whether BERT's tokenizer takes c for a Chinese character: Kana and Hangul are not.
func ideograph(c rune) bool {
	return c >= 0x3400 && (c <= 0x4DBF || c >= 0x4E00 && c <= 0x9FFF || c >= 0xF900 && c <= 0xFAFF ||
		c >= 0x20000 && c <= 0x2A6DF || c >= 0x2A700 && c <= 0x323AF)
}

// eachCharacter calls use with a space, if spaced, and with the characters of a word.
func eachCharacter(word []byte, spaced bool, use func(character []byte)) {
	if spaced {
		use(blank)
	}
	for len(word) > 0 {
		_, size := utf8.DecodeRune(word)
		use(word[:size])
		word = word[size:]
	}
}

// blank is white space of any length.
var blank = []byte(" ")
