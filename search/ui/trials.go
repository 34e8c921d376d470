package ui

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"

	"mixmas/search/chart"
	"mixmas/search/report"
	"mixmas/search/store"
)

// mostCompared is how many runs or trials are shown side by side.
const mostCompared = 6

// trialsView shows trials side by side.
type trialsView struct {
	Trials  []trialHead
	Table   []comparedRow // facts and metrics
	Differ  []comparedRow // of the specifications
	Same    []comparedRow
	Figures []chart.Figure
}

// trialHead is the head of a column.
type trialHead struct{ Key, Short, Name string }

// comparedRow is a line with a value per column; "" means that there is none. Differs says that not all are equal.
type comparedRow struct {
	Name    string
	Cells   []string
	Differs bool
}

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
	facts := newComparison(len(list))
	specifications := newComparison(len(list))
	for i, sc := range list {
		v.Trials = append(v.Trials, trialHead{sc.Key, fmt.Sprintf("%.12s", sc.Key), shown(sc.Name)})
		facts.set(i, "status", string(sc.Status))
		if sc.Reason != "" {
			facts.set(i, "reason", sc.Reason)
		}
		for _, name := range slices.Sorted(maps.Keys(sc.Metrics)) {
			facts.set(i, name, report.Number(sc.Metrics[name]).Text())
		}
		facts.set(i, "parameters", report.Comma(sc.Parameters))
		if sc.FLOPs > 0 {
			facts.set(i, "FLOPs per step", chart.Short(float64(sc.FLOPs)))
		}
		facts.set(i, "epochs", report.Comma(len(sc.Curve)))
		facts.set(i, "time", report.Duration(sc.Seconds))
		facts.set(i, "ended", when(sc.Finished))
		facts.set(i, "first computed by the search", sc.Search)
		facts.set(i, "machine", sc.Machine)
		facts.set(i, "numerics", sc.Numerics)
		var specification any
		if json.Unmarshal(sc.Specification, &specification) == nil {
			specifications.flatten(i, "", specification)
		}
	}
	v.Table = facts.rows
	v.Differ, v.Same = specifications.split()
	v.Figures = learningCurves(list, func(i int) string { return v.Trials[i].Name })
	return v
}

// learningCurves draws the curves of scores over each other.
func learningCurves(list []store.Score, name func(i int) string) (figures []chart.Figure) {
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
			one := chart.Series{Name: name(i)}
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

// comparison is a table with a column for each of several things.
type comparison struct {
	columns int
	rows    []comparedRow
	index   map[string]int
}

// mostValues is how many values are compared.
const mostValues = 5000

func newComparison(columns int) *comparison {
	return &comparison{columns: columns, index: map[string]int{}}
}

// set sets a value of a column.
func (c *comparison) set(column int, name, text string) {
	i, known := c.index[name]
	if !known {
		if len(c.rows) == mostValues {
			return
		}
		i = len(c.rows)
		c.index[name] = i
		c.rows = append(c.rows, comparedRow{Name: shown(name), Cells: make([]string, c.columns)})
	}
	row := &c.rows[i]
	row.Cells[column] = shown(text)
	row.Differs = slices.ContainsFunc(row.Cells, func(cell string) bool { return cell != row.Cells[0] })
}

// flatten sets the values of JSON by their paths.
func (c *comparison) flatten(column int, path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			c.flatten(column, strings.TrimPrefix(path+" › "+name, " › "), value[name])
		}
	case []any:
		for i, v := range value {
			c.flatten(column, fmt.Sprintf("%s %d", path, i+1), v)
		}
	case float64:
		c.set(column, path, fmt.Sprintf("%.12g", value))
	default:
		c.set(column, path, fmt.Sprint(value))
	}
}

// split returns the rows whose values differ, and the others.
func (c *comparison) split() (differ, same []comparedRow) {
	for _, row := range c.rows {
		if row.Differs {
			differ = append(differ, row)
		} else {
			same = append(same, row)
		}
	}
	return differ, same
}

// score returns the score with a key, if there is one that can be read.
func (s *server) score(ctx context.Context, key string) (store.Score, bool) {
	if key == "" {
		return store.Score{}, false
	}
	sc, err := s.store.Get(ctx, key)
	return sc, err == nil
}
