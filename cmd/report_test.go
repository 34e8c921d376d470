package cmd

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A search that was killed has a report of what had been finished until then.
func TestReportOfAKilledSearch(t *testing.T) {
	p := newProgram(t, "1")
	c, _, _ := p.command()
	c.Stderr = nil
	said, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if strings.Contains(lines.Text(), "the winner is") && decided(p.store) { // a stage has ended
			_ = c.Process.Kill()
		}
	}
	if err := c.Wait(); err == nil {
		t.Fatal("the search was not killed")
	}
	path := filepath.Join(t.TempDir(), "report.html")
	if out, err := exec.Command("mixmas", "report", "--store", p.store, "--html", path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The run was stopped before its end", "The best architecture of stage encoder/", "Stage encoder/", "Learning curves of stage encoder/"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the report of a killed search has no %q; its first sentences: %.300s", want, after(string(text), `<div class="lead">`))
		}
	}
}

// decided waits until the end of a stage is recorded, which happens beside the search, and reports whether it is.
func decided(store string) bool {
	for range 1000 {
		files, err := filepath.Glob(store + ".files/runs/*/events.jsonl")
		if err != nil || len(files) != 1 {
			return false
		}
		if events, err := os.ReadFile(files[0]); err == nil && strings.Contains(string(events), `"decided"`) {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

// after is what follows in a text.
func after(text, of string) string {
	_, rest, _ := strings.Cut(text, of)
	return rest
}
