package inspect

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mixmas/search/align"
	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/tabular"
	"mixmas/search/escape"
)

// Table writes, for people, what every column is taken for and why, and the warnings.
func (p *Proposal) Table(w io.Writer) error {
	rows := [][]string{{"column", "taken for", "example", "why"}}
	for i := range p.Columns {
		c := &p.Columns[i]
		rows = append(rows, []string{short(c.Title, 32), string(c.Kind), c.Example, escape.Terminal(c.why())})
	}
	first := ""
	if p.Partial {
		first = "the first "
	}
	fmt.Fprintf(w, "%s: %s%s rows, %d columns", escape.Terminal(p.Data), first, thousands(p.Rows), len(p.Columns))
	if p.source.layout != "" {
		fmt.Fprintf(w, " (%s)", p.source.layout)
	}
	fmt.Fprint(w, "\n\n")
	if err := align.Rows(w, rows); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nmodalities: %s\n", p.modalitiesText())
	for _, text := range p.Warnings {
		fmt.Fprintf(w, "warning: %s\n", text)
	}
	return nil
}

func (p *Proposal) modalitiesText() string {
	var list []string
	for _, m := range p.modalities {
		c := &p.Columns[m.columns[0]]
		switch {
		case m.kind == "image":
			list = append(list, fmt.Sprintf("%s (image, %d×%d)", m.name, c.size[0], c.size[1]))
		case len(m.columns) > 1:
			list = append(list, fmt.Sprintf("%s (%s, %d columns)", m.name, m.kind, len(m.columns)))
		default:
			list = append(list, fmt.Sprintf("%s (%s)", m.name, m.kind))
		}
	}
	return strings.Join(list, ", ")
}

// thousands writes a count with commas.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// lines collects the lines of a configuration. Comments behind lines that follow each other are aligned.
type lines struct {
	rows [][2]string // text and comment
}

func (l *lines) add(comment, format string, arguments ...any) {
	l.rows = append(l.rows, [2]string{fmt.Sprintf(format, arguments...), comment})
}

const (
	lineWidth    = 100 // of flow lists
	commentAfter = 48  // where comments start at most, for alignment
)

