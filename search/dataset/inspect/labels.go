package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/tabular"
	"mixmas/search/escape"
)

// labelNames are names that columns of labels often have.
var labelNames = []string{"label", "labels", "class", "target", "y", "category", "species", "outcome", "diagnosis", "tag", "tags", "type", "sentiment", "genre", "activity"}

// noLabel is the error of a request without labels: it names columns that are likely to be meant.
func (p *Proposal) noLabel() error {
	type candidate struct {
		column   int
		distinct int
		points   int
	}
	var list []candidate
	for i := range p.Columns {
		c := &p.Columns[i]
		distinct, exact := c.profile.Distinct()
		if !exact || distinct < 2 || distinct > 50 || 2*distinct > p.Rows || !slices.Contains([]feature.Kind{feature.Category, feature.Number, feature.Set}, c.Kind) {
			continue
		}
		points := 0
		if slices.Contains(labelNames, strings.ToLower(c.Name)) {
			points += 4
		}
		if c.Kind == feature.Category || c.Kind == feature.Set {
			points += 2
		}
		if i == len(p.Columns)-1 {
			points++
		}
		list = append(list, candidate{i, distinct, points})
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Compare(b.points, a.points) })
	var shown []string
	for _, c := range list[:min(len(list), 5)] {
		shown = append(shown, fmt.Sprintf("%s (%d values)", p.Columns[c.column].Title, c.distinct))
	}
	if len(shown) == 0 {
		for i := range p.Columns[:min(len(p.Columns), 10)] {
			shown = append(shown, p.Columns[i].Title)
		}
		return requestError("which column is to be predicted? Name it with --label COLUMN. None looks like classes; the columns are %s", strings.Join(shown, ", "))
	}
	return requestError("which column is to be predicted? Name it with --label COLUMN. Likely ones: %s", strings.Join(shown, ", "))
}

// countLabels returns a function that counts the labels of a row.
func (p *Proposal) countLabels() func(cells []string) error {
	switch len(p.labels) {
	case 0:
		return func([]string) error { return nil }
	case 1:
		p.counts = feature.NewLabels(p.request.Separator)
		return func(cells []string) error {
			cell := cells[p.labels[0]]
			if (strings.Contains(cell, "|") || strings.HasPrefix(cell, "[")) && len(slices.Collect(feature.Members(cell, "|"))) > 1 {
				p.several++
			}
			return p.labelError(p.labels[0], p.counts.Add(cell))
		}
	}
	p.ones = make([]int, len(p.labels))
	return func(cells []string) error {
		for k, i := range p.labels {
			is, err := feature.Binary(cells[i])
			if err != nil {
				return p.labelError(i, err)
			}
			if is {
				p.ones[k]++
			}
		}
		return nil
	}
}

// labelError is an error in the cell of a column; nil for nil.
func (p *Proposal) labelError(column int, err error) error {
	if err == nil {
		return nil
	}
	return &tabular.Error{Row: -1, Column: p.Columns[column].Title, Text: err.Error(), Err: err}
}

// judgeLabels checks the classes of the labels.
func (p *Proposal) judgeLabels() error {
	for _, i := range p.labels {
		c := &p.Columns[i]
		c.Finding = feature.Finding{Kind: feature.Label}
	}
	if len(p.labels) > 1 {
		return p.judgeBinary()
	}
	c, labels := &p.Columns[p.labels[0]], p.counts
	hint := ""
	if p.request.Separator == "" && p.several > p.Rows/20 {
		hint = "; if a row may have several labels, name what separates them: --separator '|'"
	}
	classes, warnings, err := labels.Classes(nil)
	if err != nil && p.Partial {
		p.warn("labels %s: of the first %s rows, %v", c.Title, thousands(p.Rows), err)
		err, classes = nil, nil
	}
	if err != nil {
		return fmt.Errorf("column %s: %w%s", c.Title, err, hint)
	}
	if hint != "" {
		p.warn("labels %s: cells such as %s are taken for one class each%s", c.Title, quote(firstWith(classes, "|")), hint)
	}
	for _, w := range warnings {
		p.warn("labels %s: %s", c.Title, w)
	}
	p.classes = classes
	p.unlabelled = labels.Unlabelled()
	if len(p.classes) == 0 {
		c.Reason = "what is predicted"
		return nil
	}
	shown := frequentFirst(classes, labels)
	c.Reason = fmt.Sprintf("%d classes: %s", len(classes), shown)
	if p.request.Separator != "" {
		c.Reason = fmt.Sprintf("any of %s", c.Reason)
	} else if p.unlabelled > 0 {
		c.Reason += fmt.Sprintf("; %s of %s are missing and not used", thousands(p.unlabelled), thousands(p.Rows))
	}
	return nil
}

