package main

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden page")

// The results in testdata/sample are made up.
func TestPage(t *testing.T) {
	r, err := read(filepath.Join("testdata", "sample"))
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "sample.md")
	if *update {
		if err := os.WriteFile(golden, []byte(r.page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.page(), string(want)); diff != "" {
		t.Errorf("(go test ./kernels/bench/report -update writes it)\n%s", diff)
	}
}

// A machine without PyTorch, whose benchmarks did not run.
func TestLittleMeasured(t *testing.T) {
	folder := t.TempDir()
	if _, err := read(folder); err == nil {
		t.Error("an empty folder is taken for results")
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("machine.json", `{"gpu": "a GPU"}`)
	r, err := read(folder)
	if err != nil {
		t.Fatal(err)
	}
	if page := r.page(); strings.Count(page, "not measured") != 6 || strings.Contains(page, "NaN") {
		t.Errorf("the page is\n%s", page)
	}
	write("ours.jsonl", "{}\n{")
	if _, err := read(folder); err == nil || !strings.Contains(err.Error(), "ours.jsonl: object 2: ") {
		t.Errorf("got %v for half a file", err)
	}
}

func TestRatios(t *testing.T) {
	r, err := read(filepath.Join("testdata", "sample"))
	if err != nil {
		t.Fatal(err)
	}
	// 2.0 over the median of 0.25 and 0.75, and 8.0 over 0.5.
	if diff := cmp.Diff(r.ratios(r.eager), []float64{4, 16}); diff != "" {
		t.Error(diff)
	}
	if mean := geometricMean([]float64{4, 16}); math.Abs(mean-8) > 1e-12 {
		t.Errorf("the geometric mean of 4 and 16 is %v", mean)
	}
	if diff := cmp.Diff(r.monarchRatios(), []float64{8}); diff != "" {
		t.Error(diff)
	}
}
