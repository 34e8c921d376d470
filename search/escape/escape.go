// Package escape makes text from outside (names, labels, classes, paths, errors) safe for where it is shown: terminals,
// pages of Markdown, and tables that a spreadsheet may open. Printable text comes out of each as a reader would expect it.
package escape

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Terminal is the text on one line without anything that a terminal acts on: control characters, characters that turn the
// direction of writing or that are invisible, and bytes that are no UTF-8 become escapes such as \n, \x1b, \u202e and \xff.
func Terminal(text string) string {
	if _, bad := Unprintable(text); !bad {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], replacement) {
			fmt.Fprintf(&b, `\x%02x`, text[i])
		} else if hidden(r) {
			b.WriteString(escaped(r))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// replacement is the character U+FFFD itself, which is printable.
const replacement = string(utf8.RuneError)

// Unprintable finds the first character that [Terminal] escapes, as it escapes it.
func Unprintable(text string) (escape string, found bool) {
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], replacement):
			return fmt.Sprintf(`\x%02x`, text[i]), true
		case hidden(r):
			return escaped(r), true
		}
	}
	return "", false
}

// hidden tells whether a character is shown as an escape: control and format characters and separators of lines. The
// joiners are needed to write some languages, and emoji.
func hidden(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && r != nonJoiner && r != joiner
}

// escaped is a character as an escape.
func escaped(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// Characters that mean something in Markdown wherever they stand, and those that make a link out of plain text.
var (
	markdown = strings.NewReplacer(`\`, `\\`, "`", "\\`", `[`, `\[`, `]`, `\]`, `<`, `&lt;`, `>`, `&gt;`, `&`, `&amp;`,
		`|`, `\|`, `~`, `\~`, `$`, `\$`, `#`, `\#`, `://`, `:&#47;/`, `www.`, `www&#46;`, `WWW.`, `WWW&#46;`)
	marks = regexp.MustCompile(`_+|\*+`)
)

// Markdown is the text within a line, a heading or a table's cell of Markdown, where it reads as it is: no HTML, link,
// emphasis, code or end of the cell comes of it.
func Markdown(text string) string { return emphasis(markdown.Replace(Terminal(text))) }

// emphasis escapes asterisks and underscores, but those that stand alone and underscores within a word: only at the edge of
// a word do they set it in italics.
func emphasis(text string) string {
	var b strings.Builder
	last := 0
	for _, at := range marks.FindAllStringIndex(text, -1) {
		before, size := utf8.DecodeLastRuneInString(text[:at[0]])
		alone := size == 0 || before == ' '
		after, size := utf8.DecodeRuneInString(text[at[1]:])
		alone = alone && (size == 0 || after == ' ')
		run := text[at[0]:at[1]]
		b.WriteString(text[last:at[0]])
		if last = at[1]; alone || run[0] == '_' && wordly(before) && wordly(after) {
			b.WriteString(run)
		} else {
			b.WriteString(strings.Repeat(`\`+run[:1], len(run)))
		}
	}
	return b.String() + text[last:]
}

func wordly(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// Code is the text as code in a line or in a table's cell of Markdown.
func Code(text string) string {
	text = Terminal(text)
	longest, run := 0, 0
	for _, r := range text {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	fence, space := strings.Repeat("`", longest+1), ""
	if text == "" || longest > 0 || strings.HasPrefix(text, " ") {
		space = " "
	}
	return fence + space + strings.ReplaceAll(text, "|", `\|`) + space + fence
}

// JSON replaces in encoded JSON what encoding/json writes as it is and a terminal acts on, such as the control character
// U+009B, by its escape. The values stay the same.
func JSON(encoded []byte) []byte {
	if !bytes.ContainsFunc(encoded, hiddenInJSON) {
		return encoded
	}
	out := make([]byte, 0, len(encoded)+16)
	for _, r := range string(encoded) {
		if !hiddenInJSON(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			out = fmt.Appendf(out, `\u%04x`, unit)
		}
	}
	return out
}

// hiddenInJSON leaves out the line breaks between values.
func hiddenInJSON(r rune) bool { return r >= 0x7f && hidden(r) }

var number = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// CSV is the text as a field of a CSV file that a spreadsheet takes for a word: what it would take for a formula has an
// apostrophe in front, numbers stay as they are. Quoting is left to encoding/csv.
func CSV(text string) string {
	text = Terminal(text)
	if text != "" && strings.ContainsRune("=+-@", rune(text[0])) && !number.MatchString(text) {
		return "'" + text
	}
	return text
}
