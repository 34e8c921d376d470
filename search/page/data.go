package page

import (
	"cmp"
	"fmt"
	"strings"

	"mixmas/search/chart"
	"mixmas/search/dataset"
	"mixmas/search/report"
)

// data is what the data are.
func (c *Contents) data() (blocks []block) {
	d := c.Document.Dataset
	t := &table{Caption: "Rows", Head: []string{"split", "rows"}, Words: 1}
	for i, n := range []int{d.Train, d.Validation, d.Test} {
		t.Rows = append(t.Rows, row{Cells: []string{dataset.Split(i).String(), report.Comma(n)}})
	}
	if s := c.Document.Sample; s.Size > 0 {
		t.Note = fmt.Sprintf("The search trained candidates on %s, %s of the training rows.", report.Count(s.Size, "row"), percent(s.Fraction))
	}
	warnings := d.Warnings
	a := c.Assessment
	if a == nil {
		return []block{{Warnings: warnings, Table: t}}
	}
	if len(warnings) == 0 {
		warnings = a.Data.Warnings
	}
	blocks = append(blocks, block{Warnings: warnings, List: a.Data.Duplicates})
	blocks = append(blocks, block{Title: "Rows and classes", Table: t})
	if n := len(a.Data.Classes); n > 0 {
		const most = 40 // classes of a drawing
		f := chart.Bars{Title: "Rows of each class", X: "rows", Groups: a.Data.Classes[:min(most, n)]}
		for i, counts := range a.Data.Counts {
			s := chart.BarSeries{Name: dataset.Split(i).String()}
			for _, k := range counts {
				s.Values = append(s.Values, float64(k))
			}
			f.Series = append(f.Series, s)
		}
		text := ""
		if more := n + a.Data.MoreClasses - most; more > 0 {
			text = fmt.Sprintf("The first %d of %d classes.", most, n+a.Data.MoreClasses)
		}
		blocks[len(blocks)-1].Figures = []figure{{Name: "classes", Drawn: f, Text: text}}
		blocks[len(blocks)-1].Beside = true
	}
	if t := c.modalityTable(); t != nil {
		blocks = append(blocks, block{Title: "Modalities and what is missing", Table: t})
	}
	var cards []card
	for _, s := range a.Data.Samples {
		for _, i := range s.Shown {
			if v, ok := shownCard(a, i, cmp.Or(s.Class, "no class"), ""); ok {
				v.Note = fmt.Sprintf("row %d of %s", a.Shown[i].Row, a.Shown[i].Split)
				cards = append(cards, v)
			}
		}
	}
	if len(cards) > 0 {
		blocks = append(blocks, block{Title: "Samples to look at", Cards: cards})
	}
	return blocks
}

// modalityTable lists the modalities with what is missing.
func (c *Contents) modalityTable() *table {
	a := c.Assessment
	if len(a.Data.Modalities) == 0 {
		return nil
	}
	t := &table{Caption: "Modalities", Head: []string{"modality", "form", "lengths", "missing in training rows", "in validation rows", "in test rows"}, Words: 6}
	for _, m := range a.Data.Modalities {
		cells := []string{m.Name, m.Form, m.Lengths[0]}
		for i, missing := range m.Missing {
			var parts []string
			if missing.Rows > 0 {
				parts = append(parts, fmt.Sprintf("all of %s (%s)", report.Count(missing.Rows, "row"), percent(float64(missing.Rows)/float64(max(1, a.Data.Surveyed[i])))))
			}
			if missing.Values > 0 {
				parts = append(parts, percent(float64(missing.Values)/float64(max(1, missing.Of)))+" of values")
			}
			if len(parts) == 0 {
				parts = []string{"nothing"}
			}
			cells = append(cells, strings.Join(parts, ", "))
		}
		t.Rows = append(t.Rows, row{Cells: cells})
		for _, f := range m.Features {
			t.Rows = append(t.Rows, row{Dull: true, Cells: []string{m.Name + ": " + f.Name, "", "", report.Count(f.Missing[0], "value"), report.Count(f.Missing[1], "value"), report.Count(f.Missing[2], "value")}})
		}
	}
	if a.Data.Surveyed != a.Data.Rows {
		t.Note = fmt.Sprintf("Of %s, evenly spaced.", report.Count(a.Data.Surveyed[0], "training row"))
	}
	return t
}
