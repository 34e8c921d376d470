package ui

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"

	"mixmas/search/chart"
	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// mostCompared is how many runs or trials are shown side by side.
const mostCompared = 6

// trialsView shows trials side by side.
type trialsView struct {
	Trials  []trialHead
	Heads   []head
	Table   []comparedRow // facts and metrics
	Differ  []comparedRow // of the specifications
	Same    []comparedRow
	Figures []chart.Figure
}

// trialHead is the head of a column.
type trialHead struct{ Key, Short, Name string }

// trials shows trials by their keys, or the beginnings of them.
func (s *server) trials(w http.ResponseWriter, r *http.Request) {
	keys := r.URL.Query()["key"]
	if key := r.PathValue("key"); key != "" {
		keys = []string{key}
	}
	switch keys = unique(keys); {
	case len(keys) == 0:
		fail(w, http.StatusBadRequest, "Select the trials to compare on the page of a run.")
		return
	case len(keys) > mostCompared:
		fail(w, http.StatusBadRequest, fmt.Sprintf("Select at most %d trials.", mostCompared))
		return
	}
	var list []store.Score
	for _, key := range keys {
		sc, err := s.store.Find(r.Context(), key)
		if err != nil {
			failed(w, err)
			return
		}
		list = append(list, sc)
	}
	v := newTrialsView(list)
	title := "Trials compared"
	if len(list) == 1 {
		title = v.Trials[0].Name
	}
	s.show(w, "trials", page{Title: title}, v)
}

// unique removes empty and repeated texts.
func unique(list []string) (short []string) {
	for _, text := range list {
		if text != "" && len(text) <= 200 && !slices.Contains(short, text) {
			short = append(short, text)
		}
	}
	return short
}

func newTrialsView(list []store.Score) *trialsView {
	v := &trialsView{}
	var names []string // of curves
	facts, specifications := make([][]runs.Named[string], len(list)), make([]string, len(list))
	for i, sc := range list {
		v.Trials = append(v.Trials, trialHead{sc.Key, fmt.Sprintf("%.12s", sc.Key), shown(sc.Name)})
		v.Heads, names = append(v.Heads, head{letter(i), shown(sc.Name)}), append(names, shown(sc.Name))
		if len(list) > 1 {
			names[i] = letter(i) + ": " + names[i]
		}
		add := func(name, text string) {
			if text != "" {
				facts[i] = append(facts[i], runs.Named[string]{Name: name, Value: &text})
			}
		}
		add("status", string(sc.Status))
		add("reason", sc.Reason)
		for _, name := range slices.Sorted(maps.Keys(sc.Metrics)) {
			add(name, report.Number(sc.Metrics[name]).Text())
		}
		add("parameters", report.Comma(sc.Parameters))
		if sc.FLOPs > 0 {
			add("FLOPs per step", chart.Short(float64(sc.FLOPs)))
		}
		add("epochs", report.Comma(len(sc.Curve)))
		add("time", report.Duration(sc.Seconds))
		add("ended", when(sc.Finished))
		add("first computed by the search", sc.Search)
		add("machine", sc.Machine)
		add("numerics", sc.Numerics)
		specifications[i] = string(sc.Specification)
	}
	v.Table = comparedRows(runs.Rows(facts...))
	v.Differ, v.Same = split(runs.Fields(specifications...))
	v.Figures = learningCurves(list, names)
	return v
}

// learningCurves draws the curves of scores over each other, with their names.
func learningCurves(list []store.Score, names []string) (figures []chart.Figure) {
	for _, kind := range []struct {
		title string
		value func(e store.Epoch) float64
	}{
		{"Validation loss", func(e store.Epoch) float64 { loss, _ := e.Validation(); return loss }},
		{"Training loss", func(e store.Epoch) float64 { return e.TrainLoss }},
		{"Validation metric", func(e store.Epoch) float64 { _, value := e.Validation(); return value }},
	} {
		f := chart.Lines{Title: kind.title + " by epoch", X: "epoch", Y: strings.ToLower(kind.title)}
		drawn := false
		for i, sc := range list {
			one := chart.Series{Name: names[i]}
			for epoch, e := range sc.Curve {
				y := kind.value(e)
				one.X, one.Y = append(one.X, float64(epoch+1)), append(one.Y, y)
				drawn = drawn || !math.IsNaN(y)
			}
			f.Series = append(f.Series, one)
		}
		if drawn {
			figures = append(figures, f)
		}
	}
	return figures
}
