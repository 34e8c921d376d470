package records_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmas/search/dataset"
)

func TestWordVectorsAreReadOnce(t *testing.T) {
	const text = `
		path: pets.csv
		modalities: [{name: text, kind: text, column: text, vectors: glove.txt}]
		labels: species
		split: {column: split}
	`
	dir := folder(t, map[string]string{"pets.csv": pets(), "glove.txt": "the 1 2 3\nwoof 4 5 6\ncat 7 8 9\nzebra 1 1 1\n"})
	e := dataset.Environment{Decoded: t.TempDir(), DecodedBytes: 1 << 30}
	for range 2 {
		d, err := open(t, dir, text, e)
		if err != nil {
			t.Fatal(err)
		}
		m := d.Modalities()[0]
		vectors, err := d.(dataset.WordVectors).Vectors(0)
		if err != nil || m.Vectors != 3 || len(vectors) != 3*m.Vocabulary {
			t.Fatalf("%+v: %v, %v", m, vectors, err)
		}
		found := 0
		for i := 0; i < len(vectors); i += 3 {
			if v := [3]float32(vectors[i : i+3]); v == [3]float32{4, 5, 6} || v == [3]float32{7, 8, 9} {
				found++
			} else if v != [3]float32{} {
				t.Errorf("a vector %v", v)
			}
		}
		if found != 2 {
			t.Errorf("%d of 2 words have vectors", found)
		}
		if got, ok, err := d.(dataset.Texts).Text(dataset.Test, 0, 1); got != "a dog says woof" || !ok || err != nil {
			t.Errorf("text %q, %v, %v", got, ok, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "glove.txt"), []byte("zebra 1 2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, dir, text, e); err == nil || !strings.Contains(err.Error(), "glove.txt: none of the ") {
		t.Errorf("error %v", err)
	}
}
