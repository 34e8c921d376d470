package report

import (
	"fmt"
	"io"
	"strings"
)

// Page is a document with what a reader needs to make it again.
type Page struct {
	Title string
	// Command makes the page; Machine is what it ran on; Notes are paragraphs that say how to read it.
	Command, Machine string
	Notes            []string
	Document         Document
}

// WriteMarkdown writes a page of Markdown with the tables of [WriteText]. It fails only where w does.
func WriteMarkdown(w io.Writer, p Page) error {
	var b strings.Builder
	d := p.Document
	fmt.Fprintf(&b, "# %s\n\nMade by\n\n```\n%s\n```\n\non %s.\n", p.Title, p.Command, p.Machine)
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	fmt.Fprintf(&b, "\n- Data: %s\n- Sample: %s\n- Effort: %s\n", dataLine(d.Dataset), sampleLine(d.Sample), effortLine(d))
	for _, s := range d.Stages {
		fmt.Fprintf(&b, "\n## %s\n\n", s.Name)
		stageTable(s).markdown(&b)
	}
	if d.Model != nil {
		fmt.Fprintf(&b, "\n## model\n\n%s parameters\n", params(d.Model.Params))
	}
	if d.Test != nil {
		b.WriteString("\n## test\n\n")
		metricsTable(d.Test.Metrics).markdown(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdown writes the table with aligned columns, so that it reads well as text too.
func (t table) markdown(b *strings.Builder) {
	for _, row := range t.rows {
		for i, cell := range row {
			row[i] = strings.ReplaceAll(cell, "|", `\|`)
		}
	}
	const least = 2
	widths := t.widths(least)
	line := func(cells []string) {
		for i, cell := range cells {
			b.WriteString("| " + pad(cell, widths[i], t.right[i]) + " ")
		}
		b.WriteString("|\n")
	}
	line(t.head)
	for i, right := range t.right {
		rule := strings.Repeat("-", widths[i]+2)
		if right {
			rule = rule[1:] + ":"
		}
		b.WriteString("|" + rule)
	}
	b.WriteString("|\n")
	for _, row := range t.rows {
		line(row)
	}
}
