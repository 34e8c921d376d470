package ui

import (
	"net/http"
	"testing"
)

func TestPages(t *testing.T) {
	s := temporary(t)
	h := pages(t, s).handler()
	if w := ask(h, "GET", "/"); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	r := start(t, s, hostile)
	w := ask(h, "GET", "/")
	t.Log(w.Body)
	w = ask(h, "GET", "/runs/"+r.Run().ID)
	t.Log(w.Body)
	if err := r.Finish(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	w = ask(h, "GET", "/runs/"+r.Run().ID)
	t.Log(w.Body)
}
