package report

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// A stage whose candidates have costs shows them, and the others keep their columns.
func TestCostColumns(t *testing.T) {
	d := document()
	plain := text(t, d)
	if strings.Contains(plain, "FLOPs") {
		t.Errorf("costs of candidates without any:\n%s", plain)
	}
	d.Stages[0].Candidates[0].Cost = &Cost{FLOPs: 123_456_789, Latency1: 0.0512, Latency64: 123.4, Memory: 3 << 20, TrainingMemory: 12 << 20, Front: true}
	d.Stages[0].Candidates[1].Cost = &Cost{FLOPs: 950, Memory: 900}
	got := text(t, d)
	for _, want := range []string{"FLOPs  ms per row  seconds", " 123 M       0.051    206.0  Pareto front\n", "   950           –  1,030.0"} {
		if !strings.Contains(got, want) {
			t.Errorf("the text lacks %q:\n%s", want, got)
		}
	}
	if second := got[strings.Index(got, "\nfusion\n"):]; strings.Contains(second, "FLOPs") {
		t.Errorf("a stage without costs shows them:\n%s", second)
	}
	var page bytes.Buffer
	if err := WriteMarkdown(&page, Page{Title: "Costs", Documents: []Document{d}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| FLOPs | ms per row | ms per 64 rows |  memory |", "| 123 M |      0.051 |            123 | 3.0 MiB |", "|   950 |          – |              – |   900 B |"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, page.String())
		}
	}
}

// Tables fit a terminal of 120 columns: the least important columns give way in all stages, and a page has them.
func TestWideTables(t *testing.T) {
	d := repeated()
	for s := range d.Stages {
		d.Stages[s].Metric = "balanced_accuracy"
		for c := range d.Stages[s].Candidates {
			c := &d.Stages[s].Candidates[c]
			c.Metrics["f1_macro"] = 0.5
			c.Cost = &Cost{FLOPs: 123_456_789, Latency1: 0.0512, Latency64: 123.4, Memory: 3 << 20, Front: true}
		}
	}
	got := text(t, d)
	for line := range strings.Lines(got) {
		if strings.Contains(line, "Pareto front") && len([]rune(line)) > 121 && !strings.Contains(line, "failed") {
			t.Errorf("%d columns: %s", len([]rune(line))-1, line)
		}
	}
	if want := "note    not shown for lack of room: f1_macro, ms per row, ms per 64 rows and memory; --json has them\n"; !strings.Contains(got, want) || strings.Contains(got, "3.0 MiB") {
		t.Errorf("the text lacks %q:\n%s", want, got)
	}
	var page bytes.Buffer
	if err := WriteMarkdown(&page, Page{Title: "Costs", Documents: []Document{d}}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "3.0 MiB") || strings.Contains(page.String(), "not shown") {
		t.Errorf("the page:\n%s", page.String())
	}
}

func text(t *testing.T, d Document) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteText(&b, d, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestOperations(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 950: "950", 1_000: "1.0 k", 36_400: "36.4 k", 399_200: "399 k", 12_345_678: "12.3 M", 2_500_000_000: "2.5 G", math.MaxInt64: "9.2 E"} {
		if got := Operations(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
