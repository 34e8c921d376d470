package ui

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"mixmas/search/runs"
	"mixmas/search/store"
)

// hostile is a name that would break a page, a script, an attribute or a terminal.
const hostile = `<script>alert("1")</script>'"></style>{{.}} javascript:alert(1) onload=x` + "\u202e\x1b[2J\n"

// ask sends a request to a handler. Headers are pairs of a name and a value; Host is one.
func ask(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "127.0.0.1:8080"
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// temporary returns an empty store.
func temporary(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "scores.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start starts a run.
func start(t testing.TB, s *store.Store, name string) *runs.Recorder {
	t.Helper()
	r, err := runs.Start(t.Context(), s, runs.Run{Name: name, Kind: runs.KindSearch, Metric: "accuracy", Command: []string{"mixmas", "search"},
		Configuration: "name: " + "x" + "\nseed: 1\n", Data: runs.Data{Name: "digits", Fingerprint: "ab", Train: 10, Validation: 5, Test: 5}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// server returns the pages of a store, with a quick refresh.
func pages(t testing.TB, s *store.Store) *server {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return newServer(ctx, s, Options{Refresh: 10 * time.Millisecond})
}
