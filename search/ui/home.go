package ui

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"mixmas/search/escape"
	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// mostRuns is how many runs are shown at once.
const mostRuns = 100

// homeView is the list of runs.
type homeView struct {
	Query, State    string
	States          []runs.State
	Rows            []runRow
	From, To, Of    int
	Earlier, Later  string // addresses of the other pages; "" for none
	All             int    // runs in the store
	Damaged         []string
	Filtered, Empty bool
	Command         string // that starts a search
}

// runRow is a line of the list.
type runRow struct {
	ID, Name, Kind, Data, State, Started, Took, Result, Error string
	// Per is the share that is done, in percent, if Bar is set.
	Per float64
	Bar bool
}

// home shows all runs.
func (s *server) home(w http.ResponseWriter, r *http.Request) {
	view, err := s.list(r.Context(), r.URL.Query())
	if err != nil {
		failed(w, err)
		return
	}
	live := "/events"
	if r.URL.RawQuery != "" {
		live += "?" + r.URL.Query().Encode()
	}
	s.show(w, "home", page{Title: "Runs", Live: live}, view)
}

// homeEvents are the changes of the list.
func (s *server) homeEvents(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	s.stream(w, r, "list?"+query.Encode(), 0, func(ctx context.Context, f *feed) {
		for {
			started := time.Now()
			view, err := s.list(ctx, query)
			var text string
			if err == nil {
				text, err = render("runs", view)
			}
			if err == nil {
				f.publish(map[string]string{"runs": text, "trouble": ""})
			} else if ctx.Err() == nil {
				f.publish(map[string]string{"trouble": trouble(err)})
			}
			// Listing takes at most some 5% of a core, however large the store is.
			if !pause(ctx, max(2*s.refresh, 20*time.Since(started))) {
				return
			}
		}
	})
}

// trouble says why a live page does not change.
func trouble(err error) string {
	text, _ := render("trouble", shown(err.Error()))
	return text
}

// pause waits, and reports whether the context has not ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// list returns what the query selects.
func (s *server) list(ctx context.Context, query url.Values) (*homeView, error) {
	list, err := runs.List(ctx, s.store)
	v := &homeView{Command: escape.Shell("mixmas", "run", "--store", s.store.Path()), Query: shown(query.Get("q")), State: shown(query.Get("state")), All: len(list),
		States: []runs.State{runs.Running, runs.Finished, runs.Failed, runs.Interrupted}}
	switch {
	case errors.Is(err, store.ErrDamaged) && len(list) > 0:
		for line := range strings.Lines(err.Error()) {
			v.Damaged = append(v.Damaged, shown(strings.TrimSpace(line)))
		}
		if len(v.Damaged) > 20 {
			v.Damaged = append(v.Damaged[:20], "and others")
		}
	case err != nil:
		return nil, err
	}
	wanted := strings.ToLower(v.Query)
	var fits []runs.Run
	for _, r := range list {
		if (v.State == "" || string(r.State) == v.State) && (strings.Contains(strings.ToLower(shown(r.Name)), wanted) ||
			strings.Contains(strings.ToLower(shown(r.Data.Name)), wanted) || strings.Contains(r.ID, wanted) || strings.Contains(r.Kind, wanted)) {
			fits = append(fits, r)
		}
	}
	first, _ := strconv.Atoi(query.Get("from"))
	first = max(0, min(first, len(fits)-1)) / mostRuns * mostRuns
	last := min(first+mostRuns, len(fits))
	page := func(from int) string {
		q := url.Values{}
		for name, value := range map[string]string{"q": v.Query, "state": v.State} {
			if value != "" {
				q.Set(name, value)
			}
		}
		if from > 0 {
			q.Set("from", strconv.Itoa(from))
		}
		return "/?" + q.Encode()
	}
	if first > 0 {
		v.Later = page(max(0, first-mostRuns))
	}
	if last < len(fits) {
		v.Earlier = page(last)
	}
	v.From, v.To, v.Of = first+1, last, len(fits)
	for _, r := range fits[first:last] {
		row := s.row(r)
		if r.State == runs.Running {
			_ = s.courses.of(ctx, s.store, r, func(c *course) { // without it, the list says less
				status := s.status(r, c)
				row.Result = strings.TrimSuffix(status.Text+", "+status.Left, ", ")
				row.Per, row.Bar = status.Per, status.Bar
			})
		}
		v.Rows = append(v.Rows, row)
	}
	v.Empty, v.Filtered = len(v.Rows) == 0, v.Query != "" || v.State != ""
	return v, nil
}

// row returns the line of a run.
func (s *server) row(r runs.Run) runRow {
	row := runRow{ID: r.ID, Name: nameOf(r), Kind: shown(r.Kind), Data: shown(r.Data.Name), State: string(r.State), Started: when(r.Started),
		Took: report.Duration(r.Seconds(s.now())), Error: shown(r.Error)}
	if r.Score != nil {
		row.Result = shown(r.Metric) + " " + report.Number(*r.Score).Text()
	}
	return row
}

// nameOf is the name of a run, which every link needs.
func nameOf(r runs.Run) string {
	if name := shown(r.Name); strings.TrimSpace(name) != "" {
		return name
	}
	return r.ID
}
