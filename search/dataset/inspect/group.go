package inspect

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/tabular"
)

// modality is a modality of the proposal.
type modality struct {
	name    string
	kind    string // of the format records
	columns []int
}

// mostFeatures is the length of lists that are features of a table; longer ones are series.
const mostFeatures = 16

// mostTexts is the number of texts that are modalities; more are joined.
const mostTexts = 3

// group puts columns into modalities: a picture and an array each make one, and so do few texts; lists of one length make a series,
// everything else a table.
func (p *Proposal) group() error {
	var table, texts []int
	var series []modality
	add := func(kind string, columns ...int) {
		name := p.Columns[columns[0]].Name
		if name == tabular.FileName {
			name = kind // the name of the layout's column says nothing
		}
		p.modalities = append(p.modalities, modality{name: p.unused(name, kind), kind: kind, columns: columns})
	}
	for i := range p.Columns {
		c := &p.Columns[i]
		switch c.Kind {
		case feature.Picture:
			add("image", i)
		case feature.Array:
			if c.series {
				add("series", i)
			} else {
				add("array", i)
			}
		case feature.Text:
			texts = append(texts, i)
		case feature.List:
			least, most := c.profile.Lengths()
			c.length = [2]int{least, most}
			if least == most && most <= mostFeatures && most > 0 {
				table = append(table, i)
				break
			}
			at := slices.IndexFunc(series, func(m modality) bool { return p.Columns[m.columns[0]].length == c.length })
			if at < 0 {
				series = append(series, modality{kind: "series", columns: []int{i}})
			} else {
				series[at].columns = append(series[at].columns, i)
			}
		case feature.Number, feature.Category, feature.Date, feature.Set:
			table = append(table, i)
		}
	}
	if len(texts) > mostTexts {
		p.modalities = append(p.modalities, modality{name: p.unused("text", "text"), kind: "text", columns: texts})
	} else {
		for _, i := range texts {
			add("text", i)
		}
	}
	for _, m := range series {
		if m.name = "series"; len(m.columns) == 1 {
			m.name = p.Columns[m.columns[0]].Name
		}
		m.name = p.unused(m.name, "series")
		p.modalities = append(p.modalities, m)
	}
	if len(table) > 0 {
		p.modalities = append(p.modalities, modality{name: p.unused("table", "table"), kind: "table", columns: table})
	}
	if len(p.modalities) == 0 {
		var reasons []string
		for _, c := range p.Columns[:min(len(p.Columns), 5)] {
			reasons = append(reasons, fmt.Sprintf("%s: %s", c.Title, c.why()))
		}
		return fmt.Errorf("there is no column to predict from (%s): say with --column COLUMN=KIND what one is", strings.Join(reasons, "; "))
	}
	return nil
}

// unused makes a name of a modality: of letters, digits and underscores, and not that of another one.
func (p *Proposal) unused(name, otherwise string) string {
	const longest = 40
	var b strings.Builder
	for _, r := range strings.TrimSpace(name) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
		if b.Len() >= longest {
			break
		}
	}
	name = strings.Trim(b.String(), "_")
	if name == "" {
		name = otherwise
	}
	taken := func(name string) bool {
		return slices.ContainsFunc(p.modalities, func(m modality) bool { return m.name == name })
	}
	unique := name
	for n := 2; taken(unique); n++ {
		unique = fmt.Sprintf("%s_%d", name, n)
	}
	return unique
}

// why is the reason and the hint of a column.
func (c *Column) why() string {
	if c.Hint == "" {
		return c.Reason
	}
	return c.Reason + "; " + c.Hint
}
