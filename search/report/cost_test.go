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
	for _, want := range []string{"FLOPs  ms, 1 row  64 rows   memory  seconds", " 123 M      0.051      123  3.0 MiB    206.0  Pareto front\n", "   950          –        –    900 B"} {
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
	if !strings.Contains(page.String(), "| FLOPs | ms, 1 row | 64 rows |") {
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
		if got := operations(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
