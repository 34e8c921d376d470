package ui

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"mixmas/search/chart"
	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// compareView shows runs side by side.
type compareView struct {
	Runs    []runRow
	Heads   []head
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
	c := runs.Compare(ctx, s.store, list...)
	var curves []store.Score
	var names []string
	for i, run := range list {
		v.Runs = append(v.Runs, s.row(run))
		v.Heads = append(v.Heads, head{letter(i), v.Runs[i].Name})
		if err := c.Missing[i]; err != nil {
			v.Missing = append(v.Missing, letter(i)+": "+shown(err.Error()))
		}
		if curve := c.Curves[i]; curve != nil {
			curves, names = append(curves, store.Score{Curve: curve.Epochs}), append(names, letter(i)+": "+shown(curve.Name))
		}
	}
	v.Table = comparedRows(c.Facts)
	for i, row := range v.Table { // every run has its own
		v.Table[i].Differs = row.Differs && !slices.Contains([]string{"id", "state", "error", "started", "time", "command", "out"}, row.Name)
	}
	v.Table = slices.DeleteFunc(v.Table, func(row comparedRow) bool { return row.Name == "id" || row.Name == "name" }) // heads of columns
	v.Table = append(v.Table, comparedRows(outcomes(c))...)
	v.Differ, v.Same = split(c.Configuration)
	v.Figures = learningCurves(curves, names)
	return v
}

// head is the head of a column: what is compared has letters, because names may be the same and are long.
type head struct{ Letter, Name string }

// letter is that of a column.
func letter(column int) string { return string(rune('A' + column)) }

// outcomes are the winners and models of a comparison as texts.
func outcomes(c runs.Comparison) (rows []runs.Row[string]) {
	add := func(name string, text func(i int) string) {
		row := runs.Row[string]{Name: name, Values: make([]*string, len(c.Curves))}
		for i := range row.Values {
			if value := text(i); value != "" {
				row.Values[i] = &value
			}
		}
		rows = append(rows, row)
	}
	for _, stage := range c.Stages {
		add("winner of "+stage.Name, func(i int) string {
			if d := stage.Values[i]; d != nil && d.Chosen != nil {
				return fmt.Sprintf("%s (%s %s)", d.Chosen.Winner, d.Metric, d.Chosen.Score.Text())
			}
			return ""
		})
	}
	for _, model := range c.Models {
		for _, split := range []string{"validation", "test"} {
			add(strings.ReplaceAll(model.Name, "_", " ")+", "+split, func(i int) string {
				f := model.Values[i]
				if f == nil {
					return ""
				}
				scored := report.Scored{Score: f.Validation, Low: f.Low, High: f.High}
				if split == "test" {
					scored = report.Scored{Score: f.Test, Low: f.TestLow, High: f.TestHigh}
				}
				return scoredText(&scored)
			})
		}
	}
	return slices.DeleteFunc(rows, func(row runs.Row[string]) bool {
		return !slices.ContainsFunc(row.Values, func(text *string) bool { return text != nil })
	})
}

// comparedRow is a line with a value per column. Differs says that not all are equal.
type comparedRow struct {
	Name    string
	Cells   []comparedCell
	Differs bool
}

// comparedCell is a value with the letter of its column; "" means that there is none.
type comparedCell struct{ Letter, Text string }

// mostValues is how many values are compared.
const mostValues = 5000

// comparedRows are rows as a page shows them.
func comparedRows(rows []runs.Row[string]) (list []comparedRow) {
	for _, r := range rows[:min(mostValues, len(rows))] {
		row := comparedRow{Name: shown(r.Name), Differs: runs.Differs(r)}
		for i, value := range r.Values {
			cell := comparedCell{Letter: letter(i)}
			if value != nil {
				cell.Text = shown(*value)
			}
			row.Cells = append(row.Cells, cell)
		}
		list = append(list, row)
	}
	return list
}

// split returns the rows whose values differ, and the others.
func split(rows []runs.Row[string]) (differ, same []comparedRow) {
	for _, row := range comparedRows(rows) {
		if row.Differs {
			differ = append(differ, row)
		} else {
			same = append(same, row)
		}
	}
	return differ, same
}
