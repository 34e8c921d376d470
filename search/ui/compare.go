package ui

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"mixmas/search/chart"
	"mixmas/search/config"
	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// compareView shows runs side by side.
type compareView struct {
	Runs    []runRow
	Table   []comparedRow // facts and what came out
	Differ  []comparedRow // of the configurations
	Same    []comparedRow
	Figures []chart.Figure
	Missing []string // why something is not shown
}

// compare shows runs side by side.
func (s *server) compare(w http.ResponseWriter, r *http.Request) {
	ids := unique(r.URL.Query()["run"])
	if len(ids) < 2 || len(ids) > mostCompared {
		fail(w, http.StatusBadRequest, fmt.Sprintf("Select two to %d runs in the list.", mostCompared))
		return
	}
	var list []runs.Run
	for _, id := range ids {
		run, err := runs.Get(r.Context(), s.store, id)
		if err != nil {
			failed(w, err)
			return
		}
		list = append(list, run)
	}
	s.show(w, "compare", page{Title: "Runs compared"}, s.compared(r.Context(), list))
}

func (s *server) compared(ctx context.Context, list []runs.Run) *compareView {
	v := &compareView{}
	facts, configurations := newComparison(len(list)), newComparison(len(list))
	outcomes := newComparison(len(list))
	var curves []store.Score
	var names []string
	for i, run := range list {
		row := s.row(run)
		v.Runs = append(v.Runs, row)
		facts.set(i, "state", row.State)
		facts.set(i, "error", run.Error)
		facts.set(i, "started", row.Started)
		facts.set(i, "time", row.Took)
		facts.set(i, "kind", run.Kind)
		facts.set(i, "data", run.Data.Name)
		facts.set(i, "rows", fmt.Sprintf("%s, %s, %s", report.Comma(run.Data.Train), report.Comma(run.Data.Validation), report.Comma(run.Data.Test)))
		facts.set(i, "fingerprint", run.Data.Fingerprint)
		facts.set(i, "machine", run.Machine)
		facts.set(i, "numerics", run.Numerics)
		facts.set(i, "program", run.Version)
		facts.set(i, "command", strings.Join(run.Command, " "))
		configurations.configuration(i, run.Configuration)
		d, _, err := runs.Document(ctx, s.store, run)
		if err != nil {
			v.Missing = append(v.Missing, row.Name+": "+shown(err.Error()))
		}
		outcomes.document(i, d)
		var keys []string
		if err := s.courses.of(ctx, s.store, run, func(c *course) { keys = c.final(d) }); err != nil {
			v.Missing = append(v.Missing, row.Name+": "+shown(err.Error()))
		}
		for _, key := range keys {
			if sc, known := s.score(ctx, key); known && len(sc.Curve) > 0 {
				curves, names = append(curves, sc), append(names, row.Name+": "+shown(sc.Name))
				break
			}
		}
	}
	for i := range facts.rows { // every run has its own
		facts.rows[i].Differs = facts.rows[i].Differs && !slices.Contains([]string{"state", "error", "started", "time", "command"}, facts.rows[i].Name)
	}
	v.Table = slices.Concat(facts.rows, outcomes.rows)
	v.Table = slices.DeleteFunc(v.Table, func(r comparedRow) bool {
		return !slices.ContainsFunc(r.Cells, func(cell string) bool { return cell != "" })
	})
	v.Differ, v.Same = configurations.split()
	v.Figures = learningCurves(curves, func(i int) string { return names[i] })
	return v
}

// document sets what came out of a run.
func (c *comparison) document(column int, d report.Document) {
	for _, stage := range d.Stages {
		text := stage.Winner
		if i := slices.IndexFunc(stage.Candidates, func(one report.Candidate) bool { return one.Name == stage.Winner }); i >= 0 {
			text += fmt.Sprintf(" (%s %s)", stage.Metric, stage.Candidates[i].Score.Text())
		}
		c.set(column, "winner of "+stage.Name, text)
	}
	result := newResult(d)
	if result == nil {
		return
	}
	for _, m := range result.Models {
		for _, score := range []struct{ split, text string }{{"validation", m.Validation}, {"test", m.Test}} {
			if score.text != "" {
				c.set(column, m.Kind+", "+result.Metric+" on "+score.split, score.text)
			}
		}
	}
}

// final returns the keys of the trainings whose curves stand for a run: the full training of the winner, else the winner.
func (c *course) final(d report.Document) (keys []string) {
	for _, s := range c.stages {
		if s.candidates == 0 && !s.decided && len(s.jobs) > 0 {
			keys = append(keys, s.jobs[0].key)
		}
	}
	if d.Winner != "" {
		keys = append(keys, d.Winner)
	}
	for _, s := range slices.Backward(d.Stages) {
		for _, candidate := range s.Candidates {
			if candidate.Name == s.Winner {
				keys = append(keys, candidate.Key)
			}
		}
	}
	return keys
}

// configuration sets the values of a configuration.
func (c *comparison) configuration(column int, text string) {
	fields, err := config.Fields(text)
	if err != nil {
		c.set(column, "(unreadable)", text)
	}
	for _, f := range fields {
		c.set(column, f.Name, f.Value)
	}
}
