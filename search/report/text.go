package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"mixmas/search/align"
	"mixmas/search/escape"
)

// TextOptions select the content of text for a terminal.
type TextOptions struct {
	// AllMetrics shows every metric of the full model instead of the most common ones.
	AllMetrics bool
}

// WriteText writes a document for a terminal: data and sample, one ranked table per stage with the winner marked *, then the
// winning architecture with its parameters, time and score, the full model's metrics, the baselines, and the paths of the files.
// If the searched model does not beat a baseline, the first line says so; the last lines are the models that the run ends with,
// and say which to use. It returns only errors of w.
func WriteText(w io.Writer, d Document, o TextOptions) error {
	var b strings.Builder
	line := func(head, text string) { fmt.Fprintf(&b, "%-6s  %s\n", head, escape.Terminal(text)) }
	if text := d.Beaten(); text != "" {
		line("note", text)
	}
	line("data", dataLine(d.Dataset))
	if len(d.Filled) > 0 {
		line("chosen", fmt.Sprintf("%s by the data: %s", english.Plural(len(d.Filled), "setting", ""), strings.Join(parts(d.Filled), ", ")))
	}
	if d.Sample.Size > 0 {
		line("sample", sampleLine(d.Sample))
	}
	tables, hidden := stageTables(d.Stages)
	for i, s := range d.Stages {
		fmt.Fprintf(&b, "\n%s\n", escape.Terminal(stageTitle(s)))
		tables[i].text(&b)
		for _, text := range s.Remarks() {
			fmt.Fprintf(&b, "  %s\n", escape.Terminal(text))
		}
	}
	notes := d.Warnings()
	if len(hidden) > 0 {
		notes = append(notes, fmt.Sprintf("not shown for lack of room: %s; --json has them", english.WordSeries(hidden, "and")))
	}
	for i, text := range notes {
		if i == 0 {
			b.WriteString("\n")
		}
		line("note", text)
	}
	if text := outcome(d); text != "" {
		b.WriteString("\n")
		if len(d.Stages) > 0 {
			line("winner", d.WinnerText())
		} else {
			line("model", d.Model.Name)
		}
		line("", text)
	}
	if d.Model != nil {
		names := shown(d)
		if o.AllMetrics {
			names = metricNames(d)
		}
		b.WriteString("\n")
		metricsTable(d, names).text(&b)
		if more := len(metricNames(d)) - len(names); more > 0 {
			fmt.Fprintf(&b, "  %d more with --all-metrics\n", more)
		}
	}
	if len(d.Baselines) > 0 {
		b.WriteString("\nbaselines\n")
		baselinesTable(d).text(&b)
	}
	for _, text := range d.LeftOut {
		fmt.Fprintf(&b, "  %s\n", escape.Terminal(text))
	}
	if len(d.Files) > 0 {
		b.WriteString("\n")
	}
	width := 0
	for _, f := range d.Files {
		width = max(width, align.Width(f.Name))
	}
	for _, f := range d.Files {
		fmt.Fprintf(&b, "%s  %s\n", align.Pad(f.Name, width, false), escape.Terminal(f.Path))
	}
	fmt.Fprintf(&b, "\n%s\n", effortLine(d))
	if d.Answer != nil {
		b.WriteString("\n")
		line("answer", answerLine(d))
		if d.Answer.Single != nil {
			line("single", singleLine(d))
		}
		answersTable(d).text(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mostColumns is the width of stage tables on a terminal, without the words at the end of a line: with these it is about 120.
const mostColumns = 100

// stageTables returns the tables of stages for a terminal. If one is too wide, all lack the same optional columns, from the last
// on; hidden are their heads.
func stageTables(stages []Stage) (tables []table, hidden []string) {
	var optional []string
	for _, s := range stages {
		t := stageTable(s)
		tables = append(tables, t)
		for _, c := range t.columns {
			if c.optional && !slices.Contains(optional, c.head) {
				optional = append(optional, c.head)
			}
		}
	}
	wide := func(t table) bool { return t.width() > mostColumns }
	for len(optional) > 0 && slices.ContainsFunc(tables, wide) {
		last := len(optional) - 1
		hidden, optional = append(hidden, optional[last]), optional[:last]
		for i := range tables {
			tables[i] = tables[i].without(hidden)
		}
	}
	slices.Reverse(hidden)
	return tables, hidden
}

// width is that of the table on a terminal without its last column.
func (t table) width() (sum int) {
	widths := align.Widths(t.lines(escape.Terminal, escape.Terminal), 1)
	for _, w := range widths[:len(widths)-1] {
		sum += 2 + w
	}
	return sum
}

// without returns the table without the optional columns with these heads.
func (t table) without(heads []string) table {
	hide := func(i int) bool { return t.columns[i].optional && slices.Contains(heads, t.columns[i].head) }
	out := table{rows: make([][]string, len(t.rows))}
	for i, c := range t.columns {
		if hide(i) {
			continue
		}
		out.columns = append(out.columns, c)
		for k, row := range t.rows {
			out.rows[k] = append(out.rows[k], row[i])
		}
	}
	return out
}

// text writes the table with aligned columns.
func (t table) text(b *strings.Builder) {
	lines := t.lines(escape.Terminal, escape.Terminal)
	widths := align.Widths(lines, 1)
	for _, cells := range lines {
		var line strings.Builder
		for i, cell := range cells {
			line.WriteString("  ")
			line.WriteString(align.Pad(cell, widths[i], t.columns[i].right))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// parts returns the sections of fields, such as "search.training" for its learning rate, each once.
func parts(fields []string) (list []string) {
	for _, field := range fields {
		words := strings.Split(field, ".")
		if last := len(words) - 1; last > 1 && words[1] != "encoders" {
			words = words[:last]
		}
		if name := strings.Join(words, "."); !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

func dataLine(d Dataset) string {
	return fmt.Sprintf("%s: %s training, %s validation and %s test rows, fingerprint %.12s",
		d.Name, humanize.Comma(int64(d.Train)), humanize.Comma(int64(d.Validation)), humanize.Comma(int64(d.Test)), d.Fingerprint)
}

func sampleLine(s Sample) string {
	return fmt.Sprintf("%s rows, %s of the training rows; class proportions differ by at most %.4f",
		humanize.Comma(int64(s.Size)), percent(s.Fraction), s.Distance)
}

func effortLine(d Document) string {
	noun := "trainings"
	if d.Trainings == 1 {
		noun = "training"
	}
	text := fmt.Sprintf("%s %s in %s seconds", humanize.Comma(int64(d.Trainings)), noun, seconds(d.Seconds))
	if d.Budget > 0 {
		text += fmt.Sprintf(" of a budget of %s", seconds(d.Budget))
	}
	return text
}
