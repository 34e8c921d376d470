package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Metric is the metric by which models are compared: that of the last stage.
func (d Document) Metric() string {
	if len(d.Stages) == 0 {
		return "score"
	}
	return d.Stages[len(d.Stages)-1].Metric
}

// Beaten says which baselines the searched model does not beat, and by how much; empty if it beats all of them.
func (d Document) Beaten() string {
	if d.Searched == nil || d.Searched.Validation == nil {
		return ""
	}
	own := d.Searched.Validation.Score
	var better []Baseline
	for _, b := range d.Baselines {
		if b.Beats && b.Validation != nil && !math.IsNaN(float64(b.Validation.Score)) {
			better = append(better, b)
		}
	}
	slices.SortStableFunc(better, func(a, b Baseline) int { // by how far they are ahead
		x, y := math.Abs(float64(a.Validation.Score-own)), math.Abs(float64(b.Validation.Score-own))
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	const most = 3
	var texts []string
	for _, b := range better[:min(most, len(better))] {
		by := ""
		if difference := float64(b.Validation.Score - own); !math.IsNaN(difference) {
			by = ", " + ahead(d.Metric(), difference)
		}
		texts = append(texts, fmt.Sprintf("%s (%s%s)", b.Name, b.Validation.Score.Text(), by))
	}
	if len(texts) == 0 {
		return ""
	}
	if more := len(better) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	score := own.Text()
	if math.IsNaN(float64(own)) {
		score = "undefined"
	}
	return fmt.Sprintf("the searched model, %s %s on validation, does not beat %s", d.Metric(), score, strings.Join(texts, ", "))
}

// ahead says by how much a baseline is better: in points for shares.
func ahead(metric string, difference float64) string {
	switch size := math.Abs(difference); {
	case size == 0:
		return "equal"
	case metric == "loss":
		return strconv.FormatFloat(size, 'f', 4, 64) + " better"
	case size < 0.0005:
		return "less than 0.1 points better"
	default:
		points := math.Round(1000*size) / 10
		if points == 1 {
			return "1 point better"
		}
		return strconv.FormatFloat(points, 'f', -1, 64) + " points better"
	}
}

// Text writes a score with both ends of its interval; a dash if there is none.
func (s *Scored) Text() string {
	if s == nil {
		return "–"
	}
	return WithInterval(s.Score, s.Low, s.High)
}

// baselinesTable compares the searched model, marked *, with the baselines; those that it does not beat are marked !.
func baselinesTable(d Document) table {
	t := table{columns: []column{left(""), left("model"), right(d.Metric() + " on validation")}}
	test := slices.ContainsFunc(d.Baselines, func(b Baseline) bool { return b.Test != nil })
	if test {
		t.columns = append(t.columns, right("on test"))
	}
	t.columns = append(t.columns, right("params"))
	add := func(mark string, f Final) {
		row := []string{mark, f.Name, f.Validation.Text()}
		if test {
			row = append(row, f.Test.Text())
		}
		t.rows = append(t.rows, append(row, Parameters(f.Params)))
	}
	if d.Searched != nil {
		add("*", *d.Searched)
	}
	for _, b := range d.Baselines {
		mark := ""
		if b.Beats {
			mark = "!"
		}
		add(mark, b.Final)
	}
	return t
}

// Finals are the models that a run ends with, in order, with the names of their fields.
func (d Document) Finals() (fields []string, finals []Final) {
	for _, f := range []struct {
		field string
		*Final
	}{{"searched", d.Searched}, {"ensemble", d.Ensemble}, {"distilled", d.Distilled}, {"cheapest", d.Cheapest}} {
		if f.Final == nil {
			continue
		}
		final := *f.Final
		if f.field == "cheapest" {
			final.Name = cheapestPrefix + final.Name
		}
		fields, finals = append(fields, f.field), append(finals, final)
	}
	return fields, finals
}

// Trained is the model of a document without a searched one, which is what a training alone leaves: with the value of a metric, and
// without intervals.
func (d Document) Trained(metric string) (f Final, found bool) {
	if d.Model == nil || d.Searched != nil {
		return f, false
	}
	nan := Number(math.NaN())
	validation, test, fitted := d.AsPredicted()
	scored := func(metrics, without map[string]Number) *Scored {
		s := &Scored{Score: value(metrics, metric), Low: nan, High: nan, Metrics: metrics}
		if fitted {
			s.MetricsWithoutThresholds = without
		}
		return s
	}
	f = Final{Name: d.Model.Name, Path: d.Model.Path, Params: d.Model.Params, Thresholds: d.Model.Thresholds, Validation: scored(validation, d.Model.Metrics)}
	if d.Test != nil {
		f.Test = scored(test, d.Test.Metrics)
	}
	return f, true
}

const cheapestPrefix = "cheapest within a point: "

// answersTable shows the models that a run ends with; the answer is marked *.
func answersTable(d Document) table {
	split := "test"
	score := func(f Final) *Scored { return f.Test }
	if d.Searched == nil || d.Searched.Test == nil {
		split, score = "validation", func(f Final) *Scored { return f.Validation }
	}
	fields, finals := d.Finals()
	timed := slices.ContainsFunc(finals, func(f Final) bool { return f.Latency > 0 })
	t := table{columns: []column{left(""), left("model"), right(d.Metric() + " on " + split), right("params")}}
	if timed {
		t.columns = append(t.columns, right("ms per row"))
	}
	t.columns = append(t.columns, left("file"))
	for i, f := range finals {
		mark := ""
		if d.Answer != nil && d.Answer.Model == fields[i] {
			mark = "*"
		}
		row := []string{mark, f.Name, score(f).Text(), Parameters(f.Params)}
		if timed {
			row = append(row, Milliseconds(f.Latency))
		}
		t.rows = append(t.rows, append(row, f.Path))
	}
	return t
}

// answerLine names the answer and says why it is.
func answerLine(d Document) string {
	name, _ := d.named(d.Answer.Model)
	return fmt.Sprintf("%s, %s: %s", name, d.Answer.Path, d.Answer.Reason)
}

// named returns the name of a model that the run ends with, by the name of its field, and the model.
func (d Document) named(field string) (string, Final) {
	fields, finals := d.Finals()
	if i := slices.Index(fields, field); i >= 0 {
		return finals[i].Name, finals[i]
	}
	return field, Final{}
}

// singleLine says what one loses and gains who takes the best single model in the place of an ensemble.
func singleLine(d Document) string {
	own := d.Answer.Single
	name, model := d.named(own.Model)
	_, whole := d.named(d.Answer.Model)
	scale, form, unit := 100.0, "%.1f", "points"
	if d.Metric() == "loss" {
		scale, form, unit = 1, "%.4f", "of loss"
	}
	scaled := func(x Number) string {
		return fmt.Sprintf(form, scale*float64(x))
	}
	text := fmt.Sprintf("%s, %s, is easier to use: ", strings.TrimPrefix(name, cheapestPrefix), own.Path)
	behind := scaled(own.Behind)
	ahead := own.Behind <= 0 || strings.Trim(behind, "0.") == ""
	if ahead {
		text += "not behind on validation"
	} else {
		text += fmt.Sprintf("%s %s behind on validation", behind, unit)
	}
	if !math.IsNaN(float64(own.Low)) {
		text += fmt.Sprintf(" [%s, %s]", scaled(own.Low), scaled(own.High))
		switch {
		case ahead:
			text += " " + unit
		case own.Low <= 0:
			text += ", which may be chance"
		}
	}
	if model.FLOPs > 0 && whole.FLOPs > model.FLOPs {
		text += fmt.Sprintf("; %s of the operations per prediction", percent(float64(model.FLOPs)/float64(whole.FLOPs)))
	}
	return text
}

// WriteEnsemble writes the members of an ensemble and its scores. It returns only errors of w.
func WriteEnsemble(w io.Writer, metric string, f Final) error {
	var b strings.Builder
	members := table{columns: []column{right("weight"), right("temperature"), left("member")}}
	for _, m := range f.Members {
		members.rows = append(members.rows, []string{Number(m.Weight).Text(), Number(m.Temperature).Text(), m.Name})
	}
	if len(members.rows) > 0 {
		members.text(&b)
		b.WriteString("\n")
	}
	scores := table{columns: []column{left("model"), right(metric + " on validation"), right("on test"), right("params"), right("ms per row"), left("file")},
		rows: [][]string{{f.Name, f.Validation.Text(), f.Test.Text(), Parameters(f.Params), Milliseconds(f.Latency), f.Path}}}
	scores.text(&b)
	_, err := io.WriteString(w, b.String())
	return err
}
