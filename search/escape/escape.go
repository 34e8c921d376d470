// Package escape makes text from outside (names, labels, classes, paths, errors) safe to show on terminals, in pages of
// Markdown and in tables that a spreadsheet may open. Printable text looks the same as before.
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

// Terminal returns the text on one line, without anything that a terminal acts on: control characters, characters that change
// the direction of writing or are invisible, and bytes that are not UTF-8 become escapes such as \n, \x1b, \u202e and \xff.
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

// Unprintable finds the first character that [Terminal] escapes, and returns the escape.
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

// hidden reports whether a character is shown as an escape: control and format characters, and line separators. Joiners are
// not, because some languages and emoji need them.
func hidden(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && r != nonJoiner && r != joiner
}

// escaped returns a character as an escape.
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

// Characters that mean something anywhere in Markdown, and those that turn plain text into a link.
var (
	markdown = strings.NewReplacer(`\`, `\\`, "`", "\\`", `[`, `\[`, `]`, `\]`, `<`, `&lt;`, `>`, `&gt;`, `&`, `&amp;`,
		`|`, `\|`, `~`, `\~`, `$`, `\$`, `#`, `\#`, `://`, `:&#47;/`, `www.`, `www&#46;`, `WWW.`, `WWW&#46;`)
	marks = regexp.MustCompile(`_+|\*+`)
)

// Markdown returns the text for a line, a heading or a table cell of Markdown. It is shown as it is: it makes no HTML, link,
// emphasis or code, and does not end the cell.
func Markdown(text string) string { return emphasis(markdown.Replace(Terminal(text))) }

// emphasis escapes asterisks and underscores that could set text in italics. Those between spaces, and underscores inside a
// word, stay as they are.
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

// Code returns the text as code in a line or a table cell of Markdown.
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

// JSON escapes characters in encoded JSON that encoding/json leaves as they are but a terminal acts on, such as the control
// character U+009B. The values stay the same.
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

// hiddenInJSON is like hidden, but skips characters below 0x7f, such as the line breaks between values.
func hiddenInJSON(r rune) bool { return r >= 0x7f && hidden(r) }

var number = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// CSV returns the text as a field of a CSV file. Text that a spreadsheet would read as a formula gets an apostrophe in front;
// numbers stay as they are. Quoting is left to encoding/csv.
func CSV(text string) string {
	text = Terminal(text)
	if text != "" && strings.ContainsRune("=+-@", rune(text[0])) && !number.MatchString(text) {
		return "'" + text
	}
	return text
}
