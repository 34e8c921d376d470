package inspect_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mixmas/search/config"
	"mixmas/search/dataset"
	_ "mixmas/search/dataset/formats"
	"mixmas/search/dataset/inspect"
	"mixmas/search/dataset/npy"
	"mixmas/search/dataset/records"
	"mixmas/search/dataset/tabular"
)

// fill writes files below a new folder, and makes it the working folder.
func fill(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// table joins a header and rows that a function makes.
func table(rows int, header string, row func(i int) string) string {
	var b strings.Builder
	b.WriteString(header + "\n")
	for i := range rows {
		b.WriteString(row(i) + "\n")
	}
	return b.String()
}

// pngOf is a picture of a size; grey ones have no colours.
func pngOf(width, height int, grey bool) string {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		c := color.RGBA{uint8(i), uint8(i), uint8(i), 255}
		if !grey {
			c.R = 255
		}
		m.SetRGBA(i%width, i/width, c)
	}
	var data bytes.Buffer
	var picture image.Image = m
	if grey {
		g := image.NewGray(m.Bounds())
		copy(g.Pix, m.Pix)
		picture = g
	}
	if err := png.Encode(&data, picture); err != nil {
		panic(err)
	}
	return data.String()
}

func npyOf(t *testing.T, shape ...int) string {
	t.Helper()
	var data bytes.Buffer
	size := 1
	for _, n := range shape {
		size *= n
	}
	w, err := npy.NewWriter(&data, npy.Float32, shape...)
	if err == nil {
		err = errors.Join(w.Append(make([]float32, size)), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return data.String()
}

func zipOf(t *testing.T, files map[string]string) string {
	t.Helper()
	var data bytes.Buffer
	z := zip.NewWriter(&data)
	for name, text := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return data.String()
}

// look proposes a configuration, which must be valid.
func look(t *testing.T, data string, r inspect.Request) (p *inspect.Proposal, yaml string, o *records.Options) {
	t.Helper()
	p, err := inspect.Look(t.Context(), data, r)
	if err != nil {
		t.Fatal(err)
	}
	if yaml, err = p.YAML("."); err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("plan.yaml", []byte(yaml))
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	return p, yaml, c.Data.Options.(*records.Options)
}

func animals(i int) string {
	return fmt.Sprintf("%d,photos/%d.png,\"it %s, and so on\",%s,%.1f,%s,2020-0%d-01,%s,%s", i+1, i%6,
		[]string{"sings a song", "sleeps all day long", "runs"}[i%3]+fmt.Sprint(" for ", i), []string{"3", "NA", "7", "12"}[i%4], float64(i%7)+0.5,
		[]string{"black", "white"}[i%2], i%8+1, []string{"B", "C", "D"}[i%3], []string{"bird", "cat", "dog"}[i%3])
}

const animalColumns = "id,photo,caption,age,weight,colour,born,code,species"

func animalFiles() map[string]string {
	files := map[string]string{"pets.csv": table(60, animalColumns, animals)}
	for i := range 6 {
		files[fmt.Sprintf("photos/%d.png", i)] = pngOf(100+i, 50, false)
	}
	return files
}

const animalPlan = `# Proposed by mixmas for pets.csv: 60 rows, 9 columns. Change what is wrong, and check it with:
# mixmas config check FILE; mixmas data info FILE. mixmas config schema lists all options.
name: pets
settings: recommended                         # how candidates are scored, compared and combined; the other choice is paper
data:
  format: records
  path: pets.csv
  modalities:
    - {name: photo, kind: image, column: photo, size: [32, 64], channels: 3} # paths of pictures, 50 high and 100 to 105 wide, in colour
    - {name: caption, kind: text, column: caption} # texts of 7.3 words on average
    - name: table
      kind: table
      columns:
        - age                                 # number: whole numbers from 3 to 12; 15 of 60 are missing
        - weight                              # number: numbers from 0.5 to 6.5
        - colour                              # category: 2 values: "black", "white"
        - born                                # date: dates, year-month-day
      kinds: {colour: category, born: date}
  labels: species                             # 3 classes: bird (20), cat (20), dog (20)
  split: {random: [0.7, 0.15, 0.15], seed: 1} # no column names splits: at random, with the same shares of the classes
# not used: id (identifier): consecutive whole numbers from 1 to 60
# not used: code: 3 values: "B", "C", "D"; it says the same as the labels in every row
# Without a section search, candidates, sizes and trainings follow from the data: see docs/defaults.md.
`

// TestPlan is a usual table, from the file to the data set.
func TestPlan(t *testing.T) {
	fill(t, animalFiles())
	p, yaml, o := look(t, "pets.csv", inspect.Request{Labels: []string{"species"}})
	if diff := cmp.Diff(animalPlan, yaml); diff != "" {
		t.Error(diff)
	}
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "column code says the same as the labels species in every row, and is not used") {
		t.Errorf("warnings: %q", p.Warnings)
	}
	d, err := records.Open(t.Context(), *o, dataset.Environment{Folder: "."})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var names []string
	for _, m := range d.Modalities() {
		names = append(names, fmt.Sprint(m.Name, m.Shape))
	}
	if want := []string{"photo[3 32 64]", "table[8]"}; names[0] != want[0] || names[2] != want[1] || d.Len(dataset.Train) != 42 {
		t.Errorf("%v, %d rows", names, d.Len(dataset.Train))
	}
}

// TestTableForPeople: each column with its reason, in aligned columns.
func TestTableForPeople(t *testing.T) {
	fill(t, animalFiles())
	p, _, _ := look(t, "pets.csv", inspect.Request{Labels: []string{"species"}})
	var text bytes.Buffer
	if err := p.Table(&text); err != nil {
		t.Fatal(err)
	}
	want := `pets.csv: 60 rows, 9 columns

column   taken for   example                   why
id       identifier  1                         consecutive whole numbers from 1 to 60
photo    picture     photos/0.png              paths of pictures, 50 high and 100 to 105 wide, in colour
caption  text        it sings a song for 0, …  texts of 7.3 words on average
age      number      3                         whole numbers from 3 to 12; 15 of 60 are missing
weight   number      0.5                       numbers from 0.5 to 6.5
colour   category    black                     2 values: "black", "white"
born     date        2020-01-01                dates, year-month-day
code     unused      B                         3 values: "B", "C", "D"; it says the same as the labels in every row
species  label       bird                      3 classes: bird (20), cat (20), dog (20)

modalities: photo (image, 32×64), caption (text), table (table, 4 columns)
warning: column code says the same as the labels species in every row, and is not used`
	if !strings.HasPrefix(text.String(), want) {
		t.Error(cmp.Diff(want, text.String()))
	}
}

// TestKinds: a person overrules what columns are taken for.
func TestKinds(t *testing.T) {
	fill(t, animalFiles())
	p, yaml, _ := look(t, "pets.csv", inspect.Request{Labels: []string{"species"},
		Kinds: map[string]string{"age": "category", "code": "category", "photo": "unused", "weight": "group", "#-3": "category"}})
	for _, line := range []string{"        - age ", "        - code ", "kinds: {age: category, colour: category, born: category, code: category}", "split: {group: weight, random: [0.7, 0.15, 0.15], seed: 1}",
		"# not used: photo: as you say; it looks like a picture (paths of pictures)"} {
		if !strings.Contains(yaml, line) {
			t.Errorf("no %q in\n%s", line, yaml)
		}
	}
	if !strings.Contains(strings.Join(p.Warnings, "\n"), "column code says the same as the labels species in every row") {
		t.Errorf("warnings: %q", p.Warnings)
	}
	for kinds, report := range map[string]string{
		"caption=number":  "column caption is not a number: no cell is a number",
		"nothing=number":  "there is no column nothing",
		"age=integer":     `unknown kind of column "integer": want one of number, category`,
		"caption=date":    "column caption is not a date: no cell is a date",
		"species=picture": "", // the label is the label
	} {
		column, kind, _ := strings.Cut(kinds, "=")
		_, err := inspect.Look(t.Context(), "pets.csv", inspect.Request{Labels: []string{"species"}, Kinds: map[string]string{column: kind}})
		if report == "" && err != nil || report != "" && (err == nil || !strings.Contains(err.Error(), report) || !errors.As(err, new(*inspect.RequestError))) {
			t.Errorf("%s: %v, want %q", kinds, err, report)
		}
	}
}

// TestLabels: several 0/1 columns, several labels in a cell, none, and those that cannot be predicted.
func TestLabels(t *testing.T) {
	rows := table(80, "x,cute,big,tags,price,one,few", func(i int) string {
		return fmt.Sprintf("%d.5,%d,%d,%s,%d.%02d,same,%s", i*7%31, i%2, i/2%2, []string{"a|b", "b", "c|a", ""}[i%4], i*37%100, i%100, []string{"u", "v", "w", ""}[i*i%11%4])
	})
	for _, test := range []struct {
		request  inspect.Request
		line     string
		warnings string
	}{
		{inspect.Request{Labels: []string{"cute,big"}}, "  labels: {columns: [cute, big]}", ""},
		{inspect.Request{Labels: []string{"cute", "big"}}, "  labels: {columns: [cute, big]}", ""},
		{inspect.Request{Labels: []string{"tags"}, Separator: "|"}, `  labels: {column: tags, separator: "|"}      # any of 3 classes: a (40), b (40), c (20)`, ""},
		{inspect.Request{Labels: []string{"few"}}, "  unlabelled: drop", ""},
		{inspect.Request{Labels: []string{"#2"}}, "  labels: cute", ""},
		{inspect.Request{Kinds: map[string]string{"cute": "label"}}, "  labels: cute", ""},
		{inspect.Request{Labels: []string{"tags"}}, "  labels: tags", `cells such as "a|b" are taken for one class each; if a row may have several labels, name what separates them: --separator '|'`},
	} {
		fill(t, map[string]string{"t.csv": rows})
		p, yaml, _ := look(t, "t.csv", test.request)
		if all := strings.Join(p.Warnings, "\n"); !strings.Contains(yaml, test.line) || !strings.Contains(all, test.warnings) {
			t.Errorf("%v: %q\n%s", test.request, all, yaml)
		}
	}
	for _, test := range []struct {
		request inspect.Request
		report  string
		usage   bool
	}{
		{inspect.Request{}, "which column is to be predicted? Name it with --label COLUMN. Likely ones: tags (3 values), few (2 values), x (31 values), cute (2 values), big (2 values)", true},
		{inspect.Request{Labels: []string{"tag"}}, `there is no column tag (did you mean tags?)`, true},
		{inspect.Request{Labels: []string{"price"}}, "column price: the labels are 80 different numbers, such as", false},
		{inspect.Request{Labels: []string{"one"}}, `column one: every row has the same label "same": there is nothing to predict`, false},
		{inspect.Request{Labels: []string{"cute", "x"}}, "t.csv:2: column x: want 0 or 1", false},
		{inspect.Request{Labels: []string{"cute", "big"}, Separator: "|"}, "a separator is for one column of labels", true},
	} {
		_, err := inspect.Look(t.Context(), "t.csv", test.request)
		if err == nil || !strings.Contains(err.Error(), test.report) || errors.As(err, new(*inspect.RequestError)) != test.usage {
			t.Errorf("%v: %v, want %q", test.request, err, test.report)
		}
	}
}

// TestPlaces: pictures beside the table, in a folder or an archive beside it, with the table in an archive; folders of classes; tables
// per split.
func TestPlaces(t *testing.T) {
	pictures := map[string]string{}
	for i := range 6 {
		pictures[fmt.Sprintf("%d.png", i)] = pngOf(20, 20, true)
	}
	in := func(folder string) map[string]string {
		m := map[string]string{}
		for name, data := range pictures {
			m[folder+name] = data
		}
		return m
	}
	with := func(m map[string]string, name, text string) map[string]string {
		m[name] = text
		return m
	}
	rows := table(30, "file,y", func(i int) string { return fmt.Sprintf("%d.png,%s", i%6, []string{"a", "b"}[i*i%5%2]) })
	named := table(30, "file_name,y", func(i int) string { return fmt.Sprintf("%d.png,%s", i%6, []string{"a", "b"}[i*i%5%2]) })
	classes := map[string]string{}
	for i := range 6 {
		classes[fmt.Sprintf("animals/%s/%d.png", []string{"cat", "dog"}[i%2], i)] = pngOf(20, 20, true)
	}
	const image = "{name: file, kind: image, column: file, size: [20, 20], channels: 1}"
	for name, test := range map[string]struct {
		files map[string]string
		data  string
		lines []string
	}{
		"beside":            {with(in(""), "t.csv", rows), "t.csv", []string{"path: t.csv", image}},
		"in a folder":       {with(in("sub/pictures/"), "sub/t.csv", rows), "sub/t.csv", []string{"path: sub/t.csv", "column: file, folder: sub/pictures, size: [20, 20]"}},
		"in an archive":     {map[string]string{"t.csv": rows, "p.zip": zipOf(t, in(""))}, "t.csv", []string{"column: file, folder: p.zip, size: [20, 20]"}},
		"in its folder":     {map[string]string{"t.csv": rows, "p.zip": zipOf(t, in("photos/"))}, "t.csv", []string{"column: file, folder: p.zip/photos, size: [20, 20]"}},
		"all in an archive": {map[string]string{"all.zip": zipOf(t, with(in(""), "t.csv", rows))}, "all.zip", []string{"path: all.zip/t.csv", image}},
		"archived folder":   {map[string]string{"all.zip": zipOf(t, with(in("p/"), "t.csv", rows))}, "all.zip", []string{"path: all.zip/t.csv", "folder: all.zip/p,"}},
		"folder":            {with(in("d/"), "d/t.csv", rows), "d", []string{"path: d/t.csv", image}},
		"metadata":          {with(with(in("d/"), "d/metadata.csv", named), "d/other.csv", "a\n1\n"), "d", []string{"path: d/metadata.csv", "column: file_name"}},
		"classes":           {classes, "animals", []string{"path: animals", "{name: image, kind: image, column: file_name,", "labels: label "}},
		"splits": {with(with(in("d/"), "d/train.csv", rows), "d/test.csv", rows), "d",
			[]string{"path: d/train.csv", "test: d/test.csv", "split: {random: [0.85, 0.15, 0], seed: 1}"}},
	} {
		t.Run(name, func(t *testing.T) {
			fill(t, test.files)
			r := inspect.Request{Labels: []string{"y"}}
			if name == "classes" {
				r.Labels = nil
			}
			p, yaml, _ := look(t, test.data, r)
			for _, line := range test.lines {
				if !strings.Contains(yaml, line) {
					t.Errorf("no %q in\n%s%v", line, yaml, p.Warnings)
				}
			}
		})
	}
	for name, test := range map[string]struct {
		files  map[string]string
		data   string
		report string
	}{
		"nothing":      {nil, "t.csv", "t.csv"},
		"empty folder": {map[string]string{"d/readme.md": "hello"}, "d", "d: there is no table (CSV, TSV or JSON lines) and there are no folders of pictures"},
		"two tables":   {map[string]string{"d/a.csv": rows, "d/b.csv": rows}, "d", "d has 2 tables (d/a.csv, d/b.csv): name one"},
		"no pictures":  {map[string]string{"t.csv": rows}, "t.csv", "there is no column to predict from (file: paths of pictures; no picture opens: "},
	} {
		t.Run(name, func(t *testing.T) {
			fill(t, test.files)
			if _, err := inspect.Look(t.Context(), test.data, inspect.Request{Labels: []string{"y"}}); err == nil || !strings.Contains(err.Error(), test.report) {
				t.Errorf("%v, want %q", err, test.report)
			}
		})
	}
}

// TestSomePicturesMissing: a sample of the files is opened, and the first fault is named.
func TestSomePicturesMissing(t *testing.T) {
	fill(t, map[string]string{"0.png": pngOf(8, 8, true), "1.png": "not a picture", "t.csv": table(30, "file,y", func(i int) string { return fmt.Sprintf("%d.png,%d", i%3, i*i%5%2) })})
	p, _, _ := look(t, "t.csv", inspect.Request{Labels: []string{"y"}})
	if all := strings.Join(p.Warnings, "\n"); !strings.Contains(all, "column file: 20 of 30 pictures that were tried do not open: 1.png: ") {
		t.Errorf("warnings: %s", all)
	}
	fill(t, map[string]string{"t.csv": table(30, "file,age,y", func(i int) string { return fmt.Sprintf("gone/%d.png,%d.5,%d", i%3, i*i%11, i*i%5%2) })})
	p, _, _ = look(t, "t.csv", inspect.Request{Labels: []string{"y"}})
	if all := strings.Join(p.Warnings, "\n"); !strings.Contains(all, "column file is not used, because no picture opens: gone/") {
		t.Errorf("warnings: %s", all)
	}
}

// TestArraysAndLists: npy files are arrays or series by their axes; short lists are features, long ones series, those of equal length
// one.
func TestArraysAndLists(t *testing.T) {
	list := func(i, n int) string { return strings.Trim(strings.Repeat(fmt.Sprint(i, " "), n), " ") }
	fill(t, map[string]string{
		"a0.npy": npyOf(t, 16, 16, 3), "a1.npy": npyOf(t, 16, 16, 3), "b0.npy": npyOf(t, 30, 4), "b1.npy": npyOf(t, 20, 4),
		"t.csv": table(30, "scan,curve,rgb,hr,spo2,free,y", func(i int) string {
			return fmt.Sprintf("a%d.npy,b%d.npy,%s,%s,%s,%s,%s", i%2, i/2%2, list(i, 3), list(i, 40), list(i*2, 40), list(i, i%4+2), []string{"u", "v"}[i*i%5%2])
		}),
	})
	_, yaml, _ := look(t, "t.csv", inspect.Request{Labels: []string{"y"}})
	for _, line := range []string{
		"{name: scan, kind: array, column: scan, layout: channels_last}", "{name: curve, kind: series, column: curve}",
		"    - name: series\n      kind: series\n      columns:\n        - hr", "        - spo2 ", "{name: free, kind: series, columns: free}",
		"        - rgb ", "kinds: {rgb: list}",
	} {
		if !strings.Contains(yaml, line) {
			t.Errorf("no %q in\n%s", line, yaml)
		}
	}
}

// TestUntrainedLabels: a label that no training row has would keep the data set from opening.
func TestUntrainedLabels(t *testing.T) {
	row := func(i int) string {
		return fmt.Sprintf("%d.5,%s,%s", i*7%31, []string{"a", "b", "c"}[i%3], []string{"train", "val", "test"}[i%3])
	}
	fill(t, map[string]string{"t.csv": table(60, "x,y,subset", func(i int) string {
		if i%3 == 0 || i%2 == 0 {
			return fmt.Sprintf("%d.5,%s,train", i*7%31, []string{"a", "b"}[i%4/2])
		}
		return row(i)
	})})
	p, yaml, o := look(t, "t.csv", inspect.Request{Labels: []string{"y"}})
	if !strings.Contains(yaml, "  unknown: ignore") || !strings.Contains(strings.Join(p.Warnings, "\n"), `no training row has "c", which cannot be learned and are ignored`) {
		t.Errorf("%q\n%s", p.Warnings, yaml)
	}
	d, err := records.Open(t.Context(), *o, dataset.Environment{Folder: "."})
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	fill(t, map[string]string{"t.csv": table(60, "x,y", func(i int) string { return fmt.Sprintf("%d.5,%s", i*7%31, []string{"a|b", "b", "c|a"}[i%3]) })})
	if _, yaml, _ := look(t, "t.csv", inspect.Request{Labels: []string{"y"}, Separator: "|"}); strings.Contains(yaml, "unknown: ignore") {
		t.Error(yaml)
	}
}

// TestLongTable: the beginning of a long table is looked at, which may have a single class.
func TestLongTable(t *testing.T) {
	fill(t, map[string]string{"t.csv": table(100_001, "x,y", func(i int) string { return fmt.Sprintf("%d.5,%d", i*7919%10007, i/100_000) })})
	p, yaml, _ := look(t, "t.csv", inspect.Request{Labels: []string{"y"}})
	if !p.Partial || p.Rows != 100_000 || !strings.Contains(yaml, "for t.csv: the first 100,000 rows, 2 columns") || !strings.Contains(yaml, "  labels: \"y\" ") ||
		!strings.Contains(strings.Join(p.Warnings, "\n"), "of the first 100,000 rows, every row has the same label") {
		t.Errorf("%q\n%s", p.Warnings, yaml)
	}
}

// TestWideTable: many columns and texts still make a short configuration.
func TestWideTable(t *testing.T) {
	var header, texts []string
	for i := range 80 {
		header = append(header, fmt.Sprintf("measurement_%d", i))
	}
	for i := range 5 {
		texts = append(texts, fmt.Sprintf("note_%d", i))
	}
	fill(t, map[string]string{"t.csv": table(40, strings.Join(slices.Concat(header, texts, []string{"y"}), ","), func(i int) string {
		var cells []string
		for k := range header {
			cells = append(cells, fmt.Sprint(float64((i*31+k*17)%97)/7))
		}
		for k := range texts {
			cells = append(cells, fmt.Sprintf("some longer words with number %d", i*(k+1)))
		}
		return strings.Join(append(cells, []string{"u", "v"}[i*i%5%2]), ",")
	})})
	_, yaml, o := look(t, "t.csv", inspect.Request{Labels: []string{"y"}})
	if n := strings.Count(yaml, "\n"); n >= 25 || len(o.Modalities) != 2 || !slices.Equal(o.Modalities[1].Columns, []string{"measurement_0..measurement_79"}) || len(o.Modalities[0].Column) != 5 {
		t.Errorf("%d lines, %+v\n%s", n, o.Modalities, yaml)
	}
}

// TestAnyNames: whatever columns and files are called, the configuration is read back with the same columns.
func TestAnyNames(t *testing.T) {
	t.Chdir(t.TempDir())
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a", "yes", "null", "all", "#1", "#-1", "a..b", "lab_*", "a: b", "- a", "'", `"`, "a #b", "\x1b[31m", "é", "\u2028", "1e5", "[x]",
			"{x}", "~", "!a", "&a", "*a", ".5", "a,b", " a ", "\u0085", "\U000e0001", "x\xff"}))
		columns := rapid.SliceOfN(name, 2, 6).Draw(t, "columns")
		for i, c := range columns {
			columns[i] = `"` + strings.ReplaceAll(strings.Map(func(r rune) rune {
				if r == 0 || r == '\r' {
					return '0' // which the table itself refuses or changes
				}
				return r
			}, c), `"`, `""`) + `"`
		}
		text := table(24, strings.Join(append(columns, "y"), ","), func(i int) string {
			var cells []string
			for k := range columns {
				cells = append(cells, fmt.Sprint(float64((i*(k+3)*31)%97)/7))
			}
			return strings.Join(append(cells, []string{"u", "v"}[i*i%5%2]), ",")
		})
		if err := os.WriteFile("t.csv", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := inspect.Look(t.Context(), "t.csv", inspect.Request{Labels: []string{"#-1"}})
		if err != nil {
			t.Skip(err) // a header that is none
		}
		yaml, err := p.YAML(".")
		if err != nil {
			t.Fatal(err)
		}
		c, err := config.Parse("plan.yaml", []byte(yaml))
		if err != nil {
			t.Fatalf("%v\n%s", err, yaml)
		}
		o := c.Data.Options.(*records.Options)
		at, err := tabular.Select(columnsOf(p), nil, o.Modalities[0].Columns...)
		if err != nil || len(o.Modalities) != 1 || len(at) != len(columns) || !slices.IsSorted(at) || at[0] != 0 {
			t.Fatalf("%v, %v\n%s", at, err, yaml)
		}
	})
}

