package records_test

import (
	"fmt"
	"image/color"
	"maps"
	"strings"
	"testing"

	"mixmas/search/dataset"
)

// pictures are files in folders cat and dog below others.
func pictures(t testing.TB, below string, n int) map[string]string {
	t.Helper()
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("%scat/%d.png", below, i)] = picture(t, 8, 8, color.Gray{uint8(i)})
		files[fmt.Sprintf("%sdog/%d.PNG", below, i)] = picture(t, 8, 8, color.Gray{uint8(255 - i)})
	}
	return files
}

func TestFolderLayouts(t *testing.T) {
	classes := pictures(t, "data/", 10)
	splits := pictures(t, "data/train/", 6)
	maps.Copy(splits, pictures(t, "data/valid/", 2))
	maps.Copy(splits, pictures(t, "data/Test/", 3))
	half := pictures(t, "data/train/", 10)
	maps.Copy(half, pictures(t, "data/test/", 3))
	metadata := map[string]string{}
	table := &strings.Builder{}
	table.WriteString("file_name,label\n")
	for i := range 20 {
		fmt.Fprintf(table, "%02d.png,%s\n", i, []string{"cat", "dog"}[i%2])
		metadata[fmt.Sprintf("data/%02d.png", i)] = picture(t, 8, 8, color.Gray{uint8(i)})
	}
	metadata["data/metadata.csv"] = table.String()
	lines := map[string]string{}
	for _, split := range []string{"train", "test", "validation"} {
		table := &strings.Builder{}
		for i := range 4 {
			fmt.Fprintf(table, "{\"file_name\": \"%d.png\", \"label\": %q}\n", i, []string{"cat", "dog"}[i%2])
			lines[fmt.Sprintf("data/%s/%d.png", split, i)] = picture(t, 8, 8, color.Gray{uint8(i)})
		}
		lines["data/"+split+"/metadata.jsonl"] = table.String()
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"classes":                      {classes, "14 3 3"},
		"splits and classes":           {splits, "12 4 6"},
		"training and test":            {half, "16 4 6"},
		"metadata.csv":                 {metadata, "14 3 3"},
		"metadata.jsonl in each split": {lines, "4 4 4"},
	} {
		archive := zipped(t, c.files)
		for _, form := range []string{"folder", "archive"} {
			t.Run(name+" in a "+form, func(t *testing.T) {
				path, files := "data", c.files
				if form == "archive" {
					path, files = "all.zip", map[string]string{"all.zip": archive}
				}
				d := must(t, folder(t, files), fmt.Sprintf(`
					path: %s
					modalities: [{name: photo, kind: image}]
					labels: label
				`, path))
				if got := rows(d); got != c.want {
					t.Errorf("rows %s, want %s", got, c.want)
				}
				if got := fmt.Sprint(d.Task().Classes, d.Modalities()[0].Shape); got != "[cat dog] [3 8 8]" {
					t.Errorf("classes and shape %s", got)
				}
				if got := label(t, d, dataset.Train, 0); got != "cat" {
					t.Errorf("label %s", got)
				}
			})
		}
	}
}
