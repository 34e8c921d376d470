// Package align sets text in columns by the number of cells that it takes on a terminal: two for East Asian characters and
// most emoji, none for combining marks, one for everything else.
package align

import (
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// cells counts the same in every locale.
var cells = &runewidth.Condition{StrictEmojiNeutral: true}

// Width is the number of cells that a text takes.
func Width(text string) int { return cells.StringWidth(text) }

// Pad fills a cell of a table with spaces: after its text, or before it if the text is aligned right.
func Pad(text string, width int, right bool) string {
	space := strings.Repeat(" ", max(0, width-Width(text)))
	if right {
		return space + text
	}
	return text + space
}

// Widths are the widths of the columns of some rows, with a minimum.
func Widths(rows [][]string, least int) []int {
	var widths []int
	for _, row := range rows {
		for i, text := range row {
			if i == len(widths) {
				widths = append(widths, least)
			}
			widths[i] = max(widths[i], Width(text))
		}
	}
	return widths
}

// Rows writes rows in left-aligned columns, two spaces apart, without spaces at the end of a line. It fails only if w does.
func Rows(w io.Writer, rows [][]string) error {
	widths := Widths(rows, 0)
	var b strings.Builder
	for _, row := range rows {
		for i, text := range row {
			if i < len(row)-1 {
				text = Pad(text, widths[i]+2, false)
			}
			b.WriteString(text)
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// TruncateStart is Truncate for texts of which the end matters more: a longer one begins with an ellipsis.
func TruncateStart(text string, width int) string {
	if Width(text) <= width {
		return text
	}
	for text != "" && Width(text)+1 > width {
		_, size := utf8.DecodeRuneInString(text)
		text = text[size:]
	}
	return Truncate("…"+text, width)
}

// Truncate returns a text that takes at most so many cells: a longer one ends with an ellipsis.
func Truncate(text string, width int) string {
	if width < 1 {
		return ""
	}
	return cells.Truncate(text, width, "…")
}
