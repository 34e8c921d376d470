package feature

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"

	"pgregory.net/rapid"
)

func TestIsMissing(t *testing.T) {
	for _, cell := range []string{"", " ", "NA", "n/a", "N/A", "NaN", "null", "None", "?", "-", "--", "<NA>", "#N/A", "#DIV/0!", " nan\t", "NaT", "."} {
		if !IsMissing(cell) {
			t.Errorf("%q is missing", cell)
		}
	}
	for _, cell := range []string{"0", "no", "unknown", "nah", "none of them", "-1", "..", "naan"} {
		if IsMissing(cell) {
			t.Errorf("%q is not missing", cell)
		}
	}
}

func TestDistinct(t *testing.T) {
	for _, n := range []int{1, 10, mostValues, 30_000} {
		p := &Profile{}
		for i := range n {
			p.Add(fmt.Sprintf("value %d", i))
		}
		got, exact := p.Distinct()
		if wide := float64(n) * 0.05; math.Abs(float64(got-n)) > wide || exact != (n <= mostValues) || exact && got != n {
			t.Errorf("%d values: got %d, exact %t", n, got, exact)
		}
	}
}

// TestFrequentValuesSurvive: among a flood of values that occur once, those that occur often are counted.
func TestFrequentValuesSurvive(t *testing.T) {
	p := &Profile{}
	for i := range 15_000 {
		p.Add(fmt.Sprintf("once %d", i))
		p.Add([]string{"red", "green", "blue"}[i%3])
	}
	e, err := Fit(Category, p)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, e.Width())
	for _, colour := range []string{"red", "green", "blue"} {
		if n := p.counts()[colour]; n != 5_000 {
			t.Errorf("%s was counted %d times", colour, n)
		}
		if err := e.Encode(colour, dst); err != nil || dst[len(e.Values)] != 0 {
			t.Errorf("%s is %v: %v", colour, dst, err)
		}
	}
}

// TestMemoryIsBounded: whatever the cells are, a column takes some hundred kilobytes.
func TestMemoryIsBounded(t *testing.T) {
	for name, cell := range map[string]func(i int) string{
		"numbers": func(i int) string { return fmt.Sprint(float64(scatter(i)) / 7) },
		"words":   func(i int) string { return fmt.Sprintf("%s%d", strings.Repeat("w", 90), i) },
		"texts":   func(i int) string { return strings.Repeat("some words, ", 100) + fmt.Sprint(i) },
		"sets":    func(i int) string { return fmt.Sprintf("a%d|b%d|c%d", i, i, i%100) },
	} {
		p := &Profile{}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range 6_000 {
			p.Add(cell(i))
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 1<<20 {
			t.Errorf("a column of %s takes %d bytes", name, used)
		}
		p.Judge(name)
	}
}

// TestLongCells: cells of any length are counted, the first one too.
func TestLongCells(t *testing.T) {
	for _, n := range []int{longestValue, longestValue + 1, mostBytes, mostBytes + 1, 3 * mostBytes} {
		p := &Profile{}
		for i := range 3 {
			p.Add(strings.Repeat("é", n/2) + fmt.Sprint(i))
		}
		if got, _ := p.Distinct(); got != 3 || p.Rows() != 3 || !utf8.ValidString(p.Examples()[0]) {
			t.Errorf("%d bytes: %d of %d cells are different, the first is %q", n, got, p.Rows(), p.Examples()[0])
		}
		p.Judge("column")
	}
}

// TestMemoryOfWideTables: the profiles of a table with very many columns share what one may take.
func TestMemoryOfWideTables(t *testing.T) {
	for name, cell := range map[string]func(i int) string{
		"numbers": func(i int) string { return fmt.Sprint(float64(scatter(i)) / 7) },
		"counts":  func(i int) string { return fmt.Sprint(scatter(i) % 5000) },
		"words":   func(i int) string { return fmt.Sprintf("%s%d", strings.Repeat("w", 50), i) },
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		list := Profiles(50_000)[:20]
		for i := range 2_500 {
			cell := cell(i)
			for k := range list {
				list[k].Add(cell)
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if used := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) - 50_000*int64(unsafe.Sizeof(Profile{})); used > 20*40<<10 {
			t.Errorf("a column of %s takes %d bytes", name, used/20)
		}
		for k := range list {
			if n, _ := list[k].Distinct(); n < 2_000 {
				t.Errorf("a column of %s has %d different cells", name, n)
			}
		}
	}
}

// TestOrderDoesNotMatter: what a column is taken for does not depend on the order of its rows, as long as it keeps all values.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells := rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2.5", "1,5", "NA", "x", "y z", "a|b", "b|c", "2024-01-01", "1/2/2024", "[1, 2]", "p.png"}), 1, 60).Draw(t, "cells")
		shuffled := rapid.Permutation(cells).Draw(t, "shuffled")
		if a, b := profileOf(cells...).Judge("column"), profileOf(shuffled...).Judge("column"); a != b {
			t.Fatalf("%v and %v", a, b)
		}
	})
}

