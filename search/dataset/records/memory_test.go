package records_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"mixmas/search/dataset"
)

// writeRows writes a table of n rows of numbers, categories and texts.
func writeRows(t testing.TB, path string, n int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "age,sex,weight,text,class")
	for i := range n {
		fmt.Fprintf(w, "%d,%s,%d.5,some text of %d words,%s\n", i%90, "mf"[i%2:i%2+1], i%1000, i%50, "abc"[i%3:i%3+1])
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

const rowsData = `
	path: rows.csv
	modalities:
	  - {name: x, kind: table, columns: [age, sex, weight]}
	  - {name: text, kind: text, column: text}
	labels: class
`

// peakHeap opens the rows and returns the largest heap in use meanwhile, as far as it is seen between batches of rows.
func peakHeap(t testing.TB, dir string) (peak int64, d dataset.Dataset) {
	t.Helper()
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	before := int64(s.HeapAlloc)
	look := func() {
		runtime.GC()
		runtime.ReadMemStats(&s)
		peak = max(peak, int64(s.HeapAlloc)-before)
	}
	count := 0
	d, err := open(t, dir, rowsData, dataset.Environment{Progress: func(string, int, int) {
		if count++; count%16 == 0 {
			look()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	look()
	return peak, d
}

// Beyond what a thousand rows take, memory grows by less than 100 bytes per row.
func TestMemoryPerRow(t *testing.T) {
	small, large := t.TempDir(), t.TempDir()
	const n = 60_000
	writeRows(t, filepath.Join(small, "rows.csv"), 1000)
	writeRows(t, filepath.Join(large, "rows.csv"), n)
	base, _ := peakHeap(t, small)
	peak, d := peakHeap(t, large)
	if perRow := float64(peak-base) / n; perRow > 100 {
		t.Errorf("%.0f bytes per row: %d bytes for 1,000 rows, %d for %d", perRow, base, peak, n)
	} else {
		t.Logf("%.0f bytes per row", perRow)
	}
	runtime.KeepAlive(d)
}
