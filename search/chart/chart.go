package chart

import (
	"bytes"
	"encoding/csv"
	"html/template"
	"io"

	"mixmas/search/escape"
	"mixmas/search/style"
)

// Figure is a drawing with its numbers.
type Figure interface {
	// Caption says what the figure shows.
	Caption() string
	// Table has the numbers of the figure.
	Table() Table
	// draw draws the figure on an empty canvas of its size.
	draw(c *canvas)
	// size is the width and height of the drawing, in pixels.
	size() (width, height float64)
}

// Table is a head and rows of as many cells.
type Table struct {
	Head []string
	Rows [][]string
	// Words is the number of columns at the left that are words; the others are numbers.
	Words int
}

// Inline returns the figure as an element of a page that has [style.Base] and [Style].
func Inline(f Figure) template.HTML { return template.HTML(svg(f, "")) }

// Write writes the figure as an SVG file.
func Write(w io.Writer, f Figure) error {
	_, err := w.Write(svg(f, "<style>"+style.Theme+Style+"</style>"))
	return err
}

// svg is the figure as an element, with something before the drawing.
func svg(f Figure, before string) []byte {
	width, height := f.size()
	c := &canvas{width: width, height: height}
	c.print(`<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 %g %g" width="%g" height="%g" role="img" aria-label="%s">`,
		width, height, width, height, text(f.Caption()))
	c.WriteString(before)
	f.draw(c)
	c.WriteString("</svg>")
	return c.Bytes()
}

// WriteCSV writes the numbers of a figure. Cells that a spreadsheet would take for formulas are made harmless.
func WriteCSV(w io.Writer, t Table) error {
	var b bytes.Buffer
	lines := csv.NewWriter(&b)
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = escape.CSV(cell)
		}
		_ = lines.Write(cells) // to memory
	}
	lines.Flush()
	_, err := w.Write(b.Bytes())
	return err
}
