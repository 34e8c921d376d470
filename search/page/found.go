package page

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmas/search/chart"
	"mixmas/search/report"
	"mixmas/search/runs"
)

// answer is the model that the report is about: the one to use, or the searched one, and its field in the document.
func (c *Contents) answer() (field string, f report.Final, found bool) {
	d := c.Document
	fields, finals := d.Finals()
	for _, want := range []string{func() string {
		if d.Answer == nil {
			return ""
		}
		return d.Answer.Model
	}(), "searched"} {
		if i := slices.Index(fields, want); i >= 0 {
			return fields[i], finals[i], true
		}
	}
	if len(finals) > 0 { // such as an ensemble of its own
		return fields[0], finals[0], true
	}
	if d.Model == nil {
		return "", f, false
	}
	validation, test, _ := d.AsPredicted()
	f = report.Final{Name: d.Model.Name, Path: d.Model.Path, Params: d.Model.Params, Thresholds: d.Model.Thresholds, Validation: plain(validation, d.Metric(), d.Dataset.Validation)}
	if d.Test != nil {
		f.Test = plain(test, d.Metric(), d.Dataset.Test)
	}
	return "searched", f, true
}

// plain is a score of a document that has only metrics, with an interval if it is a share of rows.
func plain(metrics map[string]report.Number, name string, rows int) *report.Scored {
	v, has := metrics[name]
	if !has {
		if v, has = metrics["accuracy"]; !has {
			return nil
		}
		name = "accuracy"
	}
	c := report.Candidate{Score: v, Interval: report.Interval(name, float64(v), rows)}
	s := &report.Scored{Score: v, Low: report.Number(math.NaN()), High: report.Number(math.NaN()), Metrics: metrics}
	if low, high, known := c.Ends(); known {
		s.Low, s.High = report.Number(low), report.Number(high)
	}
	return s
}

// metric is the metric by which models are compared.
func (c *Contents) metric() string {
	if m := c.Document.Metric(); m != "score" {
		return m
	}
	if c.Run != nil && c.Run.Metric != "" {
		return c.Run.Metric
	}
	return "accuracy"
}

// judged is the score of a model that says how good it is: on the test split if there is one.
func judged(f report.Final) (s *report.Scored, split string) {
	if f.Test != nil && !math.IsNaN(float64(f.Test.Score)) {
		return f.Test, "test"
	}
	return f.Validation, "validation"
}

// lead is what was found, in two sentences.
func (c *Contents) lead() []string {
	m := c.metric()
	_, f, found := c.answer()
	s, split := judged(f)
	if !found || s == nil {
		return c.leadOfSearch()
	}
	rows := report.Comma(c.Document.Dataset.Test) + " test rows"
	if split == "validation" {
		rows = report.Comma(c.Document.Dataset.Validation) + " validation rows"
	}
	first := fmt.Sprintf("The model to use, %s, ", nameInSentence(f.Name))
	if c.Document.Answer == nil {
		first = "The trained model "
	}
	switch {
	case math.IsNaN(float64(s.Score)):
		return []string{first + fmt.Sprintf("cannot be judged: its %s is undefined on the %s.", metricName(m), rows)}
	case m == "accuracy" && c.multiLabel():
		first += fmt.Sprintf("gets all labels right in %s of %s", metricValue(m, s.Score), rows)
	case m == "accuracy":
		first += fmt.Sprintf("is right for %s of %s", metricValue(m, s.Score), rows)
	default:
		first += fmt.Sprintf("has a %s of %s on %s", metricName(m), metricValue(m, s.Score), rows)
	}
	if !math.IsNaN(float64(s.Low)) {
		first += fmt.Sprintf(" (95%% interval %s to %s)", metricValue(m, s.Low), metricValue(m, s.High))
	}
	if split == "validation" {
		first += ", which had a part in choosing it: on other rows it may do worse"
	} else {
		first += ", which had no part in the search"
	}
	second := c.beats()
	if second == "" {
		second = "It was compared with no baseline."
	}
	return []string{first + ".", second}
}

