package tabular

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSelect(t *testing.T) {
	columns := []string{"id", "age", "lab_a", "lab/b", "lab_c", "x", "x", "", "a..b", "lab_*", "#2"}
	used := []bool{0: true, 10: false}
	for _, c := range []struct {
		selectors string
		want      string // positions from 1
	}{
		{"age", "2"}, {"age id age", "2 1"}, {"#1", "1"}, {"#-1", "11"}, {"#2", "11"}, {"#02", "2"}, {"#8", "8"}, {"#7 #6", "7 6"},
		{"#3..#5", "3 4 5"}, {"age..lab/b", "2 3 4"}, {"#-3..#-2", "9 10"}, {"#4..age", "empty, since #4 is column #4 and age is column #2"},
		{"a..b", "9"}, {"a..b..lab_*", "9 10"}, {"lab_*", "10"}, {"lab?*", "3 4 5 10"}, {"lab_[ac]", "3 5"}, {"*", "1 2 3 4 5 6 7 9 10 11"},
		{"all", "2 3 4 5 6 7 8 9 10 11"}, {"age all", "2 3 4 5 6 7 8 9 10 11"},
		{"x", "2 columns are named x: select one by its position (#6, #7)"},
		{"x..#9", "x..#9: 2 columns are named x"}, {"age..#99", "age..#99: there is no column #99: the table has 11, #1 to #11"},
		{"#0", "there is no column #0: the table has 11"}, {"#12", "there is no column #12"}, {"#-12", "there is no column #-12"},
		{"#x", "a position is written #1"}, {"Age", "there is no column Age (did you mean age?)"}, {"lab_ä", "(did you mean lab_a?)"},
		{"nothing", "there is no column nothing: the columns are id, age, lab_a"}, {"nothing*", "no column matches nothing*"},
		{"[", "the pattern is not valid"}, {"\x1b*", `no column matches \x1b*`}, {"..", "there is no column .."},
	} {
		got, err := Select(columns, used, strings.Fields(c.selectors)...)
		var text string
		for _, i := range got {
			text += fmt.Sprintf(" %d", i+1)
		}
		if text = strings.TrimPrefix(text, " "); err != nil {
			text = err.Error()
		}
		if text != c.want && (err == nil || !strings.Contains(text, c.want)) {
			t.Errorf("%s: %s, want %s", c.selectors, text, c.want)
		}
	}
	if _, err := Select(columns, nil, ""); err == nil {
		t.Error("an empty name was selected")
	}
	if _, err := Select([]string{"", ""}, nil, "a"); err == nil || !strings.Contains(err.Error(), "the table has no names of columns") {
		t.Errorf("error %v", err)
	}
	if _, err := Select([]string{"a"}, []bool{true}, "all"); err == nil {
		t.Error("all of nothing was selected")
	}
	if got, err := Select([]string{"a", "all"}, nil, "all"); err != nil || !slices.Equal(got, []int{1}) {
		t.Errorf("a column named all: %v, %v", got, err)
	}
}

// Whatever is selected exists, and is selected once; a unique name selects its column.
func TestSelectIsSafe(t *testing.T) {
	word := rapid.StringMatching(`[ab#*.\[\]1-]{0,5}`)
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.SliceOfN(word, 0, 6).Draw(t, "columns")
		selector := word.Draw(t, "selector")
		got, err := Select(columns, nil, selector, selector)
		if err == nil && len(got) == 0 {
			t.Fatal("nothing is selected")
		}
		if sorted := slices.Compact(slices.Sorted(slices.Values(got))); len(sorted) != len(got) || len(got) > 0 && (sorted[0] < 0 || sorted[len(got)-1] >= len(columns)) {
			t.Fatalf("selected %v of %d", got, len(columns))
		}
		if at := slices.Index(columns, selector); selector != "" && at >= 0 && !slices.Contains(columns[at+1:], selector) && !slices.Equal(got, []int{at}) {
			t.Fatalf("selected %v, want %d", got, at)
		}
	})
}
