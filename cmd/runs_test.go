package cmd

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"mixmas/search/runs"
	"mixmas/search/store"
)

// A run that is running is not removed, nor are those that are named beside it, and the error says what to do.
func TestRemoveRunning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.db")
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	begin := func(name string) *runs.Recorder {
		r, err := runs.Start(t.Context(), s, runs.Run{Name: name, Kind: runs.KindSearch})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	ended, running := begin("ended"), begin("pets")
	if err := ended.Finish(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	remove := func(names ...string) (int, string) {
		var out, errors bytes.Buffer
		code := run(t.Context(), append([]string{"mixmas", "runs", "rm", "--store", path}, names...), nil, &out, &errors)
		return code, out.String() + errors.String()
	}
	id := running.Run().ID
	want := "mixmas: run " + id + " (pets) is still running and was not removed: stop it with Ctrl-C in its terminal, then remove it\n"
	if code, got := remove("ended", id); code != exitFailure || got != want {
		t.Errorf("%d, got %q, want %q", code, got, want)
	}
	if list, err := runs.List(t.Context(), s); err != nil || len(list) != 2 {
		t.Errorf("%d runs, error %v", len(list), err)
	}
	if err := running.Finish(context.Background(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if code, got := remove("ended", id); code != exitOK || strings.Count(got, " removed\n") != 2 {
		t.Errorf("%d, got %q", code, got)
	}
}
