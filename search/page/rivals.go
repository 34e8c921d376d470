package page

import (
	"math"
	"slices"
	"strings"

	"mixmas/search/chart"
	"mixmas/search/metric"
	"mixmas/search/report"
)

// difference is by how much a model is better than another, with a 95% interval: Newcombe's, by both intervals. It is too wide
// rather than too narrow, because the rows of both are the same.
func difference(name string, own, other *report.Scored) (d, low, high float64) {
	d = float64(own.Score - other.Score)
	up := math.Hypot(float64(own.High-own.Score), float64(other.Score-other.Low))
	down := math.Hypot(float64(own.Score-own.Low), float64(other.High-other.Score))
	if metric.LowerIsBetter(name) {
		return -d, -d - up, -d + down
	}
	return d, d - down, d + up
}

// rival is a baseline beside the answer.
type rival struct {
	report.Baseline
	score         *report.Scored
	by, low, high float64
}

// rivals are the baselines with a score on the split that judges the answer, the best first.
func (c *Contents) rivals() (list []rival) {
	_, own, found := c.answer()
	score, split := judged(own)
	if !found || score == nil {
		return nil
	}
	for _, b := range c.Document.Baselines {
		other := b.Test
		if split == "validation" {
			other = b.Validation
		}
		if other == nil || math.IsNaN(float64(other.Score)) {
			continue
		}
		r := rival{Baseline: b, score: other}
		r.by, r.low, r.high = difference(c.metric(), score, other)
		list = append(list, r)
	}
	slices.SortStableFunc(list, func(a, b rival) int {
		switch {
		case a.by < b.by:
			return -1
		case a.by > b.by:
			return 1
		}
		return 0
	})
	return list
}

// called is what a manager would call the kinds of baselines, in the order in which they are told.
var called = []struct {
	name   string
	itself string // of a model that is the same
	kinds  []string
}{
	{"the most frequent class", "", []string{report.Majority}},
	{"the best single modality", "the best single modality", []string{report.SingleModality}},
	{"linear models", "a fusion of linear models", []string{report.Linear, report.LinearLateFusion}},
	{"late fusion", "a late fusion of trained encoders", []string{report.LateFusionWinners, report.LateFusionAll}},
	{"a default architecture", "the default architecture", []string{report.Default, report.DefaultFull}},
}

// isItself reports whether the answer is a baseline: it combines the same models, or is the searched model, which ties with a baseline
// that it is not said to lose to.
func (c *Contents) isItself(b report.Baseline) bool {
	field, own, _ := c.answer()
	if len(own.Members) > 0 || len(b.Members) > 0 {
		keys := func(f report.Final) (list []string) {
			for _, m := range f.Members {
				list = append(list, m.Key)
			}
			return slices.Sorted(slices.Values(list))
		}
		return slices.Equal(keys(own), keys(b.Final))
	}
	return field == "searched" && !b.Beats && b.Validation != nil && own.Validation != nil && b.Validation.Score == own.Validation.Score
}

