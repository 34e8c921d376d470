package ui

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"time"

	"mixmas/search/escape"
	"mixmas/search/store"
)

// Options configure a handler. The zero value is for a loopback address.
type Options struct {
	// Token is what every request must carry; "" for none. Then only requests for a loopback name are answered.
	Token string
	// Hosts are the names, besides localhost and addresses, that the server answers to if there is a token.
	Hosts []string
	// Refresh is the shortest time between two changes of a page; 0 means a second.
	Refresh time.Duration
}

// server answers requests for the pages of a store.
type server struct {
	store     *store.Store
	options   Options
	key       key
	feeds     feeds
	watchers  chan struct{}
	busy      chan struct{} // pages that are being made
	heartbeat time.Duration
}

// mostBusy is how many pages are made at once: a training beside them needs the cores.
const mostBusy = 2

// Handler returns the pages of a store, which may be read-only.
func Handler(scores *store.Store, o Options) http.Handler {
	return newServer(scores, o).handler()
}

func newServer(scores *store.Store, o Options) *server {
	if o.Refresh == 0 {
		o.Refresh = time.Second
	}
	return &server{store: scores, options: o, key: newKey(o.Token), watchers: make(chan struct{}, mostWatchers),
		busy: make(chan struct{}, mostBusy), heartbeat: heartbeat}
}

func (s *server) handler() http.Handler {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /style.css", serveStyle)
	pages.HandleFunc("GET /login", s.showLogin)
	pages.HandleFunc("POST /login", s.login)
	pages.HandleFunc("POST /logout", s.logout)
	pages.HandleFunc("GET /", s.admit(s.notFound))
	return s.guard(pages)
}

//go:embed pages
var files embed.FS

// templates are the pages and their parts.
var templates = template.Must(template.New("").Funcs(functions).ParseFS(files, "pages/*.html"))

var functions = template.FuncMap{}

// live is the script, and liveHash names it in the content security policy.
var live, liveHash = func() (template.JS, string) {
	text, err := files.ReadFile("pages/live.js")
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(text)
	return template.JS(text), "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// page is what the layout shows.
type page struct {
	Title   string
	Store   string // path of the store; "" where nothing is told yet
	Logout  bool
	Live    string // path of the stream; "" for a page that does not change
	Content template.HTML
	Script  template.JS
}

// render returns a template's text. A template fails only by a mistake in it, which tests find.
func render(name string, view any) (string, error) {
	var b bytes.Buffer
	err := templates.ExecuteTemplate(&b, name, view)
	return b.String(), err
}

// show answers with a page that does not need the token.
func (s *server) show(w http.ResponseWriter, status int, name, title string, view any) {
	s.write(w, status, name, page{Title: title}, view)
}

// write answers with a page.
func (s *server) write(w http.ResponseWriter, status int, name string, p page, view any) {
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

// fail answers with an error.
func (s *server) fail(w http.ResponseWriter, status int, text string) {
	s.show(w, status, "message", http.StatusText(status), struct{ Heading, Text string }{http.StatusText(status), text})
}

// failed answers with the error of the store.
func (s *server) failed(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case r.Context().Err() != nil: // nobody is there to read it
	case errors.Is(err, store.ErrNotFound):
		s.fail(w, http.StatusNotFound, shown(err.Error()))
	case errors.Is(err, store.ErrLocked), errors.Is(err, context.DeadlineExceeded):
		w.Header().Set("Retry-After", "10")
		s.fail(w, http.StatusServiceUnavailable, "Another process uses the store for longer than this page waits. Reload it later. ("+shown(err.Error())+")")
	default:
		s.fail(w, http.StatusInternalServerError, shown(err.Error()))
	}
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	s.fail(w, http.StatusNotFound, "There is no page "+shown(r.URL.Path)+".")
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeFileFS(w, r, files, "pages/style.css")
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
