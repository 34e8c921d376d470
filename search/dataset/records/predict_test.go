package records_test

import (
	"encoding/json"
	"fmt"
	"image/color"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
)

// everything is a data set with modalities of every kind, some of which some rows lack.
func everything(t testing.TB) (dir string) {
	t.Helper()
	table, more := &strings.Builder{}, &strings.Builder{}
	table.WriteString("id,age,sex,note,photo,hr,spo2,trace,scan,class,split\n")
	more.WriteString("id,weight\n")
	files := map[string]string{}
	dir = t.TempDir()
	for i := range 40 {
		photo, trace, scan, age, hr, spo2 := fmt.Sprintf("p/%d.png", i), fmt.Sprintf("t%d.npy", i), fmt.Sprintf("s%d.npy", i), fmt.Sprint(20+i), "[1, 2, 3]", "[4, nan, 6]"
		files[photo] = picture(t, 8+i%3, 9, color.RGBA{uint8(i), uint8(i * 6), 7, 255})
		datasettest.WriteArray(t, filepath.Join(dir, trace), "<f4", []int{3 + i%4, 2}, datasettest.Ramp(7+i)...)
		datasettest.WriteArray(t, filepath.Join(dir, scan), "<f8", []int{4, 5, 3}, datasettest.Ramp(5+i)...)
		switch i % 5 {
		case 1:
			photo = ""
		case 2:
			trace, hr, spo2 = "", "", ""
		case 3:
			scan, age = "", "NA"
		case 4:
			hr, spo2 = "1 2", "3 4"
		}
		fmt.Fprintf(table, "p%02d,%s,%s,\"the note, %d\",%s,\"%s\",\"%s\",%s,%s,%s,%s\n", i, age, "mfx"[i%3:i%3+1], i%7, photo, hr, spo2, trace, scan, "ab"[i%2:i%2+1],
			[]string{"train", "train", "val", "test"}[i/10])
		if i%6 != 0 {
			fmt.Fprintf(more, "p%02d,%d\n", i, i*i)
		}
	}
	files["rows.csv"], files["more.csv"] = table.String(), more.String()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const everythingData = `
	path: rows.csv
	modalities:
	  - {name: person, kind: table, columns: [age, sex]}
	  - {name: note, kind: text, column: note}
	  - {name: words, kind: bag, column: note}
	  - {name: photo, kind: image, column: photo}
	  - {name: vitals, kind: series, columns: [hr, spo2]}
	  - {name: trace, kind: series, column: trace}
	  - {name: scan, kind: array, column: scan, layout: channels_last}
	  - {name: more, kind: table, path: more.csv, columns: weight, key: id}
	labels: class
	split: {column: split}
`

// predictor opens rows for a model of the data set.
func predictor(t testing.TB, d dataset.Dataset, in dataset.Input, folder string) (*dataset.Unlabelled, error) {
	t.Helper()
	recipe, err := d.(dataset.Raw).Recipe()
	if err != nil {
		t.Fatal(err)
	}
	format, err := dataset.Lookup("records")
	if err != nil {
		t.Fatal(err)
	}
	read, err := format.Recipe(recipe)
	if err != nil {
		t.Fatal(err)
	}
	u, err := read.Predict(t.Context(), in, dataset.Environment{Folder: folder, Preprocessing: stored(t, d)})
	if err == nil {
		t.Cleanup(func() { u.Close() })
	}
	return u, err
}

// stored is the preprocessing as a model file keeps it.
func stored(t testing.TB, d dataset.Dataset) (p map[string]dataset.Standardisation) {
	t.Helper()
	text, err := json.Marshal(d.Preprocessing())
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// same compares rows of two data sets, bit by bit, with their masks.
func same(t testing.TB, a dataset.Dataset, split dataset.Split, rowA int, b dataset.Dataset, rowB int) {
	t.Helper()
	for i, m := range a.Modalities() {
		k := dataset.ModalityIndex(b, m.Name)
		if k < 0 {
			t.Fatalf("no modality %s", m.Name)
		}
		if other := b.Modalities()[k]; fmt.Sprint(other) != fmt.Sprint(m) {
			t.Fatalf("modality %+v, want %+v", other, m)
		}
		x, y := sample(t, a, split, m.Name, rowA), sample(t, b, dataset.Test, m.Name, rowB)
		for e := range x {
			if math.Float32bits(x[e]) != math.Float32bits(y[e]) {
				t.Fatalf("%s: row %d: element %d is %v in training and %v in prediction", m.Name, rowA, e, x[e], y[e])
			}
		}
		if m.Masked {
			p, q := make([]float32, m.Steps()), make([]float32, m.Steps())
			if err := a.Mask(split, i, rowA, p); err != nil {
				t.Fatal(err)
			}
			if err := b.Mask(dataset.Test, k, rowB, q); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(p, q) {
				t.Fatalf("%s: row %d: mask %v in training and %v in prediction", m.Name, rowA, p, q)
			}
		}
	}
}

// Rows read as in training, whether they were training rows or not, and whatever they lack.
func TestPredictionsReadRowsAsTrainingDoes(t *testing.T) {
	dir := everything(t)
	d := must(t, dir, everythingData)
	for _, m := range d.Modalities() {
		if wanted := m.Name != "person" && m.Name != "words"; m.Masked != wanted {
			t.Errorf("%s has a mask: %v", m.Name, m.Masked)
		}
	}
	u, err := predictor(t, d, dataset.Input{Files: []string{"rows.csv", "more.csv"}}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if n := u.Len(dataset.Test); n != 40 {
		t.Fatalf("%d rows", n)
	}
	first := 0
	for _, s := range dataset.Splits {
		for row := range d.Len(s) {
			same(t, d, s, row, u, first+row)
		}
		first += d.Len(s)
	}
	if got := fmt.Sprint(u.Columns, u.Row(3)); got != "[id true class] [p03 b]" {
		t.Errorf("carried along: %s", got)
	}
}

// A new table may lack the label and other columns that the model does not read, and have its columns in another order.
func TestColumnsOfANewTable(t *testing.T) {
	dir := folder(t, map[string]string{"pets.csv": pets(), "new.csv": "more,text,sex,AGE,age\n1,a dog says woof,x,2,17\n2,,,3,\n"})
	d := must(t, dir, `
		path: pets.csv
		modalities:
		  - {name: animal, kind: table, columns: [age, sex]}
		  - {name: text, kind: text, column: text}
		labels: species
		split: {column: split}
	`)
	u, err := predictor(t, d, dataset.Input{Files: []string{"new.csv"}}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := sample(t, u, dataset.Test, "animal", 0); got[1] != 0 || got[2] != 0 || got[0] <= 0 {
		t.Errorf("an age above the mean and an unseen sex read %v", got)
	}
	if got := sample(t, u, dataset.Test, "animal", 1); got[0] != 0 {
		t.Errorf("a missing age reads %v, want the mean", got)
	}
	one, err := predictor(t, d, dataset.Input{Values: []map[string]string{{"text": "a dog says woof", "age": "17", "sex": "x"}}}, dir)
	if err != nil {
		t.Fatal(err)
	}
	same(t, u, dataset.Test, 0, one, 0)
	for want, in := range map[string]dataset.Input{
		"new.csv lacks columns that the model reads: nothing":     {},
		"the model reads no fur: it reads animal, text, age, sex": {Values: []map[string]string{{"fur": "1"}}},
		"modality animal has 2 columns":                           {Values: []map[string]string{{"animal": "1"}}},
		"column age: ":                                            {Values: []map[string]string{{"age": "old"}}},
		"lacks columns that the model reads: sex, text":           {Files: []string{"short.csv"}},
		"none.csv": {Files: []string{"none.csv"}},
	} {
		if len(in.Files)+len(in.Values) == 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "short.csv"), []byte("age\n1\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := predictor(t, d, in, dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestPicturesAreInput(t *testing.T) {
	files := pictures(t, "train/", 6)
	maps.Copy(files, pictures(t, "validation/", 2))
	maps.Copy(files, map[string]string{"flat/a.png": picture(t, 30, 20, color.White), "flat/b.png": picture(t, 8, 8, color.Black)})
	dir := folder(t, map[string]string{})
	for name, content := range files {
		path := filepath.Join(dir, "data", name)
		if strings.HasPrefix(name, "flat") {
			path = filepath.Join(dir, name)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d := must(t, dir, "path: data\nmodalities: [{name: photo, kind: image}]\nlabels: label")
	for name, in := range map[string]dataset.Input{
		"a folder": {Files: []string{"flat"}}, "pictures": {Files: []string{"flat/a.png", "flat/b.png"}},
		"a glob": {Files: []string{"flat/*.png"}}, "one, by modality": {Values: []map[string]string{{"photo": "flat/a.png"}}}, "one, by column": {Values: []map[string]string{{"file_name": "flat/a.png"}}},
	} {
		u, err := predictor(t, d, in, dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := sample(t, u, dataset.Test, "photo", 0); got[0] < .5 {
			t.Errorf("%s: a white picture reads %v", name, got[0])
		}
	}
}

// A new row may lack a picture that every training row had: it gets the mean, and a warning says so.
func TestPicturesThatNewRowsLack(t *testing.T) {
	files := map[string]string{"new.csv": "photo,age\n3.png,1\n,2\n"}
	var table strings.Builder
	table.WriteString("photo,age,label\n")
	for i := range 12 {
		name := fmt.Sprintf("%d.png", i)
		files[name] = picture(t, 8, 8, color.Gray{Y: uint8(20 * i)})
		fmt.Fprintf(&table, "%s,%d,%c\n", name, i, 'a'+i%2)
	}
	files["data.csv"] = table.String()
	dir := folder(t, files)
	d := must(t, dir, "path: data.csv\nmodalities: [{name: photo, kind: image, column: photo}, {name: age, kind: table, columns: [age]}]\nlabels: label")
	u, err := predictor(t, d, dataset.Input{Files: []string{"new.csv"}}, dir)
	if err != nil {
		t.Fatal(err)
	}
	const want = "1 of 2 rows lack photo, which every training row had: they get its mean; drop_modality trains a model to do without"
	if got := u.Warnings(); !slices.Equal(got, []string{want}) {
		t.Errorf("warnings %q, want %q", got, want)
	}
	if got := sample(t, u, dataset.Test, "photo", 1); slices.ContainsFunc(got, func(x float32) bool { return x != 0 }) {
		t.Errorf("the picture that is not there reads %v, want zeros, the mean", got)
	}
}

// Six tables are found in a new archive by their names.
func TestTablesOfANewArchive(t *testing.T) {
	dir := views(t, 100)
	d := must(t, dir, viewsData)
	u, err := predictor(t, d, dataset.Input{Files: []string{"views.zip"}}, dir)
	if err != nil {
		t.Fatal(err)
	}
	if u.Len(dataset.Test) != 100 {
		t.Errorf("%d rows", u.Len(dataset.Test))
	}
	if _, err := predictor(t, d, dataset.Input{Files: []string{"views.zip/mfeat/view0.csv"}}, dir); err == nil || !strings.Contains(err.Error(), "the model reads 6 files (view0.csv, view1.csv, ") {
		t.Errorf("error %v", err)
	}
}
