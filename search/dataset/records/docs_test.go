package records_test

import (
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/dataset/datasettest"
)

// The configurations in README.md and docs/data.md that show what the format can say open data as they are written.
func TestDocumentation(t *testing.T) {
	for _, name := range []string{"README.md", "docs/data.md"} {
		t.Run(name, func(t *testing.T) { opensAsWritten(t, "../../../"+name) })
	}
}

// opensAsWritten opens data with the first configuration on a page.
func opensAsWritten(t *testing.T, path string) {
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	dir := t.TempDir()
	const header = "code,photo,title,caption,age,sex,weight,hr,spo2,scan,species,split\n"
	tables, icons, fourier := map[string]string{"train.csv": header, "test.csv": header}, map[string]string{}, &strings.Builder{}
	fourier.WriteString("f,f,f,n\n")
	for i := range 40 {
		name := "train.csv"
		if i >= 30 {
			name = "test.csv"
		}
		icons[fmt.Sprintf("png72/%x.png", i)] = picture(t, 72, 72, color.White)
		write(t, filepath.Join(dir, fmt.Sprintf("%d.png", i)), picture(t, 9, 9, color.Black))
		datasettest.WriteArray(t, filepath.Join(dir, fmt.Sprintf("%d.npy", i)), "<f4", []int{4, 4, 3}, datasettest.Ramp(9)...)
		tables[name] += fmt.Sprintf("%x,%d.png,a title,\"a caption, %d\",%d,%s,%d.5,\"[1, %d]\",\"[3, 4]\",%d.npy,%s,%s\n",
			i, i, i, 20+i, "mf"[i%2:i%2+1], 50+i, i, i, []string{"cat", "dog"}[i%2], []string{"train", "train", "val"}[i/10%3])
		fmt.Fprintf(fourier, "%d,%d,%d,%d\n", i, i*i%7, i%5, i)
	}
	for name, content := range tables {
		write(t, filepath.Join(dir, name), content)
	}
	write(t, filepath.Join(dir, "png72.zip"), zipped(t, icons))
	write(t, filepath.Join(dir, "views.zip"), zipped(t, map[string]string{"fourier.csv": fourier.String()}))
	c, err := config.Parse(path, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	format, err := dataset.Lookup(c.Data.Format)
	if err != nil {
		t.Fatal(err)
	}
	d, err := format.Open(t.Context(), c.Data.Options, dataset.Environment{Folder: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := rows(d); got != "20 10 10" {
		t.Errorf("rows %s", got)
	}
	var shapes []string
	for _, m := range d.Modalities() {
		shapes = append(shapes, fmt.Sprint(m.Name, m.Shape))
	}
	if got := strings.Join(shapes, " "); got != "photo[3 32 32] icon[3 64 64] text[64] patient[4] vitals[2 2] scan[3 4 4] fourier[3]" {
		t.Errorf("shapes %s", got)
	}
	// A configuration that is saved reads as the same one.
	var saved strings.Builder
	if err := c.Save(&saved); err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(saved.String(), "\ndata:")
	section, _, _ = strings.Cut(section, "\nsample:")
	again, err := config.Parse(path, []byte("data:"+section+"\n"))
	if err != nil {
		t.Fatalf("%v in\n%s", err, section)
	}
	if fmt.Sprintf("%+v", again.Data.Options) != fmt.Sprintf("%+v", c.Data.Options) {
		t.Errorf("saved as\n%s", section)
	}
}

// write writes a file.
func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
