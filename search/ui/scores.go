package ui

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

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
	Reading             bool // the scores are still being read
}

// scoreRow is a line of the list.
type scoreRow struct{ Key, Short, Name, Search, Value, Params, Seconds, Ended string }

// scoreOrders are the ways to sort scores.
var scoreOrders = map[string]func(a, b *store.Summary) int{
	"name":       func(a, b *store.Summary) int { return strings.Compare(a.Name, b.Name) },
	"parameters": func(a, b *store.Summary) int { return cmp.Compare(a.Parameters, b.Parameters) },
	"time":       func(a, b *store.Summary) int { return cmp.Compare(a.Seconds, b.Seconds) },
	"newest":     func(a, b *store.Summary) int { return b.Finished.Compare(a.Finished) },
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
	list, known, err := s.summaries(r.Context())
	switch {
	case err == nil && !known:
		v.Reading = true
		w.Header().Set("Refresh", "2")
		s.show(w, "scores", page{Title: "Scores"}, v)
		return
	case errors.Is(err, store.ErrDamaged) && len(list) > 0:
		v.Damaged = shown(err.Error())
	case err != nil:
		failed(w, err)
		return
	}
	of := slices.Index(v.Metrics, v.Metric)
	wanted := strings.ToLower(v.Query)
	fits := make([]*store.Summary, 0, len(list)) // which are sorted faster than what they point to
	for i := range list {
		sc := &list[i]
		sc.Values = sc.Values[of : of+1]
		if wanted == "" || strings.Contains(strings.ToLower(sc.Name), wanted) || strings.Contains(strings.ToLower(sc.Search), wanted) ||
			strings.HasPrefix(sc.Key, wanted) || strings.HasPrefix(sc.Data, wanted) {
			fits = append(fits, sc)
		}
	}
	if order == nil {
		lower := metric.LowerIsBetter(v.Metric)
		order = func(a, b *store.Summary) int { return store.CompareSummaries(lower, 0, a, b) }
	}
	slices.SortFunc(fits, func(a, b *store.Summary) int { return cmp.Or(order(a, b), strings.Compare(a.Key, b.Key)) })
	first, _ := strconv.Atoi(query.Get("from"))
	first = max(0, min(first, len(fits)-1)) / mostRuns * mostRuns
	last := min(first+mostRuns, len(fits))
	address := func(from int) string {
		return "/scores?" + url.Values{"q": {v.Query}, "metric": {v.Metric}, "sort": {v.Sort}, "from": {strconv.Itoa(from)}}.Encode()
	}
	if first > 0 {
		v.Previous = address(first - mostRuns)
	}
	if last < len(fits) {
		v.Next = address(last)
	}
	v.From, v.To, v.Of, v.Filtered = first+1, last, len(fits), wanted != ""
	for _, sc := range fits[first:last] {
		v.Rows = append(v.Rows, newScoreRow(sc))
	}
	s.show(w, "scores", page{Title: "Scores"}, v)
}

// reading is a reading of the summaries of all scores.
type reading struct {
	done chan struct{}
	list []store.Summary
	err  error
}

// summaries returns those of all scores, with all metrics. known is false if reading them takes longer than a reader is to wait: it goes
// on, and a later call has them. Later readings read only what has changed.
func (s *server) summaries(ctx context.Context) (list []store.Summary, known bool, err error) {
	s.readMutex.Lock()
	now := s.reading
	if now == nil {
		now = &reading{done: make(chan struct{})}
		s.reading = now
		go func() {
			now.list, now.err = s.index.Summaries(s.ctx)
			s.readMutex.Lock()
			defer s.readMutex.Unlock()
			s.reading = nil
			close(now.done)
		}()
	}
	s.readMutex.Unlock()
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case <-now.done:
		return slices.Clone(now.list), true, now.err
	case <-timer.C:
		return nil, false, nil
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
}

func newScoreRow(sc *store.Summary) scoreRow {
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