// beats says what the answer beats and what it does not, by how much.
func (c *Contents) beats() string {
	m := c.metric()
	var itself, better, untested, unclear, worse, missing []string
	rivals := c.rivals()
	_, own, _ := c.answer()
	for _, kind := range called {
		of := func(b report.Baseline) bool { return slices.Contains(kind.kinds, b.Kind) }
		i := slices.IndexFunc(rivals, func(r rival) bool { return of(r.Baseline) }) // the best of them
		if slices.Contains(kind.kinds, report.SingleModality) && c.modalities() == 1 {
			continue // it is another candidate for the same data
		}
		if kind.itself != "" && slices.ContainsFunc(c.Document.Baselines, func(b report.Baseline) bool { return of(b) && c.isItself(b) }) {
			itself = append(itself, kind.itself)
			continue
		}
		if i < 0 {
			if slices.ContainsFunc(c.Document.Baselines, of) {
				missing = append(missing, kind.name)
			}
			continue
		}
		r := rivals[i]
		name, which := kind.name, ""
		if r.Kind == report.SingleModality && r.Modality != "" {
			which = r.Modality
		}
		if strings.HasPrefix(own.Name, lateFusion) && strings.HasPrefix(r.Name, lateFusion) {
			name = "the " + r.Name // which one
		}
		with := func(notes ...string) string {
			notes = slices.DeleteFunc(append([]string{which}, notes...), func(s string) bool { return s == "" })
			if len(notes) == 0 {
				return name
			}
			return name + " (" + strings.Join(notes, ": ") + ")"
		}
		switch {
		case r.low > 0:
			better = append(better, with()+" by "+points(m, r.by))
		case r.high < 0:
			worse = append(worse, with()+" by "+points(m, r.by))
		case r.by == 0:
			unclear = append(unclear, with("equal"))
		case math.IsNaN(r.low):
			untested = append(untested, with(points(m, r.by)+side(r.by)))
		default:
			unclear = append(unclear, with(points(m, r.by)+side(r.by)+", which may be chance"))
		}
	}
	var parts []string
	if len(itself) > 0 {
		parts = append(parts, "is itself "+series(itself))
	}
	if len(better) > 0 {
		parts = append(parts, "beats "+series(better))
	}
	if len(untested) > 0 {
		parts = append(parts, "was not tested against "+series(untested))
	}
	if len(unclear) > 0 {
		parts = append(parts, "is not clearly better than "+series(unclear))
	}
	if len(worse) > 0 {
		parts = append(parts, "is behind "+series(worse))
	}
	if len(missing) > 0 {
		parts = append(parts, "was not compared with "+series(missing)+", for lack of a score on these rows")
	}
	if len(parts) == 0 {
		return ""
	}
	return "It " + strings.Join(parts, "; it ") + "."
}

// side says on which side of another the answer is.
func side(by float64) string {
	if by > 0 {
		return " ahead"
	}
	return " behind"
}

// modalities is how many modalities the data have; 0 if that is not known.
func (c *Contents) modalities() int {
	if c.Assessment != nil {
		return len(c.Assessment.Data.Modalities)
	}
	if c.Model != nil {
		return len(c.Model.Modalities)
	}
	return 0
}

// against compares the answer with the baselines.
func (c *Contents) against() []block {
	rivals := c.rivals()
	if len(rivals) == 0 {
		return nil
	}
	m := c.metric()
	_, own, _ := c.answer()
	score, split := judged(own)
	f := chart.Intervals{Title: "The model to use beside the baselines", X: metricName(m) + " on " + split}
	t := &table{Caption: "The model to use beside the baselines", Head: []string{"model", "verdict", metricName(m) + " on " + split, "better by"}, Words: 2}
	name := title(own.Name)
	f.Rows = append(f.Rows, chart.Interval{Name: name, Value: float64(score.Score), Low: float64(score.Low), High: float64(score.High), Standing: chart.Chosen})
	t.Rows = append(t.Rows, row{Cells: []string{name, "", score.Text(), ""}, Strong: true})
	for _, r := range rivals {
		standing, verdict := chart.Close, "a tie"
		switch {
		case r.low > 0:
			standing, verdict = chart.Behind, "beaten"
		case r.high < 0:
			standing, verdict = chart.Plain, "better"
		case c.isItself(r.Baseline):
			verdict = "the same"
		case math.IsNaN(r.low):
			verdict = "not tested"
		}
		f.Rows = append(f.Rows, chart.Interval{Name: r.Name, Value: float64(r.score.Score), Low: float64(r.score.Low), High: float64(r.score.High), Standing: standing, Note: verdict})
		by := signed(m, r.by)
		if !math.IsNaN(r.low) {
			by += " [" + signed(m, r.low) + ", " + signed(m, r.high) + "]"
		}
		t.Rows = append(t.Rows, row{Cells: []string{r.Name, verdict, r.score.Text(), by}, Dull: r.low > 0})
	}
	unit := ""
	if percentages(m) {
		unit = ", in points"
	}
	t.Note = "A tie means that the two cannot be told apart: the interval of the difference contains 0. Better by is how much the model to use is ahead" + unit + ", with a 95% interval: Newcombe's from the intervals of both, rather too wide, because both were scored on the same rows."
	return []block{{Title: "What it beats, and what it does not", Figures: []figure{{Name: "baselines", Drawn: f, Tabled: true, Bare: true}}, Table: t, Beside: true}}
}