// TestJudgedColumnsEncode: every cell of a column can be encoded as what the column is taken for, before and after the encoder was
// JSON; numbers are NaN only where the last feature says that they are missing.
func TestJudgedColumnsEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := [][]string{
			{"1", "2.5", "-3e2", "NA", "", "inf", "7"},
			{"1,5", "1.234,5", "", "3"},
			{"$1,234.5", "$3", "?"},
			{"a", "b", "c", "NA", "d e"},
			{"a|b", "c", "", "b|c|d", "a"},
			{"2024-01-31", "2023-12-01 10:00", "NA"},
			{"1/2/2024", "13/2/2024"},
			{"[1, 2]", "[3, NaN]", ""},
			{"yes", "no", ""},
			{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "x"},
		}
		cells := rapid.SliceOfN(rapid.SampledFrom(rapid.SampledFrom(words).Draw(t, "words")), 1, 80).Draw(t, "cells")
		p := profileOf(cells...)
		kind := p.Judge("column").Kind
		if !kind.Encodes() {
			return
		}
		e, err := Fit(kind, p)
		if err != nil {
			if kind == List {
				return
			}
			t.Fatalf("%s: %v", kind, err)
		}
		e = reread(t, e)
		names, raw, dst := e.Names("column"), e.Raw(), make([]float32, e.Width())
		if len(names) != len(dst) || len(raw) != len(dst) {
			t.Fatalf("%d names, %d flags, %d features", len(names), len(raw), len(dst))
		}
		for _, cell := range cells {
			if err := e.Encode(cell, dst); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			for i, x := range dst {
				if raw[i] && x != 0 && x != 1 {
					t.Fatalf("%q: %s is %g", cell, names[i], x)
				}
				if kind != List && math.IsNaN(float64(x)) && dst[len(dst)-1] != 1 {
					t.Fatalf("%q: %s is missing without an indicator: %v", cell, names[i], dst)
				}
			}
		}
	})
}

func BenchmarkProfile(b *testing.B) {
	for name, cell := range map[string]func(i int) string{
		"numbers":    func(i int) string { return fmt.Sprintf("%.5f", float64(scatter(i))/1000) },
		"whole":      func(i int) string { return fmt.Sprint(i % 90) },
		"categories": func(i int) string { return []string{"red", "green", "blue"}[i%3] },
		"texts":      func(i int) string { return strings.Repeat("some more words ", i%12) + fmt.Sprint(i) },
		"dates":      func(i int) string { return fmt.Sprintf("2024-%02d-%02d %02d:%02d:00", i%12+1, i%28+1, i%24, i%60) },
		"sets":       func(i int) string { return fmt.Sprintf("tag%d|tag%d|tag%d", i%17, i%29, i%31) },
	} {
		b.Run(name, func(b *testing.B) {
			cells, bytes := make([]string, 50_000), 0
			for i := range cells {
				cells[i] = cell(i)
				bytes += len(cells[i]) + 1
			}
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			for b.Loop() {
				p := &Profile{}
				for _, c := range cells {
					p.Add(c)
				}
				p.Judge("column")
			}
		})
	}
}

// TestMissingWordsAreDocumented: docs/columns.md lists every word.
func TestMissingWordsAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "columns.md"))
	if err != nil {
		t.Fatal(err)
	}
	for word := range missingWords {
		if word != "" && !strings.Contains(strings.ToLower(string(page)), "`"+word+"`") {
			t.Errorf("docs/columns.md does not list %q", word)
		}
		if len(word) > longestMissing {
			t.Errorf("%q is longer than %d", word, longestMissing)
		}
	}
}
