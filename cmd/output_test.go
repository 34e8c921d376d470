package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"mixmas/search/store"
)

// fullAfter takes some bytes and no more.
type fullAfter struct{ left int }

var errFull = errors.New("write /dev/stdout: no space left on device")

func (f *fullAfter) Write(text []byte) (int, error) {
	n := min(f.left, len(text))
	f.left -= n
	if n < len(text) {
		return n, errFull
	}
	return n, nil
}

// TestFullStandardOutput runs all that prints into a standard output that is full after a few bytes.
func TestFullStandardOutput(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0)) // bench uses one core
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for name, text := range map[string]string{"plan.yaml": smallPlan, "scores.tar": string(scoresArchive(t))} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	do := func(w io.Writer, command string) (int, string) {
		var stderr bytes.Buffer
		code := run(context.Background(), append([]string{"mixmas"}, strings.Fields(command)...), strings.NewReader(""), w, &stderr)
		return code, stderr.String()
	}
	if code, text := do(io.Discard, "scores import scores.tar --store mixmas.db"); code != exitOK {
		t.Fatal(text)
	}
	for _, command := range []string{
		"", "--help", "--version", "config", "run --help", "scores --help", "config check plan.yaml", "config init", "config schema",
		"scores ls", "scores ls --json", "scores show 45f1", "scores import scores.tar", "scores export -", "scores prune",
		"devices", "devices --json", "bench --list", "bench m2mixer-mimic --seconds 0",
		"data info plan.yaml", "data info plan.yaml --json", "search plan.yaml", "search plan.yaml --json",
	} {
		if code, text := do(&fullAfter{3}, command); code != exitFailure || !strings.HasSuffix(text, errFull.Error()+"\n") ||
			strings.Count(text, errFull.Error()) != 1 {
			t.Errorf("mixmas %s: exit code %d, %q", command, code, text)
		}
	}
	// What is removed is removed, whoever hears of it.
	if code, _ := do(&fullAfter{}, "scores rm 45f1"); code != exitFailure {
		t.Errorf("mixmas scores rm: exit code %d", code)
	}
	s, err := store.Open(t.Context(), "mixmas.db", store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(t.Context(), "45f1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("scores rm: %v", err)
	}
}