// untrained finds labels that no training row may have: with them the data set would not open, so they are ignored. A split column
// says it; a random split has every class of single labels among its training rows, but not every one of several labels or of groups.
func (p *Proposal) untrained(ctx context.Context) error {
	if len(p.labels) != 1 || len(p.classes) == 0 {
		return nil
	}
	split := p.splitColumn(feature.Split)
	if split < 0 {
		const rare = 20 // rows: with fewer, all may be outside the training split
		several := p.request.Separator != "" || p.splitColumn(feature.Group) >= 0
		p.ignore = several && slices.ContainsFunc(p.classes, func(name string) bool { return p.counts.Count(name) < rare })
		return nil
	}
	training := feature.NewLabels(p.request.Separator)
	err := p.source.each(ctx, func(row int, cells []string) error {
		if row >= p.Rows {
			return tabular.Stop
		}
		if s := strings.ToLower(strings.TrimSpace(cells[split])); s == "train" || s == "training" {
			return p.labelError(p.labels[0], training.Add(cells[p.labels[0]]))
		}
		return nil
	})
	var missing []string
	for _, name := range p.classes {
		if training.Count(name) == 0 {
			missing = append(missing, quote(name))
		}
	}
	if n := len(missing); n > 0 {
		p.ignore = true
		const most = 4
		if n > most {
			missing = append(missing[:most], "…")
		}
		p.warn("labels %s: no training row has %s, which cannot be learned and are ignored", p.Columns[p.labels[0]].Title, strings.Join(missing, ", "))
	}
	return err
}

// firstWith is the first text that has a piece.
func firstWith(texts []string, piece string) string {
	return texts[max(0, slices.IndexFunc(texts, func(t string) bool { return strings.Contains(t, piece) }))]
}

// frequentFirst lists the classes with most rows.
func frequentFirst(names []string, labels *feature.Labels) string {
	sorted := slices.Clone(names)
	slices.SortStableFunc(sorted, func(a, b string) int { return cmp.Compare(labels.Count(b), labels.Count(a)) })
	const most = 4
	var shown []string
	for _, name := range sorted[:min(len(sorted), most)] {
		shown = append(shown, fmt.Sprintf("%s (%d)", short(name, 24), labels.Count(name)))
	}
	if len(sorted) > most {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}

// judgeBinary checks 0/1 columns.
func (p *Proposal) judgeBinary() error {
	for k, i := range p.labels {
		c := &p.Columns[i]
		c.Reason = fmt.Sprintf("one of %d classes, each a 0/1 column: %d rows", len(p.labels), p.ones[k])
		p.classes = append(p.classes, c.Name)
		if p.ones[k] == 0 || p.ones[k] == p.Rows {
			p.warn("labels %s: the same in all %d rows", c.Title, p.Rows)
		}
	}
	warnings, err := feature.CheckNames(p.classes)
	p.Warnings = append(p.Warnings, warnings...)
	return err
}

func rowsAre(n int) string {
	if n == 1 {
		return "1 row is"
	}
	return fmt.Sprintf("%d rows are", n)
}

func quote(text string) string { return `"` + short(text, 40) + `"` }

func (p *Proposal) warn(format string, arguments ...any) {
	p.Warnings = append(p.Warnings, escape.Terminal(fmt.Sprintf(format, arguments...)))
}

// leak watches whether a column says the same as the labels: each value of one goes with one value of the other.
type leak struct {
	pairs []pairs // by label column
}

// pairs are the values that went together so far.
type pairs struct {
	over    bool
	forward map[string]string // cell to label
	back    map[string]string
}

// Limits of what is watched: distinct values, label columns, and the bytes of a cell.
const (
	mostPairs   = 1000
	mostWatched = 32
	longestPair = 256
	leastRows   = 10 // to suspect something
)

func (l *leak) add(k int, cell, label string) {
	if k >= mostWatched {
		return
	}
	for len(l.pairs) <= k {
		l.pairs = append(l.pairs, pairs{forward: map[string]string{}, back: map[string]string{}})
	}
	p := &l.pairs[k]
	if p.over {
		return
	}
	other, seen := p.forward[cell]
	if seen && other == label {
		return
	}
	if _, has := p.back[label]; seen || has || len(p.forward) >= mostPairs || len(cell) > longestPair || len(label) > longestPair {
		*p = pairs{over: true}
		return
	}
	cell, label = strings.Clone(cell), strings.Clone(label)
	p.forward[cell], p.back[label] = label, cell
}

// leaks names the columns that say the same as the labels, and does not use them unless a person asks for them.
func (p *Proposal) leaks() {
	for i := range p.Columns {
		c := &p.Columns[i]
		if slices.Contains(p.labels, i) || p.Rows < leastRows || slices.Contains([]feature.Kind{feature.Constant, feature.Split, feature.Group, feature.Unused}, c.Kind) {
			continue
		}
		for k, pair := range c.leak.pairs {
			if pair.over || len(pair.forward) < 2 || 2*len(pair.forward) > p.Rows {
				continue
			}
			label := p.Columns[p.labels[k]].Title
			if c.Asked {
				p.warn("column %s says the same as the labels %s in every row", c.Title, label)
				break
			}
			p.warn("column %s says the same as the labels %s in every row, and is not used: with it there is nothing to learn. If it is known before the label is, use it with --column %s=%s",
				c.Title, label, escape.Terminal(p.selector(i)), c.Kind)
			c.Kind, c.Hint = feature.Unused, "it says the same as the labels in every row"
			break
		}
	}
}
