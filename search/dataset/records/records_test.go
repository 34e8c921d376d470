package records_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/config"
	"mixmas/search/dataset"
)

// folder is a folder with some files.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
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

// parse reads the data section of a configuration.
func parse(t testing.TB, text string) (*config.Config, error) {
	t.Helper()
	return config.Parse("plan.yaml", []byte("data:\n  format: records\n"+indent(text)))
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		b.WriteString("  " + strings.TrimLeft(line, "\t"))
	}
	return b.String() + "\n"
}

// open opens the data of a configuration's data section.
func open(t testing.TB, dir, text string, e dataset.Environment) (dataset.Dataset, error) {
	t.Helper()
	c, err := parse(t, text)
	if err != nil {
		return nil, err
	}
	format, err := dataset.Lookup("records")
	if err != nil {
		t.Fatal(err)
	}
	e.Folder = dir
	d, err := format.Open(t.Context(), c.Data.Options, e)
	if err == nil {
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return d, err
}

// must opens data that are right.
func must(t testing.TB, dir, text string) dataset.Dataset {
	t.Helper()
	d, err := open(t, dir, text, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sample is one sample.
func sample(t testing.TB, d dataset.Dataset, s dataset.Split, modality string, row int) []float32 {
	t.Helper()
	i := dataset.ModalityIndex(d, modality)
	if i < 0 {
		t.Fatalf("there is no modality %s", modality)
	}
	dst := make([]float32, d.Modalities()[i].Size())
	if err := d.Read(s, i, row, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}

// label is the name of a row's class.
func label(t testing.TB, d dataset.Dataset, s dataset.Split, row int) string {
	t.Helper()
	dst := make([]float32, d.Task().Width())
	if err := d.Label(s, row, dst); err != nil {
		t.Fatal(err)
	}
	if len(dst) == 1 {
		return d.Task().Classes[int(dst[0])]
	}
	var names []string
	for i, v := range dst {
		if v == 1 {
			names = append(names, d.Task().Classes[i])
		}
	}
	return strings.Join(names, "|")
}

// picture is a PNG of one colour.
func picture(t testing.TB, width, height int, c color.Color) string {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// zipped is a zip archive.
func zipped(t testing.TB, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// rows counts the rows of the splits.
func rows(d dataset.Dataset) string {
	return fmt.Sprint(d.Len(dataset.Train), d.Len(dataset.Validation), d.Len(dataset.Test))
}

// pets is a table of 20 animals with a column that names their split.
func pets() string {
	var b strings.Builder
	b.WriteString("name,age,sex,text,species,split\n")
	for i := range 20 {
		species, split := "cat", "train"
		if i%2 == 1 {
			species = "dog"
		}
		if i >= 12 {
			split = "val"
		}
		if i >= 16 {
			split = "test"
		}
		fmt.Fprintf(&b, "n%d,%d,%s,a %s says %s,%s,%s\n", i, i, "mf"[i/2%2:i/2%2+1], species, []string{"meow", "woof"}[i%2], species, split)
	}
	return b.String()
}

func TestTable(t *testing.T) {
	d := must(t, folder(t, map[string]string{"pets.csv": pets()}), `
		path: pets.csv
		modalities:
		  - {name: animal, kind: table, columns: [age, sex]}
		  - {name: text, kind: text, column: text}
		labels: species
		split: {column: split}
	`)
	if got := rows(d); got != "12 4 4" {
		t.Errorf("rows %s", got)
	}
	if got := fmt.Sprint(d.Task().Classes, " ", d.Name()); got != "[cat dog] pets" {
		t.Errorf("classes %s", got)
	}
	if got := label(t, d, dataset.Test, 1); got != "dog" {
		t.Errorf("label %s", got)
	}
	m := d.Modalities()
	if m[0].Kind != mixer.Table || m[1].Kind != mixer.Text || !m[1].Masked || m[1].Vocabulary < 4 {
		t.Errorf("modalities %v", m)
	}
	if got := sample(t, d, dataset.Train, "animal", 3); len(got) != 3 || got[1] != 1 || got[2] != 0 {
		t.Errorf("a male reads %v", got)
	}
}
