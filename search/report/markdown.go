package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
)

// Page shows what several commands on the same plan came to.
type Page struct {
	Title string
	// Notes are paragraphs that say how to read it.
	Notes     []string
	Documents []Document
}

// WriteMarkdown writes a page of Markdown: the commands with their effort, then the tables of [WriteText]. Stages are
// shown as the first document that has them found them. It fails only where w does.
func WriteMarkdown(w io.Writer, p Page) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", p.Title)
	for _, note := range p.Notes {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	effort := table{head: []string{"command", "trainings", "seconds", "peak memory"}, right: []bool{false, true, true, true}}
	for _, d := range p.Documents {
		memory := "–"
		if d.PeakMemory > 0 {
			memory = humanize.IBytes(uint64(d.PeakMemory))
		}
		effort.rows = append(effort.rows, []string{"`" + d.Command + "`", strconv.Itoa(d.Trainings), seconds(d.Seconds), memory})
	}
	b.WriteString("\n")
	effort.markdown(&b)
	stages := false
	for i, d := range p.Documents {
		if i == 0 {
			fmt.Fprintf(&b, "\n- Machine: %s\n- Data: %s\n", d.Machine, dataLine(d.Dataset))
		}
		if len(d.Stages) > 0 && !stages {
			stages = true
			fmt.Fprintf(&b, "- Sample: %s\n", sampleLine(d.Sample))
			for _, s := range d.Stages {
				fmt.Fprintf(&b, "\n## %s\n\n", s.Name)
				stageTable(s).markdown(&b)
			}
		}
		if d.Model != nil {
			fmt.Fprintf(&b, "\n## full training\n\n%s\n", modelLine(*d.Model))
		}
		if d.Test != nil {
			b.WriteString("\n")
			metricsTable(d).markdown(&b)
		}
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