// multiLabel reports whether a row may have several labels, as far as is known.
func (c *Contents) multiLabel() bool {
	return c.Assessment != nil && c.Assessment.Data.MultiLabel || c.Model != nil && c.Model.MultiLabel
}

// leadOfSearch is what was found by a search without a full training.
func (c *Contents) leadOfSearch() []string {
	stage, winner, found := c.decided()
	if !found {
		if c.Partial {
			return []string{"No stage of the search has ended yet, so there is no result to report."}
		}
		return nil
	}
	text := fmt.Sprintf("The best architecture of stage %s is %s, with a %s of %s on validation rows", stage.Name, winner.Name, metricName(stage.Metric), metricValue(stage.Metric, winner.Score))
	if low, high, known := winner.Ends(); known {
		text += fmt.Sprintf(" (95%% interval %s to %s)", metricValue(stage.Metric, report.Number(low)), metricValue(stage.Metric, report.Number(high)))
	}
	lead := []string{text + "."}
	if !c.Partial {
		lead = append(lead, "It was only searched, not trained in full, and was compared with no baseline.")
	}
	return lead
}

// decided returns the winner of the search, or of the last stage that has one if the search has not ended.
func (c *Contents) decided() (report.Stage, report.Candidate, bool) {
	if stage, winner, found := c.Document.Chosen(); found || !c.Partial {
		return stage, winner, found
	}
	for _, s := range slices.Backward(c.Document.Stages) {
		for _, k := range s.Candidates {
			if s.Winner != "" && k.Name == s.Winner {
				return s, k, true
			}
		}
	}
	return report.Stage{}, report.Candidate{}, false
}

// nameInSentence is the name of a final model in a sentence.
func nameInSentence(name string) string {
	switch {
	case name == "searched":
		return "the searched model"
	case name == "distilled":
		return "the distilled model"
	case strings.HasPrefix(name, "ensemble of one: "):
		return "the single model " + strings.TrimPrefix(name, "ensemble of one: ")
	case strings.HasPrefix(name, "ensemble of"):
		return "an " + name
	case strings.HasPrefix(name, lateFusion):
		return "a " + name
	}
	return name
}

// lateFusion begins the names of late fusions.
const lateFusion = "late fusion of"

// title is the name of a final model as a heading.
func title(name string) string {
	if name == "searched" {
		return "The searched model"
	}
	if name == "distilled" {
		return "The distilled model"
	}
	return sentenceCase(name)
}

// banner says that a run has not ended, or how.
func (c *Contents) banner() string {
	if c.Run == nil {
		if c.Partial {
			return "This is what was known when the report was made: the search had not ended."
		}
		return ""
	}
	switch c.Run.State {
	case runs.Running:
		return "The run had not ended when this report was made: what follows is what was known then."
	case runs.Interrupted:
		return "The run was stopped before its end: what follows is what was known then. The same command resumes it."
	case runs.Failed:
		return "The run ended with an error: " + c.Run.Error
	}
	return ""
}

// about is the line below the title.
func (c *Contents) about() string {
	d := c.Document
	var parts []string
	if d.Dataset.Name != "" {
		parts = append(parts, "data "+d.Dataset.Name)
	}
	if c.Run != nil {
		parts = append(parts, c.Run.Started.UTC().Format("2 January 2006, 15:04 UTC"))
	}
	if d.Machine != "" {
		parts = append(parts, d.Machine)
	}
	return strings.Join(parts, " · ")
}

