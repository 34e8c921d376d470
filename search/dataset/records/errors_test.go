package records_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/dataset/npy"
)

// Mistakes in options name the field, and no file is opened.
func TestOptionsThatAreWrong(t *testing.T) {
	const table = "\npath: a.csv\nmodalities: [{name: x, kind: table, columns: all}]\nlabels: y\n"
	for _, c := range []struct{ text, want string }{
		{"path: a.csv\nlabels: y", "data.modalities: there are none"},
		{"path: a.csv\nlabels: y\nmodalities: [{kind: table, columns: all}]", "data.modalities[0]: the modality has no name"},
		{"path: a.csv\nlabels: y\nmodalities: [{name: x, kind: tables, columns: all}]", "data.modalities[0].kind: want one of image, array, series, table, text, bag"},
		{"path: a.csv\nlabels: y\nmodalities: [{name: x, kind: table}]", "data.modalities[0]: want column or columns: which cells does x read?"},
		{"path: a.csv\nlabels: y\nmodalities: [{name: x, kind: text, column: a, size: [3, 3]}]", "data.modalities[0].size: is not an option of a modality of kind text"},
		{"path: a.csv\nlabels: y\nmodalities: [{name: x, kind: image, column: a, size: [3]}]", "data.modalities[0].size: want two numbers, height and width, got 1"},
		{"path: a.csv\nlabels: y\nmodalities: [{name: x, kind: image, file: a.png}]", "data.modalities[0].file: names no column"},
		{"path: a.csv\nlabels: y\nmodalities: [{name: x, kind: image, file: '{a}.png', column: a}]", "data.modalities[0]: want only one of column, columns and file"},
		{"path: a.csv\nlabels: y\nmodalities: [{name: x, kind: bag, column: a, tokens: 9}]", "data.modalities[0].tokens: is not an option of a modality of kind bag of words"},
		{"path: a.csv\nlabels: y\nmodalities: [{name: x, kind: table, columns: a, key: id}]", "data.modalities[0].key: needs a path"},
		{"path: a.csv\nlabels: y\nmodalities: [{name: x, kind: table, columns: a, kinds: {a: noun}}]", "data.modalities[0].kinds.a: want one of number, category"},
		{"labels: y\nmodalities: [{name: x, kind: table, columns: a, path: x.csv}]", "data.labels.path: is missing"},
		{"labels: {path: y.npy}\nmodalities: [{name: x, kind: table, columns: a}]", "data.modalities[0].path: is missing"},
		{"path: a.csv\ntest: a.csv\nlabels: y\nmodalities: [{name: x, kind: table, columns: a}]", "data.test: a.csv is named in path too"},
		{table + "split: {random: [0.5, 0.1, 0.1]}", "data.split.random: the shares [0.5 0.1 0.1]"},
		{table + "split: {column: s, last: [1, 2]}", "data.split.column: rows are split by"},
		{table + "group: g\nsplit: {group: s}", "data.group: split.group names the groups already"},
		{"labels: {path: y.npy}\nmodalities: [{name: x, kind: array, path: x.npy}]\ngroup: g", "data.group: needs a table"},
		{table + "classes: [a]", "data.classes: there is only one"},
		{table + "classes: [a, a]", `data.classes[1]: "a" is named twice`},
		{table + "delimiter: ab", `data.delimiter: want one character, or tab, got "ab"`},
		{table + "unlabelled: keep", "data.unlabelled: want one of error, drop"},
		{table + "colour: red", "data.colour: unknown field"},
	} {
		if _, err := parse(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v, want one with %q", c.text, err, c.want)
		}
	}
}

