package config

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"mixmas/search/dataset/arrays"
	_ "mixmas/search/dataset/formats" // those of the configurations
)

// repeated is a text of n parts.
func repeated(n int, part func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(part(i))
	}
	return b.String()
}

// TestParseIsBounded parses texts that took minutes, gigabytes or pages of errors.
func TestParseIsBounded(t *testing.T) {
	image := func(candidates string) string { return edit("- test_mixer\n", "- test_mixer\n"+candidates) }
	laughs := func(first string, next func(i int) string) string {
		return "a0: &a0 " + first + "\n" + repeated(60, func(i int) string { return fmt.Sprintf("a%d: &a%d %s\n", i+1, i+1, next(i)) })
	}
	for _, test := range []struct{ name, text, first, last string }{
		{"ten of ten of ten", laughs("[x, x, x, x, x, x, x, x, x, x]", func(i int) string { return fmt.Sprintf("[%s]", strings.Repeat(fmt.Sprintf("*a%d, ", i), 10)) }),
			"c.yaml:5: aliases expand to more than 100000 values", ""},
		{"merged twice and twice", laughs("{x: 1}", func(i int) string { return fmt.Sprintf("{<<: [*a%d, *a%d]}", i, i) }),
			"c.yaml:15: aliases expand to more than 100000 values", ""},
		{"one long word often", "name: &a " + strings.Repeat("x", 1<<18) + "\nsearch: {fusions: [" + strings.Repeat("*a, ", 50) + "]}",
			"c.yaml:2: aliases expand to more than 100000 values", ""},
		{"an alias within itself", "data: {<<: &a {x: [*a]}}", "c.yaml:1: the alias *a refers to itself", ""},
		{"a merge with itself", "data: &a {<<: *a}", "c.yaml:1: the alias *a refers to itself", ""},
		{"unknown fields", repeated(11_000, func(i int) string { return fmt.Sprintf("f%d: 1\n", i) }),
			"c.yaml:1: f0: unknown field", "c.yaml: and at least 9980 more errors"},
		{"some unknown fields", small + repeated(21, func(i int) string { return fmt.Sprintf("f%d: 1\n", i) }),
			"c.yaml:11: f0: unknown field", "c.yaml: and 1 more error"},
		{"one field often", strings.Repeat("a: 1\n", 3000), "c.yaml:2: a: is given twice", "c.yaml: and 2980 more errors"},
		{"equal errors are one", edit("{width: 32, dropout: 0.25}", "{width: no}", "- test_mixer\n", strings.Repeat("- test_mixer\n        ", 30)+"- test_mixer\n"),
			`c.yaml:5: search.encoders.image.defaults.width: want a whole number, got "no"`, "c.yaml: and 11 more errors"},
		{"unknown candidates", image(strings.Repeat("        - x\n", 11_000)),
			`c.yaml:8: search.encoders.image.candidates[1]: unknown architecture "x"`, "c.yaml: and at least 9980 more errors"},
		{"modalities", edit("values: {", "\n    "+repeated(11_000, func(i int) string { return fmt.Sprintf("m%d: []\n    ", i) })+"values: {"),
			"c.yaml:10: search.encoders.m0: want fields", "c.yaml: and at least 9980 more errors"},
		{"fusions", edit("search:", "search:\n  fusions: ["+strings.Repeat("mean, ", 11_000)+"]"),
			`c.yaml:3: search.fusions[1]: "mean" is already in the list`, "c.yaml: and at least 9980 more errors"},
		{"deep lists", "data: " + strings.Repeat("[", 100_000), "c.yaml:1: exceeded max depth of 10000", ""},
		{"deep fields", "data: " + strings.Repeat("{a: ", 9_000) + strings.Repeat("}", 9_000), "c.yaml:1: data: format is missing", ""},
		{"many values", "classes: [" + strings.Repeat("a, ", 200_001), "c.yaml:1: the configuration has more than 200000 commas, ", ""},
		{"too large", "# " + strings.Repeat("x", 10<<20), "c.yaml:1: the configuration is larger than 10 MiB", ""},
		{"a long word", edit("path: there", "path: "+strings.Repeat("猫", 2000)), `c.yaml:1: data.path: is longer than 4096 bytes: "猫`, ""},
		{"a long modality", edit("values:", strings.Repeat("v.", 101)+":"), "c.yaml:9: search.encoders.v.v.", ""},
		{"a long field", small + strings.Repeat("f", 900) + ": 1", "c.yaml:11: ffff", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("c.yaml", []byte(test.text))
			lines := strings.Split(fmt.Sprint(err), "\n")
			if !strings.HasPrefix(lines[0], test.first) {
				t.Errorf("got  %s\nwant %s", lines[0], test.first)
			}
			if last := lines[len(lines)-1]; test.last != "" && !strings.HasPrefix(last, test.last) {
				t.Errorf("last %s\nwant %s", last, test.last)
			}
			if test.last == "" && len(lines) != 1 || len(lines) > 21 {
				t.Errorf("%d lines: %v", len(lines), err)
			}
			for _, line := range lines {
				if len(line) > 1300 {
					t.Errorf("a line of %d bytes: %.100s", len(line), line)
				}
			}
			if !errors.As(err, new(*Error)) {
				t.Errorf("%T is no *Error", err)
			}
		})
	}
}