// facts are the numbers to see at once.
func (c *Contents) facts() (list []fact) {
	d, m := c.Document, c.metric()
	_, f, found := c.answer()
	if s, split := judged(f); found && s != nil {
		note := ""
		if !math.IsNaN(float64(s.Low)) {
			note = "95% interval " + metricValue(m, s.Low) + " to " + metricValue(m, s.High)
		}
		list = append(list, fact{metricValue(m, s.Score), metricName(m) + " on " + split, note})
	} else if stage, winner, found := c.decided(); found {
		note := ""
		if low, high, known := winner.Ends(); known {
			note = "95% interval " + metricValue(stage.Metric, report.Number(low)) + " to " + metricValue(stage.Metric, report.Number(high))
		}
		list = append(list, fact{metricValue(stage.Metric, winner.Score), metricName(stage.Metric) + " on validation", note})
	}
	if found {
		size := fact{chart.Short(float64(f.Params)), "parameters", ""}
		if f.Latency > 0 {
			size.Note = report.Milliseconds(f.Latency) + " ms per row on one core"
		}
		if f.Params > 0 {
			list = append(list, size)
		}
	}
	candidates := 0
	for _, s := range d.Stages {
		candidates += len(s.Candidates)
	}
	if candidates > 0 {
		note := report.Count(d.Trainings, "training") + " run"
		if d.Trainings == 0 {
			note = "all scores were stored before"
		}
		list = append(list, fact{report.Comma(candidates), "candidates in " + report.Count(len(d.Stages), "stage"), note})
	}
	if d.Seconds > 0 {
		note := ""
		if d.Budget > 0 {
			note = "of a budget of " + report.Duration(d.Budget)
		}
		list = append(list, fact{report.Duration(d.Seconds), "in total", note})
	}
	return list
}

// found compares the answer with the baselines, and says which models to use.
func (c *Contents) found() (blocks []block) {
	if c.Document.Answer != nil {
		a := c.Document.Answer
		_, f, _ := c.answer()
		texts := []string{"Use " + nameInSentence(f.Name) + ", " + a.Path + ": " + a.Reason + "."}
		if a.Single != nil {
			texts = append(texts, c.single())
		}
		blocks = append(blocks, block{Texts: texts})
	}
	if t := c.finals(); t != nil {
		blocks = append(blocks, block{Title: "Which models there are", Table: t})
	}
	return append(blocks, c.against()...)
}

// single says what a single model costs in the place of an ensemble.
func (c *Contents) single() string {
	own := c.Document.Answer.Single
	m := c.metric()
	text := "One model alone is easier to use: " + own.Path
	if own.Behind > 0 {
		text += " is " + points(m, float64(own.Behind)) + " behind on validation"
	} else {
		text += " is not behind on validation"
	}
	if !math.IsNaN(float64(own.Low)) {
		text += " (95% interval of the difference " + signed(m, float64(own.Low)) + " to " + signed(m, float64(own.High)) + ")"
		if own.Behind > 0 && own.Low <= 0 {
			text += ", which may be chance"
		}
	}
	return text + "."
}

// finals is the table of the final models; nil if there are none.
func (c *Contents) finals() *table {
	d, m := c.Document, metricName(c.metric())
	fields, finals := d.Finals()
	if len(finals) == 0 {
		return nil
	}
	t := &table{Caption: "The models that the run ended with", Head: []string{"model", m + " on validation", m + " on test", "parameters", "FLOPs", "ms per row", "file"}, Words: 1, File: true}
	for i, f := range finals {
		name := f.Name
		chosen := d.Answer != nil && d.Answer.Model == fields[i]
		if chosen {
			name += "\u00a0★"
		}
		t.Rows = append(t.Rows, row{Strong: chosen, Cells: []string{name, f.Validation.Text(), f.Test.Text(),
			report.Parameters(f.Params), operations(f.FLOPs), report.Milliseconds(f.Latency), f.Path}})
	}
	if d.Answer != nil {
		t.Note = "★ the model to use. Numbers in brackets are the ends of 95% intervals; times are of one row on one core."
	}
	return t
}

func sentenceCase(text string) string { return strings.TrimSuffix(sentence(text), ".") }

// compared is the table of several runs.
func compared(list []Contents, reports []runReport) *table {
	t := &table{Caption: "The runs of this page", Head: []string{"run", "data", "model to use", "score", "parameters", "time"}, Words: 3}
	for i := range list {
		c := &list[i]
		_, f, found := c.answer()
		cells := []string{reports[i].Name, c.Document.Dataset.Name, "–", "–", "–", report.Duration(c.Document.Seconds)}
		if s, split := judged(f); found && s != nil {
			cells[2], cells[3], cells[4] = f.Name, metricName(c.metric())+" on "+split+" "+s.Text(), report.Parameters(f.Params)
		}
		t.Rows = append(t.Rows, row{Cells: cells})
	}
	return t
}