// Mistakes in the data name file, line and column.
func TestDataThatAreWrong(t *testing.T) {
	const data = "path: a.csv\nmodalities: [{name: x, kind: table, columns: [a, b]}]\nlabels: y\nsplit: {column: s}\n"
	rows := "a,b,y,s\n1,2,u,train\n3,4,v,train\n1,2,u,val\n3,4,v,val\n"
	for name, c := range map[string]struct{ table, data, want string }{
		"a missing column":      {rows, strings.Replace(data, "[a, b]", "[a, c]", 1), "option modalities[0].columns: "},
		"no column of labels":   {rows, strings.Replace(data, "labels: y", "labels: z", 1), "option labels.column: "},
		"no group column":       {rows, data + "group: t\n", "option group: "},
		"no split column":       {rows, strings.Replace(data, "column: s", "column: t", 1), "option split.column: "},
		"a word as a number":    {rows + "x,1,u,val\n", strings.Replace(data, "[a, b]", "[a, b], kinds: {a: number}", 1), "a.csv:6: column a: "},
		"a row without label":   {rows + "1,2,,train\n1,2,,val\n", data, "a.csv:6: column y: there is no label (and 2 of 6 rows have none): set unlabelled to drop"},
		"an unknown label":      {rows + "1,2,w,val\n", data, `a.csv:6: column y: the label "w" is not that of a training row: the classes are u, v`},
		"an unknown split":      {rows + "1,2,u,holdout\n", data, "holdout"},
		"one class":             {"a,b,y,s\n1,2,u,train\n3,4,u,val\n", data, "every row has the same label \"u\""},
		"no rows":               {"a,b,y,s\n", data, "a.csv"},
		"a ragged row":          {rows + "1,2\n", data, "a.csv:6: "},
		"a label with a bell":   {rows + "1,2,\"u\x07\",train\n", data, "a.csv:6: column y: "},
		"no training rows":      {"a,b,y,s\n1,2,u,val\n3,4,v,val\n", data, "train"},
		"no picture":            {rows, strings.Replace(data, "kind: table, columns: [a, b]", "kind: image, file: '{a}.png'", 1), "1.png"},
		"a picture elsewhere":   {strings.ReplaceAll(rows, "1,2", "../1,2"), strings.Replace(data, "kind: table, columns: [a, b]", "kind: image, file: '{a}.png'", 1), "../1.png"},
		"other rows":            {rows, data + "classes: [u, w]\n", `"v"`},
		"text of a table":       {rows, strings.Replace(data, "[a, b]", "[a, b], kinds: {y: number}", 1), "is not one of the columns of x"},
		"a Git LFS pointer":     {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n", data, "LFS"},
		"the labels as a text":  {rows, "path: a.csv\nmodalities: [{name: x, kind: text, column: [a, y]}]\nlabels: y\n", "option modalities[0]: reads the column y, which is what is predicted"},
		"a range with labels":   {rows, strings.Replace(data, "[a, b]", "'a..y'", 1), "option modalities[0]: reads the column y, which is what is predicted"},
		"a template of nothing": {rows, strings.Replace(data, "kind: table, columns: [a, b]", "kind: image, file: '{q}.png'", 1), "option modalities[0].file: "},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := open(t, folder(t, map[string]string{"a.csv": c.table}), c.data, dataset.Environment{})
			if err == nil {
				t.Fatalf("opened as %s", rowsOf(d))
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func rowsOf(d dataset.Dataset) string { return rows(d) }

// A copy of the labels in another file is a feature that says everything: there is a warning.
func TestCopiesOfTheLabels(t *testing.T) {
	table := "a,y\n" + strings.Repeat("1,u\n2,v\n3,w\n", 10)
	d := must(t, folder(t, map[string]string{"a.csv": table, "b.csv": table}),
		"modalities: [{name: x, kind: table, path: b.csv, columns: all}]\nlabels: {path: a.csv, column: y}\n")
	if got := d.Warnings(); len(got) == 0 || !strings.HasPrefix(got[0], "modality x: column y of ") || !strings.Contains(got[0], "b.csv is the same as the labels in every row") {
		t.Errorf("warnings %q", got)
	}
}

func TestUnlabelledRowsAreDropped(t *testing.T) {
	table := "a,y\n" + strings.Repeat("1,u\n2,v\n3,\n", 10)
	d := must(t, folder(t, map[string]string{"a.csv": table}), "path: a.csv\nmodalities: [{name: x, kind: table, columns: a}]\nlabels: y\nunlabelled: drop\n")
	if got := rows(d); got != "14 3 3" {
		t.Errorf("rows %s", got)
	}
	if got := d.Warnings(); len(got) == 0 || got[0] != "10 of 30 rows have no label and are not used" {
		t.Errorf("warnings %q", got)
	}
}

func TestLabelsInManyForms(t *testing.T) {
	table := &strings.Builder{}
	table.WriteString("a,number,p,q,tags\n")
	for i := range 20 {
		table.WriteString([]string{"1,1,0,1,red", "2,2,1,0,red; green", "3,3,1,1,"}[i%3] + "\n")
	}
	dir := folder(t, map[string]string{"a.csv": table.String()})
	const start = "path: a.csv\nmodalities: [{name: x, kind: table, columns: a}]\nsplit: {last: [3, 3]}\n"
	for text, want := range map[string]string{
		"labels: number": "1,2,3 1", "labels: number\nclasses: [one, two, three]": "one,two,three one",
		"labels: {columns: [p, q]}": "p,q q", "labels: {columns: [p, q]}\nclasses: [P, Q]": "P,Q Q",
		`labels: {column: tags, separator: ";"}`: "green,red red", "labels: '#2'": "1,2,3 1",
	} {
		d := must(t, dir, start+text)
		if got := strings.Join(d.Task().Classes, ",") + " " + label(t, d, dataset.Train, 0); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// A missing number in an array file is an error that says what can be done.
func TestNaNInAnArrayFile(t *testing.T) {
	var values []float32
	labels := "y\n"
	for i := range 20 {
		values = append(values, float32(i))
		labels += []string{"u\n", "v\n"}[i%2]
	}
	values[7] = float32(math.NaN())
	var file bytes.Buffer
	out, err := npy.NewWriter(&file, npy.Float32, 20, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(out.Append(values), out.Close()); err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{"x.npy": file.String(), "l.csv": labels})
	_, err = open(t, dir, "modalities: [{name: x, kind: table, path: x.npy}]\nlabels: {path: l.csv, column: y}\n", dataset.Environment{})
	if err == nil || !strings.Contains(err.Error(), "x.npy: row 7: the value NaN") || !strings.Contains(err.Error(), "an empty cell") {
		t.Error(err)
	}
}
