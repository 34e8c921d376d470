package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"mixmas/search/align"
	"mixmas/search/escape"
)

// Page is a page with the results of several commands.
type Page struct {
	Title string
	// Notes are paragraphs of Markdown that explain the page.
	Notes     []string
	Documents []Document
}

// WriteMarkdown writes a page of Markdown with one section per search: the commands with their time and memory, the tables of
// [WriteText], and the full trainings with all their metrics. It returns only errors of w.
func WriteMarkdown(w io.Writer, p Page) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", escape.Terminal(p.Title))
	for _, note := range p.Notes {
		b.WriteString("\n")
		for line := range strings.SplitSeq(note, "\n") { // Markdown, without characters that control a terminal
			b.WriteString(escape.Terminal(line) + "\n")
		}
	}
	titles := map[string]int{}
	for _, s := range searches(p.Documents) {
		title := s.title()
		if titles[title]++; titles[title] > 1 {
			title += fmt.Sprintf(" (%d)", titles[title])
		}
		fmt.Fprintf(&b, "\n## %s\n\n", title)
		s.markdown(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// search is one search: the documents of the commands that ran it, looked it up, or trained its winner or a preset on its
// data.
type search struct {
	documents []Document
	// found is the first document with stages; its zero value means that there is none.
	found Document
}

// searches groups documents by search. The training of a preset has no stages: it belongs to the last search with the same
// name and data.
func searches(documents []Document) []*search {
	var list []*search
	for _, d := range documents {
		var home *search
		for _, s := range slices.Backward(list) {
			if s.has(d) {
				home = s
				break
			}
		}
		if home == nil {
			home = &search{}
			list = append(list, home)
		}
		home.documents = append(home.documents, d)
		if len(home.found.Stages) == 0 {
			home.found = d
		}
	}
	return list
}

// has reports whether a document belongs to this search: it has the same name, data and trials.
func (s *search) has(d Document) bool {
	first := s.documents[0]
	if d.Name != first.Name || d.Dataset.Name != first.Dataset.Name || d.Dataset.Fingerprint != first.Dataset.Fingerprint {
		return false
	}
	return len(d.Stages) == 0 || len(s.found.Stages) == 0 || slices.EqualFunc(d.Stages, s.found.Stages, func(a, b Stage) bool {
		return a.Name == b.Name && a.Metric == b.Metric && a.Winner == b.Winner &&
			slices.EqualFunc(a.Candidates, b.Candidates, func(x, y Candidate) bool { return x.Name == y.Name && x.Key == y.Key })
	})
}

// title returns the search's name. Documents of earlier versions have none: their data and command identify them.
func (s *search) title() string {
	d := s.documents[0]
	switch {
	case d.Name != "":
		return escape.Markdown(d.Name)
	case d.Command == "":
		return escape.Markdown(d.Dataset.Name)
	}
	return escape.Markdown(d.Dataset.Name) + ": " + escape.Code(d.Command)
}

// markdown writes the search below its title.
func (s *search) markdown(b *strings.Builder) {
	effort := table{columns: []column{{head: "command", code: true}, right("trainings"), right("seconds"), right("peak memory")}}
	var machines []string
	for _, d := range s.documents {
		memory := "–"
		if d.PeakMemory > 0 {
			memory = humanize.IBytes(uint64(d.PeakMemory))
		}
		effort.rows = append(effort.rows, []string{d.Command, strconv.Itoa(d.Trainings), seconds(d.Seconds), memory})
		if d.Machine != "" && !slices.Contains(machines, d.Machine) {
			machines = append(machines, d.Machine)
		}
	}
	effort.markdown(b)
	b.WriteString("\n")
	item := func(head, text string) {
		if text != "" {
			fmt.Fprintf(b, "- %s: %s\n", head, escape.Markdown(text))
		}
	}
	item("Machine", strings.Join(machines, "; "))
	item("Data", dataLine(s.documents[0].Dataset))
	if len(s.found.Filled) > 0 {
		item("By the data", strings.Join(parts(s.found.Filled), ", "))
	}
	if len(s.found.Stages) > 0 {
		item("Sample", sampleLine(s.found.Sample))
		item("Winner", s.found.WinnerText())
		item("Strategy", s.found.Strategy)
		item("Reason", s.found.Reason)
	}
	for _, stage := range s.found.Stages {
		fmt.Fprintf(b, "\n### %s\n\n", escape.Markdown(stageTitle(stage)))
		stageTable(stage).markdown(b)
		list(b, stage.Remarks())
	}
	list(b, s.found.Warnings())
	s.trainings(b)
	for _, d := range s.documents {
		compared(b, d)
	}
}

// compared writes the baselines and the answers of a document.
func compared(b *strings.Builder, d Document) {
	if len(d.Baselines) > 0 {
		b.WriteString("\n### baselines\n\n")
		if text := d.Beaten(); text != "" {
			fmt.Fprintf(b, "Note: %s.\n\n", escape.Markdown(text))
		}
		baselinesTable(d).markdown(b)
	}
	for i, text := range d.LeftOut {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "- %s\n", escape.Markdown(text))
	}
	if d.Answer != nil {
		fmt.Fprintf(b, "\n### answer\n\n%s\n\n", escape.Markdown(answerLine(d)))
		if d.Answer.Single != nil {
			fmt.Fprintf(b, "%s\n\n", escape.Markdown(singleLine(d)))
		}
		answersTable(d).markdown(b)
	}
}

// list writes a list of texts after a blank line; nothing if there are none.
func list(b *strings.Builder, texts []string) {
	for i, text := range texts {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "- %s\n", escape.Markdown(text))
	}
}

