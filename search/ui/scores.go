package ui

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/store"
)

// scoresView is a page of the scores of the store, also of those that belong to no run.
type scoresView struct {
	Query, Metric, Sort string
	Metrics, Sorts      []string
	Rows                []scoreRow
	From, To, Of        int
	Next, Previous      string // addresses of the other pages; "" for none
	Damaged             string
	Filtered            bool
}

// scoreRow is a line of the list.
type scoreRow struct{ Key, Short, Name, Search, Value, Params, Seconds, Ended string }

// scoreOrders are the ways to sort scores.
var scoreOrders = map[string]func(a, b store.Summary) int{
	"name":       func(a, b store.Summary) int { return strings.Compare(a.Name, b.Name) },
	"parameters": func(a, b store.Summary) int { return cmp.Compare(a.Parameters, b.Parameters) },
	"time":       func(a, b store.Summary) int { return cmp.Compare(a.Seconds, b.Seconds) },
	"newest":     func(a, b store.Summary) int { return b.Finished.Compare(a.Finished) },
}

const byMetric = "metric"

// scores shows the scores of the store, the best first.
func (s *server) scores(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	v := &scoresView{Query: shown(query.Get("q")), Metric: cmp.Or(query.Get("metric"), "accuracy"), Sort: cmp.Or(query.Get("sort"), byMetric),
		Metrics: metric.AllNames(), Sorts: []string{byMetric, "name", "parameters", "time", "newest"}}
	order := scoreOrders[v.Sort]
	if !slices.Contains(v.Metrics, v.Metric) || order == nil && v.Sort != byMetric {
		fail(w, http.StatusBadRequest, "There is no metric "+shown(v.Metric)+", or no order "+shown(v.Sort)+".")
		return
	}
	list, err := s.store.Summaries(r.Context(), v.Metric)
	switch {
	case errors.Is(err, store.ErrDamaged) && len(list) > 0:
		v.Damaged = shown(err.Error())
	case err != nil:
		failed(w, err)
		return
	}
	wanted := strings.ToLower(v.Query)
	list = slices.DeleteFunc(list, func(sc store.Summary) bool {
		return !strings.Contains(strings.ToLower(sc.Name), wanted) && !strings.Contains(strings.ToLower(sc.Search), wanted) &&
			!strings.HasPrefix(sc.Key, wanted) && !strings.HasPrefix(sc.Data, wanted)
	})
	if order == nil {
		order = func(a, b store.Summary) int { return better(v.Metric, a, b) }
	}
	slices.SortFunc(list, func(a, b store.Summary) int { return cmp.Or(order(a, b), strings.Compare(a.Key, b.Key)) })
	first, _ := strconv.Atoi(query.Get("from"))
	first = max(0, min(first, len(list)-1)) / mostRuns * mostRuns
	last := min(first+mostRuns, len(list))
	address := func(from int) string {
		return "/scores?" + url.Values{"q": {v.Query}, "metric": {v.Metric}, "sort": {v.Sort}, "from": {strconv.Itoa(from)}}.Encode()
	}
	if first > 0 {
		v.Previous = address(first - mostRuns)
	}
	if last < len(list) {
		v.Next = address(last)
	}
	v.From, v.To, v.Of, v.Filtered = first+1, last, len(list), wanted != ""
	for _, sc := range list[first:last] {
		v.Rows = append(v.Rows, newScoreRow(sc))
	}
	s.show(w, "scores", page{Title: "Scores"}, v)
}

func newScoreRow(sc store.Summary) scoreRow {
	row := scoreRow{Key: sc.Key, Short: fmt.Sprintf("%.12s", sc.Key), Name: shown(sc.Name), Search: shown(sc.Search), Params: report.Comma(sc.Parameters),
		Seconds: fmt.Sprintf("%.1f", sc.Seconds), Ended: when(sc.Finished)}
	value := sc.Values[0]
	if !math.IsNaN(value) {
		row.Value = report.Number(value).Text()
	}
	switch sc.Status {
	case store.Failed:
		row.Value = "failed"
	case store.Partial:
		row.Value = strings.TrimSpace(fmt.Sprintf("%s (epoch %d)", row.Value, sc.Epochs))
	}
	return row
}

// better puts the better value of a metric first, then partial scores and those without the metric, then failed ones.
func better(name string, a, b store.Summary) int {
	class := func(sc store.Summary) int {
		switch {
		case sc.Status == store.Failed:
			return 2
		case sc.Status == store.Partial || math.IsNaN(sc.Values[0]):
			return 1
		}
		return 0
	}
	if x, y := class(a), class(b); x != 0 || y != 0 {
		return cmp.Compare(x, y)
	}
	return metric.Compare(name, a.Values[0], b.Values[0])
}
