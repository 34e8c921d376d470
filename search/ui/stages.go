package ui

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mixmas/search/chart"
	"mixmas/search/report"
)

// stageView is a choice of the search.
type stageView struct {
	ID, Name, Note string
	Metric         string
	Rows           []candidateRow
	More           int
	Params         bool // they are known
	Figure         chart.Figure
}

// candidateRow is a line of a stage.
type candidateRow struct {
	ID, Key, Name   string
	Score, Interval string
	Params, Seconds string
	Note            string
	Best            bool
}

// stageViews shows the stages by their events.
func (c *course) stageViews() (views []stageView) {
	for i, s := range c.stages {
		v := stageView{ID: fmt.Sprintf("stage-%d", i), Name: shown(s.name), Metric: shown(s.metric)}
		switch {
		case s.decided:
			v.Note = "the winner is " + shown(s.winner)
			if s.standing != "" {
				v.Note += "; " + shown(s.standing)
			}
		case s.candidates > 0:
			v.Note = fmt.Sprintf("%d of %s", len(s.jobs), report.Count(s.candidates, "candidate"))
		default:
			v.Note = report.Count(len(s.jobs), "training")
		}
		for k, j := range s.ranked() {
			if k == mostCandidates {
				v.More = len(s.jobs) - mostCandidates
				break
			}
			row := candidateRow{ID: fmt.Sprintf("%s-%d", v.ID, k), Key: j.key, Name: shown(j.name), Seconds: fmt.Sprintf("%.1f", j.seconds),
				Best: s.decided && j.name == s.winner}
			if len(j.scores) > 0 {
				row.Score = report.Number(j.mean()).Text()
			}
			var notes []string
			if s.repeats > 1 && j.done < s.repeats && !s.decided {
				notes = append(notes, fmt.Sprintf("%d of %d runs", j.done, s.repeats))
			}
			switch {
			case j.failed != "":
				notes = append(notes, "failed: "+shown(j.failed))
			case j.untried:
				notes = append(notes, "not tried: the budget")
			case j.cached > 0 && j.cached == j.done:
				notes = append(notes, "cached")
			}
			row.Note = strings.Join(notes, ", ")
			v.Rows = append(v.Rows, row)
		}
		views = append(views, v)
	}
	return views
}

// add adds the document of a run that has ended: its stages have intervals and verdicts, which events lack.
func (p *runParts) add(d report.Document) {
	byEvents := p.Stages
	p.Stages = nil
	for i, s := range d.Stages {
		p.Stages = append(p.Stages, documentStage(i, s))
	}
	for _, s := range byEvents { // what the document does not list, such as full trainings
		if !slices.ContainsFunc(d.Stages, func(other report.Stage) bool { return shown(other.Name) == s.Name }) {
			s.ID = fmt.Sprintf("stage-%d", len(p.Stages))
			for i := range s.Rows {
				s.Rows[i].ID = fmt.Sprintf("%s-%d", s.ID, i)
			}
			p.Stages = append(p.Stages, s)
		}
	}
	p.Result = newResult(d)
}

// documentStage shows a stage of a document.
func documentStage(i int, s report.Stage) stageView {
	v := stageView{ID: fmt.Sprintf("stage-%d", i), Name: shown(s.Name), Metric: shown(s.Metric), Params: true}
	if s.Winner != "" {
		v.Note = "the winner is " + shown(s.Winner)
	}
	for _, more := range []string{s.Verdict, s.Reason} {
		if more != "" {
			v.Note = strings.TrimPrefix(v.Note+"; "+shown(more), "; ")
		}
	}
	figure := chart.Intervals{Title: "Scores of " + shown(s.Name), X: shown(s.Metric)}
	for k, c := range s.Candidates {
		if k == mostCandidates {
			v.More = len(s.Candidates) - mostCandidates
			break
		}
		row := candidateRow{ID: fmt.Sprintf("%s-%d", v.ID, k), Key: c.Key, Name: shown(c.Name), Best: c.Name == s.Winner}
		if c.Params > 0 {
			row.Params = report.Comma(c.Params)
		}
		if c.Seconds > 0 {
			row.Seconds = fmt.Sprintf("%.1f", c.Seconds)
		}
		mark := chart.Interval{Name: row.Name, Value: float64(c.Score), Low: math.NaN(), High: math.NaN()}
		if !math.IsNaN(mark.Value) {
			row.Score = report.Number(mark.Value).Text()
		}
		if c.Low != nil && c.High != nil {
			mark.Low, mark.High = *c.Low, *c.High
			row.Interval = fmt.Sprintf("%.4f to %.4f", mark.Low, mark.High)
		}
		for _, r := range c.Repeats {
			mark.Points = append(mark.Points, float64(r.Score))
		}
		switch {
		case c.Failed != "":
			row.Note, mark.Note = "failed: "+shown(c.Failed), "failed"
		case c.Standing != "" && c.Standing != report.NotTested:
			row.Note = shown(c.Standing)
		case c.Cached:
			row.Note = "cached"
		}
		switch {
		case row.Best:
			mark.Standing = chart.Chosen
		case c.Standing == report.Tie:
			mark.Standing = chart.Close
		case c.Standing == report.Behind:
			mark.Standing = chart.Behind
		}
		v.Rows, figure.Rows = append(v.Rows, row), append(figure.Rows, mark)
	}
	if len(figure.Rows) > 1 {
		v.Figure = figure
	}
	return v
}
