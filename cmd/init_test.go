package cmd

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// pets makes a table of pets with pictures, texts, numbers and words: pets DIR. DIR/pets.csv names pictures in DIR/photos, and
// DIR/classes has the same pictures in a folder per species.
func pets(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: pets DIR")
	}
	dir := ts.MkAbs(args[0])
	species := []string{"bird", "cat", "dog"}
	words := []string{"sings on a branch", "sleeps in the sun", "runs after a ball"}
	var table strings.Builder
	table.WriteString("id,photo,caption,age,weight,colour,born,code,sings,runs,species\n")
	for i := range 60 {
		class := i % 3
		name := fmt.Sprintf("photos/%03d.png", i)
		ts.Check(writePicture(filepath.Join(dir, name), class, i))
		ts.Check(writePicture(filepath.Join(dir, "classes", species[class], fmt.Sprintf("%03d.png", i)), class, i))
		age := fmt.Sprint(1 + i*7%15)
		if i%10 == 3 {
			age = "NA"
		}
		fmt.Fprintf(&table, "%d,%s,%q,%s,%.1f,%s,2020-%02d-%02d,%s,%d,%d,%s\n", i+1, name, fmt.Sprintf("a pet that %s, number %d", words[class], i%5),
			age, 2+float64(class)*4+float64(i%7)/3, []string{"black", "white"}[i%2], i%12+1, i%28+1, []string{"B", "C", "D"}[class], (i+i/7)%2, i/2%2, species[class])
	}
	ts.Check(os.WriteFile(filepath.Join(dir, "pets.csv"), []byte(table.String()), 0o644))
}

// writePicture writes a small picture of a colour by class.
func writePicture(path string, class, i int) error {
	m := image.NewRGBA(image.Rect(0, 0, 12, 10))
	for y := range 10 {
		for x := range 12 {
			c := color.RGBA{R: uint8(i), G: uint8(16 * y), B: uint8(16 * x), A: 255}
			if x/4 == class {
				c = color.RGBA{R: 255, G: 255, B: 255, A: 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	var data bytes.Buffer
	if err := png.Encode(&data, m); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data.Bytes(), 0o644)
}
