package records_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
)

// cellsOf reads a table of the test data, row by row.
func cellsOf(t testing.TB, path string) (rows []map[string]string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, cell := range line {
			row[lines[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

// Rows of values, with files from memory, read as the rows of the table do, all at once and alone.
func TestRowsOfValuesReadAsTheTable(t *testing.T) {
	dir := everything(t)
	d := must(t, dir, everythingData)
	weights := map[string]string{}
	for _, row := range cellsOf(t, filepath.Join(dir, "more.csv")) {
		weights[row["id"]] = row["weight"]
	}
	rows := cellsOf(t, filepath.Join(dir, "rows.csv"))
	for _, row := range rows {
		row["weight"] = weights[row["id"]]
		for _, unread := range []string{"id", "class", "split"} {
			delete(row, unread)
		}
	}
	in := dataset.Input{Contents: func(_ context.Context, name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, name)) }}
	in.Values = rows[:20]
	u, err := predictor(t, d, in, "/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	for row := range 20 {
		same(t, d, dataset.Train, row, u, row)
	}
	for row := range 5 {
		in.Values = rows[row : row+1]
		u, err := predictor(t, d, in, "/nowhere")
		if err != nil {
			t.Fatal(err)
		}
		same(t, d, dataset.Train, row, u, 0)
	}
}

// With files from memory, nothing on the disk can be named.
func TestFilesFromMemoryAlone(t *testing.T) {
	dir := everything(t)
	d := must(t, dir, everythingData)
	in := dataset.Input{Contents: func(_ context.Context, name string) ([]byte, error) { return nil, fmt.Errorf("%s was not sent", name) }}
	for _, path := range []string{filepath.Join(dir, "p/0.png"), "p/0.png", "../" + filepath.Base(dir) + "/p/0.png"} {
		in.Values = []map[string]string{{}, {"photo": path}}
		_, err := predictor(t, d, in, dir)
		wrong := new(dataset.ValueError)
		if !errors.As(err, &wrong) || wrong.Row != 1 || wrong.Field != "photo" || !strings.Contains(err.Error(), "was not sent") || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v", path, err)
		}
	}
}

// What is wrong with a value is said of its row and field.
func TestWrongValues(t *testing.T) {
	dir := everything(t)
	d := must(t, dir, everythingData)
	for field, c := range map[string]struct{ value, want string }{
		"age":    {"old", "input row 2: column age: "},
		"fur":    {"1", "the model reads no fur: it reads "},
		"person": {"1", "modality person has 2 columns"},
		"hr":     {"[1, x]", "column hr: entry 2 of the list"},
		"photo":  {"t0.npy", "input row 2: column photo: t0.npy: "},
		"trace":  {"p/0.png", "input row 2: column trace: p/0.png: "},
		"scan":   {"t0.npy", "input row 2: column scan: t0.npy: the array has shape 3×2, but those of the training rows have 4×5×3"},
	} {
		_, err := predictor(t, d, dataset.Input{Values: []map[string]string{{}, {"age": "3"}, {field: c.value}}}, dir)
		wrong := new(dataset.ValueError)
		if !errors.As(err, &wrong) || wrong.Row != 2 || wrong.Field != field || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s=%s: error %v", field, c.value, err)
		}
	}
}

// The fields are what a row may have, under the names that people know.
func TestFields(t *testing.T) {
	d := must(t, everything(t), everythingData)
	text, err := d.(dataset.Raw).Recipe()
	if err != nil {
		t.Fatal(err)
	}
	format, err := dataset.Lookup("records")
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := format.Recipe(text)
	if err != nil {
		t.Fatal(err)
	}
	for want, modalities := range map[string][]string{
		`[{age  person number [] []  false} {sex  person category [f m x] []  false}]`:                                                                            {"person"},
		`[{note  note text [] []  false} {hr  vitals list [] []  false} {spo2  vitals list [] []  false}]`:                                                        {"note", "words", "vitals"},
		`[{photo  photo picture [] []  false} {trace  trace array [] [-1 2]  false} {scan  scan array [] [4 5 3]  false} {weight more more number [] []  false}]`: {"photo", "trace", "scan", "more"},
	} {
		if got := fmt.Sprint(recipe.Fields(modalities)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Rows of array files can be given alone, as files of one row.
func TestRowsOfArrayFilesAreValues(t *testing.T) {
	dir := t.TempDir()
	maps, numbers := datasettest.Ramp(12*24), datasettest.Ramp(36)
	datasettest.WriteArray(t, filepath.Join(dir, "maps.npy"), "|u1", []int{12, 2, 4, 3}, maps...)
	datasettest.WriteArray(t, filepath.Join(dir, "numbers.npy"), "<f4", []int{12, 3}, numbers...)
	datasettest.WriteArray(t, filepath.Join(dir, "y.npy"), "<i8", []int{12}, 3, 5, 7)
	d := must(t, dir, `
		modalities:
		  - {name: map, kind: image, path: maps.npy, layout: channels_last}
		  - {name: green, kind: array, path: maps.npy, layout: channels_last, columns: "#2"}
		  - {name: numbers, kind: table, path: numbers.npy, columns: "#-1"}
		labels: {path: y.npy}
		split: {last: [3, 3]}`)
	datasettest.WriteArray(t, filepath.Join(dir, "map.npy"), "|u1", []int{2, 4, 3}, maps[24:48]...)
	datasettest.WriteArray(t, filepath.Join(dir, "three.npy"), "<f4", []int{3}, numbers[3:6]...)
	u, err := predictor(t, d, dataset.Input{Values: []map[string]string{{"map": "map.npy", "green": "map.npy", "numbers": "three.npy"}}}, dir)
	if err != nil {
		t.Fatal(err)
	}
	same(t, d, dataset.Train, 1, u, 0)
	if _, err := predictor(t, d, dataset.Input{Values: []map[string]string{{"map": "three.npy"}}}, dir); err == nil || !strings.Contains(err.Error(), "the array has shape 3, but those of the training rows have 2×4×3") {
		t.Errorf("error %v", err)
	}
}
