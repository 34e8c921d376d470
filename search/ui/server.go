package ui

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"mixmas/search/chart"
	"mixmas/search/escape"
	"mixmas/search/listen"
	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
	"mixmas/search/style"
)

// Options configure the pages. The zero value is the default.
type Options struct {
	// Refresh is the shortest time between two changes of a page; 0 means a second.
	Refresh time.Duration
}

// Serve serves the pages of a store, which may be read-only, until ctx ends. started is called with the address.
func Serve(ctx context.Context, scores *store.Store, at listen.Options, o Options, started func(url string)) error {
	return serveHandler(ctx, at, Handler(ctx, scores, o), started)
}

func serveHandler(ctx context.Context, at listen.Options, pages http.Handler, started func(url string)) error {
	at.Public, at.Refuse = []string{stylePath}, Refuse
	at.Timeout, at.Grace = requestTimeout, stopTimeout
	return listen.Serve(ctx, at, pages, started)
}

const (
	requestTimeout = 15 * time.Second
	stopTimeout    = 3 * time.Second
	// makeTimeout is how long a page may wait for its turn and for the store.
	makeTimeout = 12 * time.Second
	// readerPatience is how long a list that is not complete yet may take to say so.
	readerPatience = 700 * time.Millisecond
	stylePath      = "/style.css"
)

// server answers requests for the pages of a store.
type server struct {
	ctx       context.Context // its end ends the streams
	store     *store.Store
	refresh   time.Duration
	feeds     feeds
	courses   courses
	watchers  chan struct{}
	busy      chan struct{} // pages that are being made
	heartbeat time.Duration
	now       func() time.Time
	index     *store.Index
	patience  time.Duration // of a reader whose page needs all scores
	readMutex sync.Mutex
	reading   *reading // that goes on, or nil
}

// mostBusy is how many pages are made at once: a training beside them needs the cores.
const mostBusy = 2

// Handler returns the pages of a store, for use behind [listen.Options.Guard]. Streams end with ctx.
func Handler(ctx context.Context, scores *store.Store, o Options) http.Handler {
	return newServer(ctx, scores, o).handler()
}

func newServer(ctx context.Context, scores *store.Store, o Options) *server {
	if o.Refresh == 0 {
		o.Refresh = time.Second
	}
	return &server{ctx: ctx, store: scores, refresh: o.Refresh, watchers: make(chan struct{}, mostWatchers),
		busy: make(chan struct{}, mostBusy), heartbeat: heartbeat, now: time.Now,
		index: scores.Index(metric.AllNames()...), patience: readerPatience}
}

func (s *server) handler() http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("GET "+stylePath, serveStyle)
	pages.HandleFunc("GET /{$}", s.inTurn(s.home))
	pages.HandleFunc("GET /events", s.homeEvents)
	pages.HandleFunc("GET /runs/{id}", s.inTurn(s.run))
	pages.HandleFunc("GET /runs/{id}/events", s.runEvents)
	pages.HandleFunc("GET /runs/{id}/configuration", s.inTurn(s.configuration))
	pages.HandleFunc("GET /runs/{id}/report", s.inTurn(s.report))
	pages.HandleFunc("GET /compare", s.inTurn(s.compare))
	pages.HandleFunc("GET /scores", s.inTurn(s.scores))
	pages.HandleFunc("GET /trials", s.inTurn(s.trials))
	pages.HandleFunc("GET /trials/{key}", s.inTurn(s.trials))
	pages.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "There is no page "+shown(r.URL.Path)+".")
	})
	return guarded(pages)
}

// guarded passes on the requests of own pages, with the headers that keep others out.
func guarded(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if !sameOrigin(r) {
			fail(w, http.StatusForbidden, "A page of another site made this request.")
			return
		}
		pages.ServeHTTP(w, r)
	})
}

