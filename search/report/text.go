package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// WriteText writes a document for a terminal: data and sample, one ranked table a stage with the winner marked *, then
// the model, its test metrics and where the files are. It fails only where w does.
func WriteText(w io.Writer, d Document) error {
	var b strings.Builder
	fmt.Fprintf(&b, "data    %s\n", dataLine(d.Dataset))
	if d.Sample.Size > 0 {
		fmt.Fprintf(&b, "sample  %s\n", sampleLine(d.Sample))
	}
	for _, s := range d.Stages {
		fmt.Fprintf(&b, "\n%s\n", s.Name)
		stageTable(s).text(&b)
	}
	if d.Model != nil {
		fmt.Fprintf(&b, "\nmodel\n%s\n", modelLine(*d.Model))
	}
	if d.Test != nil {
		b.WriteString("\ntest\n")
		metricsTable(d).text(&b)
	}
	if len(d.Files) > 0 {
		b.WriteString("\n")
	}
	width := 0
	for _, f := range d.Files {
		width = max(width, utf8.RuneCountInString(f.Name))
	}
	for _, f := range d.Files {
		fmt.Fprintf(&b, "%s  %s\n", pad(f.Name, width, false), f.Path)
	}
	fmt.Fprintf(&b, "\n%s\n", effortLine(d))
	_, err := io.WriteString(w, b.String())
	return err
}

// text writes the table with aligned columns.
func (t table) text(b *strings.Builder) {
	widths := t.widths(1)
	for _, row := range append([][]string{t.head}, t.rows...) {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString("  ")
			line.WriteString(pad(cell, widths[i], t.right[i]))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

func dataLine(d Dataset) string {
	return fmt.Sprintf("%s: %s training, %s validation and %s test rows, fingerprint %.12s",
		d.Name, humanize.Comma(int64(d.Train)), humanize.Comma(int64(d.Validation)), humanize.Comma(int64(d.Test)), d.Fingerprint)
}

func sampleLine(s Sample) string {
	return fmt.Sprintf("%s rows, %s of the training rows; largest difference of a class's proportion %.4f",
		humanize.Comma(int64(s.Size)), percent(s.Fraction), s.Distance)
}

func effortLine(d Document) string {
	noun := "trainings"
	if d.Trainings == 1 {
		noun = "training"
	}
	return fmt.Sprintf("%s %s in %s seconds", humanize.Comma(int64(d.Trainings)), noun, seconds(d.Seconds))
}
