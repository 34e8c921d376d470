package records_test

import (
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmas/search/dataset"
)

// What is decoded is in the cache: opening again decodes nothing, and only what changes is decoded anew.
func TestOpeningAgainDecodesNothing(t *testing.T) {
	dir := everything(t)
	decoded := map[string]int{}
	e := dataset.Environment{Decoded: t.TempDir(), DecodedBytes: 1 << 30, Progress: func(modality string, rows, of int) {
		if rows == of {
			decoded[modality]++
		}
	}}
	reopen := func(text string) dataset.Dataset {
		t.Helper()
		clear(decoded)
		d, err := open(t, dir, text, e)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := reopen(everythingData)
	if got := fmt.Sprint(decoded); got != "map[more:1 note:1 person:1 photo:1 scan:1 trace:1 vitals:1 words:1]" {
		t.Errorf("decoded %s", got)
	}
	again := reopen(everythingData)
	if len(decoded) > 0 || again.Fingerprint() != first.Fingerprint() {
		t.Errorf("decoded again: %v; fingerprints %s and %s", decoded, first.Fingerprint(), again.Fingerprint())
	}
	for row := range again.Len(dataset.Test) {
		same(t, first, dataset.Test, row, again, row)
	}
	reopen(strings.Replace(everythingData, "column: photo", "column: photo, size: [4, 4]", 1))
	if got := fmt.Sprint(decoded); got != "map[photo:1]" {
		t.Errorf("for another size: decoded %s", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "p/0.png"), []byte(picture(t, 9, 9, color.White)), 0o644); err != nil {
		t.Fatal(err)
	}
	changed := reopen(everythingData)
	if got := fmt.Sprint(decoded); got != "map[photo:1]" || changed.Fingerprint() == first.Fingerprint() {
		t.Errorf("for another picture: decoded %s", got)
	}
	if err := first.Unchanged(t.Context()); err == nil || !strings.Contains(err.Error(), "0.png") {
		t.Errorf("a picture was written to: %v", err)
	}
}

// What is learned comes from the training rows: other validation and test rows change nothing that a model carries.
func TestOnlyTrainingRowsTeach(t *testing.T) {
	recipe := func(last string) string {
		b := &strings.Builder{}
		b.WriteString("age,sex,text,class,split\n")
		for i := range 20 {
			fmt.Fprintf(b, "%d,%s,word%d and,%s,train\n", i, "mf"[i%2:i%2+1], i%3, "ab"[i%2:i%2+1])
		}
		d := must(t, folder(t, map[string]string{"rows.csv": b.String() + last}), `
			path: rows.csv
			modalities: [{name: x, kind: table, columns: [age, sex]}, {name: text, kind: text, column: text}, {name: words, kind: bag, column: text}]
			labels: class
			split: {column: split}
		`)
		text, err := d.(dataset.Raw).Recipe()
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(string(text), d.Preprocessing())
	}
	if a, b := recipe("5,m,word1,a,val\n5,f,word2,b,val\n"), recipe("1e6,x,other words of a much longer text,a,val\n,,,b,test\n7,m,x,b,val\n"); a != b {
		t.Errorf("other rows gave\n%s, and\n%s", a, b)
	}
}

// A million rows take hardly more memory than a thousand.
func BenchmarkRows(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			writeRows(b, filepath.Join(dir, "rows.csv"), n)
			for b.Loop() {
				peak, d := peakHeap(b, dir)
				b.ReportMetric(float64(peak)/float64(n), "peak-bytes/row")
				d.Close()
			}
		})
	}
}