func columnsOf(p *inspect.Proposal) (names []string) {
	for _, c := range p.Columns {
		names = append(names, c.Name)
	}
	return names
}

// TestTooManyColumns: a table of hundreds of thousands of columns is an error, not gigabytes of memory.
func TestTooManyColumns(t *testing.T) {
	fill(t, map[string]string{"wide.csv": strings.Repeat("a,", 100_000) + "label\n" + strings.Repeat("1,", 100_000) + "x\n"})
	if _, err := inspect.Look(t.Context(), "wide.csv", inspect.Request{Labels: []string{"label"}}); err == nil || !strings.Contains(err.Error(), "100001 columns") {
		t.Error(err)
	}
}

// A column of persons says how rows are split, or beside a column or files that say it, which rows belong together.
func TestPersons(t *testing.T) {
	row := func(split func(i int) string) func(i int) string {
		return func(i int) string {
			return fmt.Sprintf("%d,p%d,%s,%s", i*7919%101, i%12, []string{"a", "b"}[i/2%2], split(i))
		}
	}
	fill(t, map[string]string{
		"none.csv":        table(60, "x,person,y,z", row(func(i int) string { return fmt.Sprint(i * 31 % 17) })),
		"split.csv":       table(60, "x,person,y,split", row(func(i int) string { return []string{"train", "train", "val", "test"}[i%4] })),
		"files/train.csv": table(60, "x,person,y,z", row(func(i int) string { return fmt.Sprint(i * 31 % 17) })),
		"files/test.csv":  table(20, "x,person,y,z", row(func(i int) string { return fmt.Sprint(i * 31 % 17) })),
	})
	for data, want := range map[string][2]string{ // group, split.group
		"none.csv":  {"", "person"},
		"split.csv": {"person", ""},
		"files":     {"person", ""},
	} {
		_, yaml, o := look(t, data, inspect.Request{Labels: []string{"y"}})
		if got := [2]string{o.Group, o.Split.Group}; got != want {
			t.Errorf("%s: groups %q, want %q\n%s", data, got, want, yaml)
		}
	}
}
