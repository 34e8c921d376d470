package records_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/search/dataset"
)

// Whatever the cells are, a table is an error or a data set whose rows read the same in a prediction.
func TestAnyCells(t *testing.T) {
	dir := t.TempDir()
	opened := 0
	rapid.Check(t, func(r *rapid.T) {
		cell := rapid.OneOf(rapid.SampledFrom([]string{"", "NA", "1", "2.5", "-3", "1e30", "a", "b", "a|b", "2024-01-02", "[1, 2]", "nan", "some words", "Ä\u0301", "日本", "\t", "0", "true"}), rapid.String())
		n := rapid.IntRange(8, 30).Draw(r, "rows")
		columns := rapid.IntRange(1, 4).Draw(r, "columns")
		table := &strings.Builder{}
		w := csv.NewWriter(table)
		header := []string{"text", "class"}
		for c := range columns {
			header = append(header, rapid.SampledFrom([]string{"a", "b", "a", "", "x y", "#1", "all"}).Draw(r, fmt.Sprint("name ", c)))
		}
		_ = w.Write(header)
		pools := make([]*rapid.Generator[string], columns)
		for c := range pools {
			pools[c] = rapid.SampledFrom(rapid.SliceOfN(cell, 1, 6).Draw(r, "cells"))
		}
		for i := range n {
			line := []string{cell.Draw(r, "text"), "uvw"[i%3 : i%3+1]}
			for _, pool := range pools {
				line = append(line, pool.Draw(r, "cell"))
			}
			_ = w.Write(line)
		}
		w.Flush()
		if err := os.WriteFile(filepath.Join(dir, "a.csv"), []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		d, err := open(t, dir, `
			path: a.csv
			modalities: [{name: x, kind: table, columns: "#3..#-1"}, {name: text, kind: text, column: "#1"}, {name: words, kind: bag, column: "#1", hashed: true}]
			labels: "#2"
			split: {last: [2, 2]}
		`, dataset.Environment{})
		if err != nil {
			if text := err.Error(); !strings.HasPrefix(text, "data set a: ") || strings.Contains(text, "runtime error") {
				t.Errorf("error %v", err)
			}
			return
		}
		opened++
		u, err := predictor(t, d, dataset.Input{Files: []string{"a.csv"}}, dir)
		if err != nil {
			r.Fatalf("it can be trained on, but not predicted from: %v\n%s", err, table)
		}
		for s, first := range []int{0, n - 4, n - 2} {
			same(t, d, dataset.Split(s), 0, u, first)
		}
	})
	if opened == 0 {
		t.Error("no table could be opened")
	}
	t.Logf("%d tables were opened", opened)
}
