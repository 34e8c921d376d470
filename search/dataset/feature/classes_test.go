package feature

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func labelsOf(t *testing.T, separator string, cells ...string) *Labels {
	t.Helper()
	l := NewLabels(separator)
	for _, c := range cells {
		if err := l.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func TestClasses(t *testing.T) {
	for _, test := range []struct {
		separator string
		cells     []string
		given     []string
		names     []string
		warning   string
	}{
		{"", repeated(20, "dog", "cat"), nil, []string{"cat", "dog"}, ""},
		{"", repeated(20, "10", "9", "2"), nil, []string{"2", "9", "10"}, ""},
		{"", repeated(20, "-1", "1.5", "x"), nil, []string{"-1", "1.5", "x"}, ""},
		{"", repeated(20, " a", "a ", "b", "", "NA"), nil, []string{"a", "b"}, ""},
		{"", repeated(20, "none", "-", "mild"), nil, []string{"-", "mild", "none"}, ""},
		{"", repeated(20, "Cat", "cat", "dog"), nil, []string{"Cat", "cat", "dog"}, `the labels "Cat" and "cat" are different classes, but look alike`},
		{"", repeated(20, "new york", "new  york", "rome"), nil, []string{"new  york", "new york", "rome"}, "look alike"},
		{"", repeated(20, "1", "1.0", "2"), nil, []string{"1", "1.0", "2"}, "look alike"},
		{"", append(repeated(20, "a", "b"), "c"), nil, []string{"a", "b", "c"}, `there is 1 class with one row, which only one split can have: "c"`},
		{"", repeated(20, "a", "b"), []string{"b", "a", "c"}, []string{"b", "a", "c"}, `there is 1 class without rows: "c"`},
		{"|", repeated(20, "a|b", "b", "", " c | a|"), nil, []string{"a", "b", "c"}, ""},
		{"", generated(2000, func(i int) string { return fmt.Sprint(i % 90) }), nil, sortLabels(generated(90, func(i int) string { return fmt.Sprint(i) })), ""},
	} {
		c, warnings, err := labelsOf(t, test.separator, test.cells...).Classes(test.given)
		if err != nil || !slices.Equal(c, test.names) {
			t.Errorf("%.40q: %v, %v", test.cells, c, err)
			continue
		}
		if all := strings.Join(warnings, "; "); !strings.Contains(all, test.warning) || test.warning == "" && all != "" {
			t.Errorf("%.40q: warnings %q, want %q", test.cells, all, test.warning)
		}
	}
}

func TestClassErrors(t *testing.T) {
	for _, test := range []struct {
		separator string
		cells     []string
		given     []string
		report    string
	}{
		{"", repeated(20, "a"), nil, `every row has the same label "a"`},
		{",", repeated(20, "a|b", "a|b"), nil, `is the separator "," right?`},
		{"", repeated(20, "", "NA"), nil, "no row has a label"},
		{"", generated(20, func(i int) string { return fmt.Sprint("n", i/2*2, i%2) }), nil, "20 different labels in 20 rows"},
		{"", generated(200, func(i int) string { return fmt.Sprintf("%.2f", float64(i)/7) }), nil, "regression"},
		{"", generated(500, func(i int) string { return fmt.Sprint(i % 200) }), nil, "200 different numbers"},
		{"", repeated(20, "a", "b", "c"), []string{"a", "b"}, `the label "c" of 6 rows is not one of the given classes`},
		{"", repeated(20, "a", "b"), []string{"a", "a", "b"}, "given twice"},
		{"", repeated(20, "a", "b"), []string{"a"}, "at least two classes"},
	} {
		if _, _, err := labelsOf(t, test.separator, test.cells...).Classes(test.given); err == nil || !strings.Contains(err.Error(), test.report) {
			t.Errorf("%.40q: %v, want %q", test.cells, err, test.report)
		}
	}
	for cell, report := range map[string]string{
		"a\x1b[31m":              `the label "a\x1b[31m" has the character \x1b, which cannot be printed`,
		strings.Repeat("a", 300): "has 300 bytes: is it a text?",
	} {
		if err := NewLabels("").Add(cell); err == nil || !strings.Contains(err.Error(), report) {
			t.Errorf("got %v, want %q", err, report)
		}
	}
}

// TestLabelsAreBounded: a column of a million different labels keeps only so many.
func TestLabelsAreBounded(t *testing.T) {
	l := NewLabels("")
	for i := range MostClasses + 1000 {
		if err := l.Add(fmt.Sprint("label ", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := l.Classes(nil); len(l.counts) > MostClasses || err == nil || !strings.Contains(err.Error(), "more than 65,536 different labels") {
		t.Errorf("%d labels: %v", len(l.counts), err)
	}
}

func TestBinary(t *testing.T) {
	for cell, want := range map[string]bool{"0": false, " 1 ": true, "1.0": true, "no": false, "Yes": true, "FALSE": false, "t": true} {
		if got, err := Binary(cell); err != nil || got != want {
			t.Errorf("%q is %t, %v", cell, got, err)
		}
	}
	for _, cell := range []string{"", "2", "-1", "NA", "maybe\x1b"} {
		if _, err := Binary(cell); err == nil || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q: %v", cell, err)
		}
	}
}