// TestLargePlansParse keeps the bounds away from what people need.
func TestLargePlansParse(t *testing.T) {
	const classes, modalities, candidates = 60_000, 1_000, 1_000
	text := "data:\n  format: npy\n  labels: {train: l.npy}\n  modalities: [{name: m0, kind: map, train: m.npy}]\n  classes:\n" +
		repeated(classes, func(i int) string { return fmt.Sprintf("  - the %dth class\n", i) }) +
		"search:\n  networks: {candidates: [test_network]}\n  encoders:\n" +
		repeated(modalities, func(i int) string { return fmt.Sprintf("    m%d: &m%d {candidates: [test_mixer]}\n", i, i) }) +
		"    more:\n      candidates:\n" +
		repeated(candidates, func(i int) string { return fmt.Sprintf("      - {name: test_mixer, label: c%d, width: %d}\n", i, i+1) })
	c := parse(t, text)
	options := c.Data.Options.(*arrays.Options)
	if n := len(options.Classes); n != classes {
		t.Fatalf("%d classes", n)
	}
	options.Classes[classes-1] = options.Classes[7]
	if err := options.Check(); fmt.Sprint(err) != `option classes[59999]: "the 7th class" is named twice` {
		t.Errorf("got %v", err)
	}
	if len(c.Search.Encoders) != modalities+1 || len(c.Search.Encoders["more"]) != candidates {
		t.Errorf("%d modalities, %d candidates", len(c.Search.Encoders), len(c.Search.Encoders["more"]))
	}
}

// endless is /dev/zero.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestRead(t *testing.T) {
	c, err := Read("standard input", strings.NewReader(small))
	if err != nil || c.Folder() != "" || c.File() != "standard input" {
		t.Errorf("folder %q, file %q, %v", c.Folder(), c.File(), err)
	}
	_, err = Read("standard input", strings.NewReader(small+"seed: x"))
	if want := `standard input:11: seed: want a whole number from 0 to 18446744073709551615, got "x"`; fmt.Sprint(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if _, err := Read("zero", endless{}); fmt.Sprint(err) != "zero:1: the configuration is larger than 10 MiB" {
		t.Errorf("without an end: %v", err)
	}
	r, w := io.Pipe()
	w.CloseWithError(io.ErrClosedPipe)
	if _, err := Read("pipe", r); !errors.Is(err, io.ErrClosedPipe) || errors.As(err, new(*Error)) {
		t.Errorf("unreadable: %v", err)
	}
}