// inTurn makes few pages at a time, and none for too long.
func (s *server) inTurn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), makeTimeout)
		defer cancel()
		select {
		case s.busy <- struct{}{}:
			defer func() { <-s.busy }()
			next(w, r.WithContext(ctx))
		case <-ctx.Done():
			w.Header().Set("Retry-After", "10")
			fail(w, http.StatusServiceUnavailable, "Too many pages are being made. Reload this one later.")
		}
	}
}

// secure sets the headers of every answer: pages load only what this server gives them and run no script but the one with the
// hash.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; script-src "+escape.PolicySource(string(live))+
		"; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // with no-referrer, browsers hide the origin of the login form
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// sameOrigin reports whether a request comes from a page of this server, or from no page. A link on another site may lead here:
// following it shows a page to who follows it, and to nobody else.
func sameOrigin(r *http.Request) bool {
	if origin, given := r.Header["Origin"]; given {
		u, err := url.Parse(strings.Join(origin, ","))
		return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return true
	}
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// Refuse answers a request that is not let in. Browsers without the token get the login page.
func Refuse(w http.ResponseWriter, r *http.Request, status int, text string) {
	secure(w.Header())
	posted := r.Method == http.MethodPost && r.URL.Path == listen.Login
	if status != http.StatusUnauthorized || !posted && !strings.Contains(r.Header.Get("Accept"), "text/html") {
		fail(w, status, shown(text)+".")
		return
	}
	view := struct {
		Action, To string
		Wrong      bool
	}{listen.Login, r.URL.RequestURI(), posted}
	if posted {
		view.To = r.PostForm.Get("to")
	}
	write(w, status, "login", page{Title: "Log in"}, view)
}

//go:embed pages
var files embed.FS

// templates are the pages and their parts. They are parsed when the first page is made: every command starts with this package.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{"figure": chart.Inline, "comma": report.Comma}).ParseFS(files, "pages/*.html"))
})

// live is the script.
var live = template.JS(embedded("live.js"))

func embedded(name string) []byte {
	text, err := files.ReadFile("pages/" + name)
	if err != nil {
		panic(err)
	}
	return text
}

// page is what the layout shows.
type page struct {
	Title   string
	Store   string // path of the store; "" where nothing is told yet
	Live    string // path of the stream; "" for a page that does not change
	Content template.HTML
	Script  template.JS
}

// render returns a template's text. A template fails only by a mistake in it, which tests find.
func render(name string, view any) (string, error) {
	var b bytes.Buffer
	err := templates().ExecuteTemplate(&b, name, view)
	return b.String(), err
}

// write answers with a page.
func write(w http.ResponseWriter, status int, name string, p page, view any) {
	content, err := render(name, view)
	if err == nil {
		p.Content, p.Script = template.HTML(content), live // made by a template, which escaped it
		content, err = render("layout", p)
	}
	if err != nil {
		http.Error(w, "The page cannot be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(content))
}

// show answers with a page of the store.
func (s *server) show(w http.ResponseWriter, name string, p page, view any) {
	p.Store = shown(s.store.Path())
	write(w, http.StatusOK, name, p, view)
}

// fail answers with an error.
func fail(w http.ResponseWriter, status int, text string) {
	heading := http.StatusText(status)
	write(w, status, "message", page{Title: heading}, struct{ Heading, Text string }{heading, text})
}

// failed answers with an error of the store.
func failed(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, runs.ErrNotFound):
		fail(w, http.StatusNotFound, shown(err.Error()))
	case errors.Is(err, store.ErrLocked), errors.Is(err, context.DeadlineExceeded):
		w.Header().Set("Retry-After", "10")
		fail(w, http.StatusServiceUnavailable, "Another process uses the store for longer than this page waits. Reload it later. ("+shown(err.Error())+")")
	default:
		fail(w, http.StatusInternalServerError, shown(err.Error()))
	}
}

// styles is the style sheet.
var styles = []byte(style.Base + chart.Style + string(embedded("style.css")))

func serveStyle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(styles)
}

// shown is a name or sentence from outside, on one line and not too long.
func shown(text string) string {
	const most = 400
	text = escape.Terminal(text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}