func (l *lines) String() string {
	width := 0
	for _, row := range l.rows {
		if n := align.Width(row[0]); row[1] != "" && n <= commentAfter {
			width = max(width, n)
		}
	}
	var b strings.Builder
	for _, row := range l.rows {
		b.WriteString(row[0])
		if row[1] != "" {
			if row[0] != "" {
				b.WriteString(strings.Repeat(" ", max(0, width-align.Width(row[0]))+1))
			}
			b.WriteString("# " + short(row[1], 200))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Write writes the configuration. Its relative paths start at the folder that it will be in.
func (p *Proposal) Write(w io.Writer, folder string) error {
	text, err := p.YAML(folder)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// YAML is the text of Write.
func (p *Proposal) YAML(folder string) (string, error) {
	var paths [3]string
	for i, name := range []string{p.source.path, p.source.validation, p.source.test} {
		if name == "" {
			continue
		}
		var err error
		if paths[i], err = relative(folder, name); err != nil {
			return "", err
		}
	}
	l := &lines{}
	many := ""
	if p.Partial {
		many = "the first "
	}
	l.add(fmt.Sprintf("Proposed by mixmas for %s: %s%s rows, %d columns. Change what is wrong, and check it with:", escape.Terminal(p.Data), many, thousands(p.Rows), len(p.Columns)), "")
	l.add("mixmas config check FILE; mixmas data info FILE. mixmas config schema lists all options.", "")
	l.add("", "name: %s", word(p.Name))
	l.add("how candidates are scored, compared and combined; the other choice is paper", "settings: recommended")
	l.add("", "data:")
	l.add("", "  format: records")
	l.add("", "  path: %s", word(paths[0]))
	for i, key := range []string{"validation", "test"} {
		if paths[i+1] != "" {
			l.add("", "  %s: %s", key, word(paths[i+1]))
		}
	}
	l.add("", "  modalities:")
	for _, m := range p.modalities {
		if err := p.writeModality(l, &m, folder); err != nil {
			return "", err
		}
	}
	p.writeLabels(l)
	p.writeIgnored(l)
	p.writeSplit(l)
	p.writeUnused(l)
	l.add("Without a section search, candidates, sizes and trainings follow from the data: see docs/defaults.md.", "")
	return l.String(), nil
}

func (p *Proposal) writeModality(l *lines, m *modality, folder string) error {
	c := &p.Columns[m.columns[0]]
	head := fmt.Sprintf("name: %s, kind: %s", word(m.name), m.kind)
	if m.kind == "table" {
		p.writeTable(l, m)
		return nil
	}
	if len(m.columns) > 1 {
		l.add("", "    - name: %s", word(m.name))
		l.add("", "      kind: %s", m.kind)
		if m.kind == "text" {
			l.add("joined in this order", "      column:")
		} else {
			l.add("", "      columns:")
		}
		for _, i := range m.columns {
			l.add(p.Columns[i].why(), "        - %s", word(p.selector(i)))
		}
		return nil
	}
	key := "column"
	if m.kind == "series" && !c.series {
		key = "columns"
	}
	text := fmt.Sprintf("%s, %s: %s", head, key, word(p.selector(m.columns[0])))
	if c.folder != "" {
		start, err := relative(folder, p.at(c.folder))
		if err != nil {
			return err
		}
		text += fmt.Sprintf(", folder: %s", word(start))
	}
	if m.kind == "image" {
		text += fmt.Sprintf(", size: [%d, %d], channels: %d", c.size[0], c.size[1], c.colours)
	}
	if c.layout != "" {
		text += ", layout: " + c.layout
	}
	l.add(c.why(), "    - {%s}", text)
	return nil
}

// mostOwnLines is the number of a table's columns that have a line each; more share lines.
const mostOwnLines = 16

func (p *Proposal) writeTable(l *lines, m *modality) {
	l.add("", "    - name: %s", word(m.name))
	l.add("", "      kind: table")
	if len(m.columns) <= mostOwnLines {
		l.add("", "      columns:")
		for _, i := range m.columns {
			c := &p.Columns[i]
			l.add(fmt.Sprintf("%s: %s", c.Kind, c.why()), "        - %s", word(p.selector(i)))
		}
	} else {
		flow(l, "      columns: [", p.ranges(m.columns), "]", "        ")
	}
	var kinds []string
	for _, i := range m.columns {
		if c := &p.Columns[i]; c.Kind != feature.Number || c.Asked {
			kinds = append(kinds, fmt.Sprintf("%s: %s", word(p.selector(i)), c.Kind))
		}
	}
	if len(kinds) > 0 {
		flow(l, "      kinds: {", kinds, "}", "        ")
	}
}

// ranges names columns, those that follow each other by the first and the last.
func (p *Proposal) ranges(columns []int) (selectors []string) {
	const least = 4
	for i := 0; i < len(columns); {
		n := 1
		for i+n < len(columns) && columns[i+n] == columns[i]+n {
			n++
		}
		selector := p.selector(columns[i]) + ".." + p.selector(columns[i+n-1])
		if at, err := tabular.Select(p.source.table.Columns(), nil, selector); n >= least && err == nil && slices.Equal(at, columns[i:i+n]) {
			selectors = append(selectors, word(selector))
			i += n
			continue
		}
		selectors = append(selectors, word(p.selector(columns[i])))
		i++
	}
	return selectors
}

// flow writes a list on as many lines as it needs.
func flow(l *lines, begin string, items []string, end, indent string) {
	line := begin
	for i, item := range items {
		if i < len(items)-1 {
			item += ","
		} else {
			item += end
		}
		switch {
		case line == begin || line == indent:
			line += item
		case align.Width(line)+1+align.Width(item) > lineWidth:
			l.add("", "%s", line)
			line = indent + item
		default:
			line += " " + item
		}
	}
	l.add("", "%s", line)
}

func (p *Proposal) writeLabels(l *lines) {
	c := &p.Columns[p.labels[0]]
	switch {
	case len(p.labels) > 1:
		var names []string
		for _, i := range p.labels {
			names = append(names, word(p.selector(i)))
		}
		flow(l, "  labels: {columns: [", names, "]}", "    ")
	case p.request.Separator != "":
		l.add(c.Reason, "  labels: {column: %s, separator: %s}", word(p.selector(p.labels[0])), word(p.request.Separator))
	default:
		l.add(c.Reason, "  labels: %s", word(p.selector(p.labels[0])))
	}
	if p.unlabelled > 0 && p.request.Separator == "" {
		l.add(rowsAre(p.unlabelled)+" without a label", "  unlabelled: drop")
	}
}

func (p *Proposal) writeIgnored(l *lines) {
	if p.ignore {
		l.add("labels that no training row has", "  unknown: ignore")
	}
}

func (p *Proposal) writeSplit(l *lines) {
	split, group := p.splitColumn(feature.Split), p.splitColumn(feature.Group)
	if group >= 0 && (split >= 0 || p.source.test != "" || p.source.validation != "") {
		l.add(p.Columns[group].Reason, "  group: %s", word(p.selector(group)))
	}
	switch {
	case split >= 0:
		l.add(p.Columns[split].Reason, "  split: {column: %s}", word(p.selector(split)))
	case p.source.test != "":
		share := "[0.85, 0.15, 0]"
		if p.source.validation != "" {
			return
		}
		l.add("of the training file", "  split: {random: %s, seed: 1}", share)
	case p.source.validation != "":
	case group >= 0:
		l.add(p.Columns[group].Reason, "  split: {group: %s, random: [0.7, 0.15, 0.15], seed: 1}", word(p.selector(group)))
	default:
		l.add("no column names splits: at random, with the same shares of the classes", "  split: {random: [0.7, 0.15, 0.15], seed: 1}")
	}
}

func (p *Proposal) writeUnused(l *lines) {
	const most = 12
	n := 0
	for i := range p.Columns {
		c := &p.Columns[i]
		if !slices.Contains([]feature.Kind{feature.Identifier, feature.Constant, feature.Unused}, c.Kind) {
			continue
		}
		if n++; n <= most {
			text := c.Title
			if c.Kind != feature.Unused {
				text += " (" + string(c.Kind) + ")"
			}
			l.rows = append(l.rows, [2]string{"", fmt.Sprintf("not used: %s: %s", text, c.why())})
		}
	}
	if n > most {
		l.add(fmt.Sprintf("not used: %d more columns", n-most), "")
	}
}

// relative is a path from a folder to a file that was named from the working folder. An absolute path stays one.
func relative(folder, name string) (string, error) {
	if filepath.IsAbs(name) {
		return filepath.ToSlash(name), nil
	}
	working, err := os.Getwd()
	if err != nil {
		return "", err
	}
	from := folder
	if !filepath.IsAbs(from) {
		from = filepath.Join(working, from)
	}
	to, err := filepath.Rel(from, filepath.Join(working, filepath.FromSlash(name)))
	if err != nil { // on another drive
		to = filepath.Join(working, filepath.FromSlash(name))
	}
	return filepath.ToSlash(to), nil
}

// plainWord matches texts that YAML reads as themselves, also between braces.
var plainWord = regexp.MustCompile(`^([A-Za-z_/]|\.\.?/)[A-Za-z0-9_./ -]*$`)

// word writes a text as a YAML scalar.
func word(text string) string {
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", ".nan", ".inf", "inf":
		return `"` + text + `"`
	}
	if plainWord.MatchString(text) && !strings.HasSuffix(text, " ") {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsPrint(r) && r != utf8.RuneError:
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
