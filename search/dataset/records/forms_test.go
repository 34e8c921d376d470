package records_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
)

// table is n rows of a number and a class, from a first one on.
func table(first, n int) string {
	b := &strings.Builder{}
	b.WriteString("x,y\n")
	for i := first; i < first+n; i++ {
		fmt.Fprintf(b, "%d,%s\n", i, "uv"[i%2:i%2+1])
	}
	return b.String()
}

func zippedWithGzip(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The rows of several files, in any form, are read in order; each split may have files of its own, with columns in any order.
func TestFilesOfRows(t *testing.T) {
	swapped := &strings.Builder{}
	for line := range strings.Lines(table(50, 10)) {
		x, y, _ := strings.Cut(strings.TrimSpace(line), ",")
		fmt.Fprintf(swapped, "%s;%s;more\n", y, x)
	}
	dir := folder(t, map[string]string{
		"a1.csv": table(0, 10), "a2.csv": table(10, 10), "b.csv.gz": zippedWithGzip(t, table(0, 20)), "test.csv": swapped.String(),
		"c.tsv": strings.ReplaceAll(table(0, 20), ",", "\t"), "d.zip": zipped(t, map[string]string{"in/d.csv": table(0, 20)}),
		"bare.csv": strings.TrimPrefix(table(0, 20), "x,y\n"), "pipe.csv": strings.ReplaceAll(table(0, 20), ",", "|"),
		"lines.jsonl": strings.Repeat("{\"x\": 1, \"y\": \"u\"}\n{\"y\": \"v\", \"x\": null}\n", 10), "bom.csv": "\ufeff" + strings.ReplaceAll(table(0, 20), "\n", "\r\n"),
	})
	const modality = "\nmodalities: [{name: x, kind: table, columns: x, standardise: none}]\nlabels: y\n"
	for data, want := range map[string]string{
		"path: a*.csv" + modality + "split: {last: [4, 4]}":                              "12 4 4, row 11 is [11]",
		"path: [a1.csv, a2.csv]" + modality + "split: {last: [4, 4]}":                    "12 4 4, row 11 is [11]",
		"path: a1.csv\nvalidation: a2.csv\ntest: test.csv" + modality:                    "10 10 10, row 9 is [9]",
		"path: a1.csv\nvalidation: a2.csv" + modality + "split: {random: [0.8, 0, 0.2]}": "8 10 2",
		"path: [a1.csv, a2.csv]\ntest: test.csv" + modality:                              "16 4 10",
		"path: b.csv.gz" + modality + "split: {last: [4, 4]}":                            "12 4 4, row 11 is [11]",
		"path: c.tsv" + modality + "split: {last: [4, 4]}":                               "12 4 4, row 11 is [11]",
		"path: d.zip" + modality + "split: {last: [4, 4]}":                               "12 4 4, row 11 is [11]",
		"path: d.zip/in/d.csv" + modality + "split: {last: [4, 4]}":                      "12 4 4, row 11 is [11]",
		"path: bom.csv" + modality + "split: {last: [4, 4]}":                             "12 4 4, row 11 is [11]",
		"path: pipe.csv\ndelimiter: '|'" + modality + "split: {last: [4, 4]}":            "12 4 4, row 11 is [11]",
		"path: lines.jsonl" + modality + "split: {last: [4, 4]}":                         "12 4 4",
		"path: bare.csv\nheader: false" + strings.NewReplacer("columns: x", "columns: '#1'", "labels: y", "labels: '#-1'").Replace(modality) + "split: {last: [4, 4]}": "12 4 4, row 11 is [11]",
		"path: a*.csv" + modality + "split: {column: x, train: '0..12', validation: [13, 14], test: '15..19'}":                                                         "13 2 5, row 12 is [12]",
		"path: a*.csv" + modality + "split: {group: y, random: [0.5, 0.5, 0]}":                                                                                         "",
	} {
		d, err := open(t, dir, data, dataset.Environment{})
		if want == "" {
			if err == nil {
				t.Errorf("%s: opened", data)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", data, err)
			continue
		}
		got := rows(d)
		if counts, rest, more := strings.Cut(want, ", row "); more {
			n := d.Len(dataset.Train) - 1
			got += fmt.Sprintf(", row %d is %v", n, sample(t, d, dataset.Train, "x", n))
			_, _ = counts, rest
		}
		if got != want {
			t.Errorf("%s: %s, want %s", data, got, want)
		}
	}
}

// Modalities and labels in array files are joined with the rows of a table, or with each other.
func TestArrayFilesOfSamples(t *testing.T) {
	dir := folder(t, map[string]string{"a.csv": table(0, 12)})
	datasettest.WriteArray(t, filepath.Join(dir, "maps.npy"), "|u1", []int{12, 2, 4, 3}, datasettest.Ramp(24)...)
	datasettest.WriteArray(t, filepath.Join(dir, "numbers.npy"), "<f4", []int{12, 3}, datasettest.Ramp(36)...)
	datasettest.WriteArray(t, filepath.Join(dir, "y.npy"), "<i8", []int{12}, 3, 5, 7)
	d := must(t, dir, `
		path: a.csv
		modalities:
		  - {name: map, kind: image, path: maps.npy, layout: channels_last, standardise: none}
		  - {name: green, kind: array, path: maps.npy, layout: channels_last, columns: "#2", standardise: none}
		  - {name: numbers, kind: table, path: numbers.npy, columns: "#-1", standardise: none}
		labels: {path: y.npy}
		split: {last: [3, 3]}
	`)
	if got := fmt.Sprint(d.Modalities()[0].Shape, d.Modalities()[1].Shape, d.Modalities()[2].Shape, d.Task().Classes); got != "[3 2 4] [1 2 4] [1] [3 5 7]" {
		t.Errorf("shapes and classes %s", got)
	}
	if got := fmt.Sprint(sample(t, d, dataset.Train, "green", 1), sample(t, d, dataset.Train, "numbers", 2)); got != "[1 4 7 10 13 16 19 22] [8]" {
		t.Errorf("samples %s", got)
	}
	for want, m := range map[string]string{
		"set layout to channels_last": "kind: image, path: maps.npy", "are not resized": "kind: image, path: maps.npy, layout: channels_last, size: [8, 8]",
		"has 24 rows, but ": "kind: table, columns: x, path: [a.csv, a.csv]", "option modalities[0].columns": "kind: array, path: maps.npy, layout: channels_last, columns: '#4'",
	} {
		_, err := open(t, dir, "path: a.csv\nmodalities: [{name: m, "+m+"}]\nlabels: y\n", dataset.Environment{})
		if want == "has 24 rows, but " {
			want = "named in path too"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", m, err, want)
		}
	}
}

// Without a folder, paths start at the working folder, also those in cells.
func TestTheWorkingFolder(t *testing.T) {
	dir := everything(t)
	t.Chdir(dir)
	d, err := open(t, "", everythingData, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := predictor(t, d, dataset.Input{Files: []string{"rows.csv", "more.csv"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	same(t, d, dataset.Train, 0, u, 0)
	// Absolute paths in cells may name what is in the folder.
	if _, err := predictor(t, d, dataset.Input{Values: []map[string]string{{"photo": filepath.Join(dir, "p/0.png")}}}, ""); err != nil {
		t.Error(err)
	}
}

// Array files of numbers and of texts may be in archives, and are kept once, in the type that they have: nothing is copied where
// only the order of the axes changes.
func TestArrayFilesInArchives(t *testing.T) {
	dir, inside := t.TempDir(), map[string]string{}
	for name, a := range map[string]struct {
		kind  string
		shape []int
	}{"maps.npy": {"|u1", []int{12, 2, 4, 3}}, "y.npy": {"<i8", []int{12}}} {
		path := filepath.Join(t.TempDir(), name)
		datasettest.WriteArray(t, path, a.kind, a.shape, datasettest.Ramp(24)...)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		inside["in/"+name] = string(text)
	}
	inside["in/maps-idx4-ubyte.gz"] = zippedWithGzip(t, "\x00\x00\x08\x04\x00\x00\x00\x0c\x00\x00\x00\x02\x00\x00\x00\x04\x00\x00\x00\x03"+inside["in/maps.npy"][len(inside["in/maps.npy"])-288:])
	inside["in/words.npy"] = "\x93NUMPY\x01\x00\x76\x00" + fmt.Sprintf("%-117s\n", "{'descr': '|S1', 'fortran_order': False, 'shape': (12,), }") + strings.Repeat("uv", 6)
	write(t, filepath.Join(dir, "views.zip"), zipped(t, inside))
	plan := func(file, options string) string {
		return "modalities: [{name: map, kind: image, path: views.zip/in/" + file + ", layout: channels_last, standardise: none" + options + "}]\n" +
			"labels: {path: views.zip/in/words.npy}\nsplit: {last: [3, 3]}\n"
	}
	for _, file := range []string{"maps.npy", "maps-idx4-ubyte.gz"} {
		e := dataset.Environment{Decoded: t.TempDir(), DecodedBytes: 1 << 20}
		d, err := open(t, dir, plan(file, ""), e)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(d.Task().Classes, rows(d), sample(t, d, dataset.Train, "map", 0)[:9]); got != "[u v]6 3 3[0 3 6 9 12 15 18 21 1]" {
			t.Errorf("%s: %s", file, got)
		}
		whole := size(t, e.Decoded)
		if whole > 1200 {
			t.Errorf("%s: %d bytes are kept of 300", file, whole)
		}
		if _, err := open(t, dir, plan(file, `, columns: "#2"`), e); err != nil {
			t.Fatal(err)
		}
		if more := size(t, e.Decoded) - whole; more < 96 || more > 800 {
			t.Errorf("%s: %d more bytes are kept of 96", file, more)
		}
		u, err := predictor(t, d, dataset.Input{Files: []string{filepath.Join(dir, "views.zip/in/maps.npy")}}, "")
		if err != nil {
			t.Fatal(err)
		}
		same(t, d, dataset.Train, 5, u, 5)
	}
}

// size is the number of bytes of the files in a folder.
func size(t *testing.T, folder string) (n int64) {
	t.Helper()
	err := filepath.Walk(folder, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Lists of texts are several labels, and a set of features.
func TestListsOfTexts(t *testing.T) {
	dir := folder(t, map[string]string{"a.jsonl": strings.Repeat("{\"x\": [\"p\", \"q\"], \"y\": [\"u, v\", \"w\"]}\n{\"x\": [\"q\"], \"y\": [\"w\"]}\n", 10)})
	d := must(t, dir, "path: a.jsonl\nmodalities: [{name: m, kind: table, columns: x}]\nlabels: {column: y, separator: ','}\nsplit: {last: [4, 4]}\n")
	if got := fmt.Sprint(d.Task().Classes, sample(t, d, dataset.Train, "m", 0), sample(t, d, dataset.Train, "m", 1)); got != "[u, v w] [1 1] [0 1]" {
		t.Error(got)
	}
}

// A list in the place of labels names 0/1 columns, as columns does.
func TestListsOfLabels(t *testing.T) {
	dir := folder(t, map[string]string{"a.csv": "x,a,b\n" + strings.Repeat("1,0,1\n2,1,0\n", 10)})
	for _, labels := range []string{"[a, b]", "{columns: [a, b]}"} {
		if d := must(t, dir, "path: a.csv\nmodalities: [{name: m, kind: table, columns: all}]\nlabels: "+labels+"\n"); fmt.Sprint(d.Task()) != "{any number of labels per row [a b]}" {
			t.Errorf("%s: %v", labels, d.Task())
		}
	}
}
