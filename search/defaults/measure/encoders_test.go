package main

import (
	"bytes"
	"math"
	"os"
	"strings"
	"testing"

	"mixmas/nn/mixer"
)

func encodersText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/encoders.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
}

// The page says of the encoders and fusion functions what is so on every machine today.
func TestEncodersPageIsCurrent(t *testing.T) {
	head, err := encodersHead()
	if err != nil {
		t.Fatal(err)
	}
	if text := encodersText(t); !strings.HasPrefix(text, head) {
		t.Errorf("docs/encoders.md does not begin with what the encoders cost today: make encoders mends it. From where they differ:\n%s", differs(text, head))
	}
}

// differs is the first line of want that text does not have in its place.
func differs(text, want string) string {
	lines := strings.Split(text, "\n")
	for i, line := range strings.Split(want, "\n") {
		if i >= len(lines) || lines[i] != line {
			return line
		}
	}
	return ""
}

// Every encoder and fusion function has its line, its costs, and its measured time.
func TestEncodersPageNamesAll(t *testing.T) {
	text := encodersText(t)
	facts, measured, ok := strings.Cut(text, stepsTitle)
	times, _, scores := strings.Cut(measured, scoresTitle)
	if !ok || !scores {
		t.Fatal("docs/encoders.md lacks a section")
	}
	for _, name := range append(mixer.Names(), mixer.FusionNames()...) {
		row := "\n| `" + name + "` |"
		if n := strings.Count(facts, row); n < 2 {
			t.Errorf("docs/encoders.md has %d lines of facts about %s", n, name)
		}
		if !strings.Contains(times, row) {
			t.Errorf("docs/encoders.md has no time of %s", name)
		}
	}
}

// Sections that are measured again replace those before, and the others stay where they are.
func TestSections(t *testing.T) {
	page := "head" + scoresTitle + "words\n\n### a, b (1)\n\nold\n\n### c, d (2)\n\nrest\n"
	if got := parseSteps("head" + stepsTitle + "times" + page[4:]); got != stepsTitle+"times" {
		t.Errorf("got the times %q", got)
	}
	if got := parseSteps(page); got != "" {
		t.Errorf("got the times %q of a page without", got)
	}
	sections := parseSections(page)
	if got := strings.Join(sections, ""); got != "\n### a, b (1)\n\nold\n\n### c, d (2)\n\nrest\n" {
		t.Errorf("got %q", got)
	}
	s := scored{data: "a", modality: "b", shape: []int{1}, metric: "accuracy", second: "auroc_macro", seeds: 2, encoders: []tested{
		{name: "worse", tests: []float64{0.5, 0.7}, second: []float64{0.8, 0.8}, seconds: []float64{1, 2}, parameters: 1234},
		{name: "better", tests: []float64{0.9}, second: []float64{1}, seconds: []float64{1, 2}, parameters: 5, failed: "it diverged"},
		{name: "none", seconds: []float64{1}, failed: "it diverged"},
		{name: "worse", variant: "half the width", tests: []float64{0.4, 0.4}, second: []float64{1, 1}, seconds: []float64{1, 1}},
	}}
	sections = replaceSection(sections, s.section())
	got := strings.Join(replaceSection(sections, "\n### new\n"), "")
	last := -1
	for _, want := range []string{"| `better` | 0.900 (1 of 2 seeds) | – | 1.000 | 5 | 1.5 |", "| `worse` | 0.600 | -0.671 to 1.871 | 0.800 | 1,234 | 1.5 |",
		"| `none` | failed: it diverged |", "| `worse` | as above |", "| `worse` | half the width | 0.400 | 0.400 to 0.400 |", "### c, d (2)\n\nrest", "### new"} {
		at := strings.Index(got, want)
		if at <= last {
			t.Errorf("%q is missing or out of place in:\n%s", want, got)
		}
		last = at
	}
	if strings.Contains(got, "old") {
		t.Error("the old section stayed")
	}
}

// Average precision is that of scikit-learn, rows with equal logits counted together; classes that no row has do not count.
func TestAveragePrecision(t *testing.T) {
	logits := []float32{0.1, 1, 0.4, 1, 0.35, 1, 0.8, 1}
	labels := []float32{0, 0, 0, 0, 1, 0, 1, 0}
	if got, want := averagePrecisions(logits, labels, 2), 5.0/6; math.Abs(got-want) > 1e-12 {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := averagePrecisions([]float32{1, 1, 1, 1}, []float32{1, 0, 0, 0}, 1); got != 0.25 {
		t.Errorf("of equal logits: got %v, want 0.25", got)
	}
	if got := averagePrecisions([]float32{1, 2}, []float32{0, 0}, 1); !math.IsNaN(got) {
		t.Errorf("without a row of a class: got %v", got)
	}
}