// trainings writes each full training once, with its command if there are several.
func (s *search) trainings(b *strings.Builder) {
	var texts, commands []string // in pairs
	for _, d := range s.documents {
		if d.Model == nil {
			continue
		}
		var text strings.Builder
		text.WriteString("\n### full training")
		if d.Model.Name != "" && d.Model.Name != d.Name {
			text.WriteString(" of " + escape.Markdown(d.Model.Name))
		}
		fmt.Fprintf(&text, "\n\n%s\n\n", modelLine(*d.Model))
		metricsTable(d, metricNames(d)).markdown(&text)
		if !slices.Contains(texts, text.String()) {
			texts, commands = append(texts, text.String()), append(commands, d.Command)
		}
	}
	for i, text := range texts {
		b.WriteString(text)
		if len(texts) > 1 && commands[i] != "" {
			fmt.Fprintf(b, "\nTrained by %s.\n", escape.Code(commands[i]))
		}
	}
}

// MarkdownTable returns a table of Markdown with escaped cells. The first columns, so many as words says, are aligned left, the others
// right. Each row has as many cells as the head.
func MarkdownTable(words int, head []string, rows [][]string) string {
	t := table{rows: rows}
	for i, text := range head {
		t.columns = append(t.columns, column{head: text, right: i >= words})
	}
	var b strings.Builder
	t.markdown(&b)
	return b.String()
}

// markdown writes the table with aligned columns, so that it is also readable as text.
func (t table) markdown(b *strings.Builder) {
	const least = 2
	lines := t.lines(escape.Markdown, escape.Code)
	widths := align.Widths(lines, least)
	for i, cells := range lines {
		for i, cell := range cells {
			b.WriteString("| " + align.Pad(cell, widths[i], t.columns[i].right) + " ")
		}
		b.WriteString("|\n")
		if i > 0 {
			continue
		}
		for i, c := range t.columns {
			rule := strings.Repeat("-", widths[i]+2)
			if c.right {
				rule = rule[1:] + ":"
			}
			b.WriteString("|" + rule)
		}
		b.WriteString("|\n")
	}
}
