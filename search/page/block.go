package page

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"mixmas/search/assess"
	"mixmas/search/chart"
	"mixmas/search/report"
)

// section is a part of the report with a heading of its own in the list of contents.
type section struct {
	// Short is the title in the list of contents.
	ID, Short, Title string
	Blocks           []block
}

// block is a piece of a section. What is set of it is shown in the order of the fields.
type block struct {
	Title string
	// Fold hides the block behind this title until it is opened; printed pages show what is open.
	Fold string
	// Open means that a folded block is open at first.
	Open     bool
	Texts    []string
	Facts    []fact
	Warnings []string
	List     []string
	Figures  []figure
	Table    *table
	Cards    []card
	Code     string
	// Beside puts figures and table side by side.
	Beside bool
	Blocks []block
}

// fact is a number to see at once.
type fact struct{ Value, Label, Note string }

// figure is a drawing with its table.
type figure struct {
	// Name is that of its files.
	Name  string
	Drawn chart.Figure
	// Numbers stand in for the drawing's own, which have too many rows for a page; their zero value means those.
	Numbers chart.Table
	// Text says how to read it.
	Text string
	// Broad figures may be wider than a column.
	Broad bool
	// Beside a table that has the numbers, the figure needs none of its own.
	Tabled bool
	// Bare figures have the title of their block.
	Bare bool
}

func (f figure) Caption() string { return f.Drawn.Caption() }

// SVG is the drawing as an element.
func (f figure) SVG() template.HTML { return chart.Inline(f.Drawn) }

// Table is the table of a figure.
func (f figure) Table() *table {
	numbers := f.Numbers
	if numbers.Head == nil {
		numbers = f.Drawn.Table()
	}
	t := &table{Caption: f.Drawn.Caption() + ": numbers", Head: numbers.Head, Words: numbers.Words, Long: true}
	const most = 400
	for i, cells := range numbers.Rows {
		if i == most {
			t.Note = report.Count(len(numbers.Rows)-most, "more row") + ": mixmas report --figures writes all of them"
			break
		}
		t.Rows = append(t.Rows, row{Cells: cells})
	}
	return t
}

// table is a table of texts.
type table struct {
	Caption string
	Head    []string
	Rows    []row
	// Words is the number of columns at the left that are words. Of a table with a File, the last column is words too.
	Words int
	File  bool
	Note  string
	// Long tables stay tables in narrow windows, where the rows of others become lines.
	Long bool
}

// row is a line of a table. Strong rows are those that were chosen, dull ones those that lost clearly.
type row struct {
	Cells        []string
	Strong, Dull bool
}

// cell is a cell of a line with the head of its column.
type cell struct {
	Text, Column string
	Number       bool
	Head         bool // of its row
}

// Lines are the rows as the template wants them: the first cell is the head of its row.
func (t *table) Lines() (lines []line) {
	for _, r := range t.Rows {
		l := line{Strong: r.Strong, Dull: r.Dull}
		for i, text := range r.Cells {
			l.Cells = append(l.Cells, cell{Text: text, Column: t.Head[i], Number: t.number(i), Head: i == 0})
		}
		lines = append(lines, l)
	}
	return lines
}

type line struct {
	Cells        []cell
	Strong, Dull bool
}

// Heads are the cells of the head.
func (t *table) Heads() (cells []cell) {
	for i, text := range t.Head {
		cells = append(cells, cell{Text: text, Number: t.number(i)})
	}
	return cells
}

// number reports whether a column is numbers.
func (t *table) number(i int) bool { return i >= t.Words && !(t.File && i == len(t.Head)-1) }

// card is a row of the data to look at.
type card struct {
	Title, Note string
	Views       []view
}

// view is one modality of a row.
type view struct {
	Modality string
	Picture  template.URL
	Width    int // of the picture in the page, in pixels
	Height   int
	Text     string
	Curves   []spark
	Values   []value
	Note     string
}

// Label describes a picture to those who do not see it.
func (v view) Label(title string) string { return v.Modality + " of " + title }

type spark struct {
	Name string
	SVG  template.HTML
	Ends string
}

type value struct{ Name, Value string }

// How large pictures are at least and at most, and how many curves and values of a row are shown.
const (
	leastPicture = 96
	mostPicture  = 208
	mostCurves   = 4
	mostValues   = 10
)

// newView shows what a row has of a modality.
func newView(of assess.View) view {
	v := view{Modality: of.Modality}
	if of.Channel != "" {
		v.Modality += ", " + of.Channel
	}
	switch of.Kind {
	case assess.Picture:
		if (of.Type == "image/png" || of.Type == "image/jpeg") && of.Width > 0 && of.Height > 0 {
			v.Picture = template.URL("data:" + of.Type + ";base64," + base64.StdEncoding.EncodeToString(of.Image))
			v.Width, v.Height = enlarged(of.Width, of.Height)
		}
	case assess.Text:
		v.Text = of.Text
	case assess.Curve:
		for i, values := range of.Values[:min(len(of.Values), mostCurves)] {
			numbers, name := floats(values), nameOf(of.Names, i)
			v.Curves = append(v.Curves, spark{Name: name, SVG: chart.Spark{Name: name + " of " + of.Modality, Values: numbers}.Inline(), Ends: ends(numbers)})
		}
		of.More += max(0, len(of.Values)-mostCurves)
	case assess.Numbers:
		for i, values := range of.Values {
			if i < mostValues && len(values) > 0 {
				v.Values = append(v.Values, value{nameOf(of.Names, i), short(values[0])})
			}
		}
		of.More += max(0, len(of.Values)-mostValues)
	case assess.Nothing:
		v.Note = "missing"
	}
	if of.More > 0 {
		what := map[string]string{assess.Picture: "channel", assess.Text: "character or token", assess.Curve: "feature", assess.Numbers: "feature"}[of.Kind]
		v.Note = report.Count(of.More, "more "+what)
	}
	return v
}

// enlarged is the size at which a small picture is shown: a whole number of times as large.
func enlarged(width, height int) (int, int) {
	times := max(1, (leastPicture+max(width, height)-1)/max(width, height))
	w, h := width*times, height*times
	if most := max(w, h); most > mostPicture {
		w, h = max(1, w*mostPicture/most), max(1, h*mostPicture/most)
	}
	return w, h
}

func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("feature %d", i+1)
}

// ends are the smallest and the largest value in words.
func ends(values []float64) string {
	values = slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(values) == 0 {
		return "all missing"
	}
	return chart.Short(slices.Min(values)) + " to " + chart.Short(slices.Max(values))
}

func floats(values []report.Number) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}

// shownCard is a card of a row that the assessment shows.
func shownCard(a *assess.Assessment, shown int, title, note string) (card, bool) {
	if shown < 0 || shown >= len(a.Shown) {
		return card{}, false
	}
	of := a.Shown[shown]
	c := card{Title: title, Note: note}
	if c.Title == "" {
		c.Title = strings.Join(of.True, ", ")
	}
	for _, v := range of.Views {
		c.Views = append(c.Views, newView(v))
	}
	return c, true
}
