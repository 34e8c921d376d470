package ui

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"sync"

	"mixmas/search/escape"
	"mixmas/search/listen"
	"mixmas/search/store"
)

// ServeLater is [Serve] of a store that need not exist yet: until it does, the page says so, and how a search creates it. open opens the
// store at the path; it is called again and again until it succeeds.
func ServeLater(ctx context.Context, path string, open func(ctx context.Context) (*store.Store, error), at listen.Options, o Options, started func(url string)) error {
	return serveHandler(ctx, at, newWaiting(ctx, path, open, o).handler(), started)
}

// waiting answers requests while there is no store, and then passes them on to the pages of the store.
type waiting struct {
	ctx     context.Context
	path    string // absolute
	open    func(ctx context.Context) (*store.Store, error)
	options Options

	mutex sync.Mutex
	pages http.Handler // nil until there is a store
}

func newWaiting(ctx context.Context, path string, open func(ctx context.Context) (*store.Store, error), o Options) *waiting {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	return &waiting{ctx: ctx, path: path, open: open, options: o}
}

// waitingView says which store a page waits for.
type waitingView struct{ Path, Command string }

func (w *waiting) handler() http.Handler {
	none := http.NewServeMux()
	none.HandleFunc("GET "+stylePath, serveStyle)
	none.HandleFunc("GET /", func(answer http.ResponseWriter, r *http.Request) {
		status := http.StatusOK
		if r.URL.Path != "/" {
			status = http.StatusNotFound
		}
		answer.Header().Set("Refresh", "2")
		write(answer, status, "waiting", page{Title: "Runs"}, waitingView{shown(w.path), escape.Shell("mixmas", "run", "--store", w.path)})
	})
	return guarded(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		pages, err := w.next(r.Context())
		switch {
		case pages != nil:
			pages.ServeHTTP(answer, r)
		case errors.Is(err, fs.ErrNotExist):
			none.ServeHTTP(answer, r)
		default:
			answer.Header().Set("Refresh", "10")
			failed(answer, err)
		}
	}))
}

// next returns the pages of the store, once there is one.
func (w *waiting) next(ctx context.Context) (http.Handler, error) {
	ctx, cancel := context.WithTimeout(ctx, makeTimeout)
	defer cancel()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.pages == nil {
		scores, err := w.open(ctx)
		if err != nil {
			return nil, err
		}
		w.pages = Handler(w.ctx, scores, w.options)
	}
	return w.pages, nil
}
