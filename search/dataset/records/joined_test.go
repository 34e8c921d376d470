package records_test

import (
	"fmt"
	"image/color"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
)

// icons is a table of pictures and texts with several tags per row and a split column, and a zip of its pictures. Some rows lack a
// picture, some a text.
func icons(t testing.TB, n int) string {
	t.Helper()
	table, pictures := &strings.Builder{}, map[string]string{}
	table.WriteString("code,title,caption,tags,split\n")
	for i := range n {
		tags := []string{"red", "green", "red|green", ""}[i%4]
		title := []string{"a red thing", "a green thing", `"both, red and green"`, "none"}[i%4]
		if i%7 == 3 {
			title = ""
		}
		code := fmt.Sprintf("icon%02d", i)
		if i%2 == 0 {
			c := color.RGBA{A: 255}
			if strings.Contains(tags, "red") {
				c.R = 255
			}
			if strings.Contains(tags, "green") {
				c.G = 255
			}
			pictures["png/"+code+".png"] = picture(t, 12, 8, c)
			pictures["__MACOSX/png/._"+code+".png"] = "rubbish"
		} else {
			code = ""
		}
		fmt.Fprintf(table, "%s,%s,caption,%s,%s\n", code, title, tags, []string{"train", "train", "train", "train", "dev", "Test"}[i/4%6])
	}
	return folder(t, map[string]string{"icons.csv": table.String(), "icons.zip": zipped(t, pictures)})
}

const iconsData = `
	path: icons.csv
	modalities:
	  - {name: icon, kind: image, file: "icons.zip/png/{code}.png"}
	  - {name: text, kind: text, column: [title, caption], tokenizer: words}
	  - {name: words, kind: bag, column: title}
	labels: {column: tags, separator: "|"}
	split: {column: split}
`

func TestPicturesAndTextsOfWhichHalfAreMissing(t *testing.T) {
	d := must(t, icons(t, 96), iconsData)
	if got := rows(d); got != "64 16 16" {
		t.Errorf("rows %s", got)
	}
	m := d.Modalities()[0]
	if m.Kind != mixer.Map || fmt.Sprint(m.Shape) != "[3 8 12]" || !m.Masked {
		t.Errorf("icons are %+v", m)
	}
	mask := make([]float32, 1)
	for row := range 4 {
		if err := d.Mask(dataset.Train, 0, row, mask); err != nil || mask[0] != float32(1-row%2) {
			t.Errorf("row %d: mask %v, %v", row, mask, err)
		}
		for _, v := range sample(t, d, dataset.Train, "icon", row) {
			if row%2 == 1 && v != 0 {
				t.Fatalf("a missing picture reads %v", v)
			}
		}
	}
	if got := label(t, d, dataset.Train, 2); got != "green|red" {
		t.Errorf("labels %s", got)
	}
	if got := label(t, d, dataset.Train, 3); got != "" {
		t.Errorf("labels %s", got)
	}
}

// views are six tables in a zip, joined by the order of their rows, with equal names of columns; the label is in the last column.
func views(t testing.TB, n int) string {
	t.Helper()
	files := map[string]string{}
	for v := range 6 {
		b := &strings.Builder{}
		b.WriteString("x,x,x,class\n")
		for i := range n {
			fmt.Fprintf(b, "%d,%d,%g,%d\n", v, i%10, float64(i%10)+float64(v)/2, i%10)
		}
		files[fmt.Sprintf("mfeat/view%d.csv", v)] = b.String()
	}
	return folder(t, map[string]string{"views.zip": zipped(t, files)})
}

const viewsData = `
	modalities:
	  - {name: v0, kind: table, path: views.zip/mfeat/view0.csv, columns: "#1..#-2"}
	  - {name: v1, kind: table, path: views.zip/mfeat/view1.csv, columns: "#1..#-2"}
	  - {name: v2, kind: table, path: views.zip/mfeat/view2.csv, columns: "#1..#-2"}
	  - {name: v3, kind: table, path: views.zip/mfeat/view3.csv, columns: "#1..#-2"}
	  - {name: v4, kind: table, path: views.zip/mfeat/view4.csv, columns: "#1..#-2"}
	  - {name: v5, kind: table, path: views.zip/mfeat/view5.csv, columns: all}
	labels: {path: views.zip/mfeat/view5.csv, column: "#-1"}
`

func TestSixTablesInAZip(t *testing.T) {
	d := must(t, views(t, 200), viewsData)
	if got := rows(d); got != "140 30 30" {
		t.Errorf("rows %s", got)
	}
	if len(d.Modalities()) != 6 || len(d.Task().Classes) != 10 {
		t.Errorf("%v of %v", d.Modalities(), d.Task().Classes)
	}
	for _, m := range d.Modalities()[:5] {
		if m.Size() != 3 {
			t.Errorf("%+v", m)
		}
	}
}

func TestKeysJoinTables(t *testing.T) {
	a, b := &strings.Builder{}, &strings.Builder{}
	a.WriteString("id,class\n")
	b.WriteString("weight,id\n")
	for i := range 40 {
		fmt.Fprintf(a, "p%d,%s\n", i, "ab"[i%2:i%2+1])
		if i != 5 {
			fmt.Fprintf(b, "%d, p%d \n", (39-i)*10, 39-i)
		}
	}
	b.WriteString("1,\n2,\n") // without a key they are those of no row
	dir := folder(t, map[string]string{"a.csv": a.String(), "b.csv": b.String()})
	d := must(t, dir, `
		path: a.csv
		modalities:
		  - {name: x, kind: table, path: b.csv, columns: weight, key: id, standardise: none}
		labels: class
		split: {last: [10, 10]}
	`)
	if got := d.Warnings(); len(got) == 0 || !strings.HasPrefix(got[0], "modality x: 1 of 40 rows lack it, because ") || !strings.HasSuffix(got[0], "b.csv has no row with their key") {
		t.Errorf("warnings %q", got)
	}
	for row := range 20 {
		if got := sample(t, d, dataset.Train, "x", row); got[0] != float32(row*10) {
			t.Errorf("row %d has weight %v", row, got)
		}
	}
	mask := make([]float32, 1)
	if err := d.Mask(dataset.Test, 0, 34-30, mask); err != nil || mask[0] != 0 {
		t.Errorf("a row that is joined with none has the mask %v, %v", mask, err)
	}
}
