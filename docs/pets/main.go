// Command pets makes the data of the first five minutes in README.md: a table of 320 pets with pictures, titles and gaps. The same
// data every time.
//
//	go run ./docs/pets FOLDER
package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go run ./docs/pets FOLDER")
	}
	if err := write(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

// write makes pets.csv, and new.csv, whose pets have no species yet.
func write(folder string) error {
	r := rand.New(rand.NewPCG(1, 2))
	if err := os.MkdirAll(filepath.Join(folder, "pictures"), 0o755); err != nil {
		return err
	}
	known, unknown := [][]string{columns}, [][]string{columns[:len(columns)-1]}
	for i := range 324 {
		p := newPet(r)
		file := fmt.Sprintf("pictures/%03d.png", i+1)
		if r.Float64() < 0.05 {
			file = "" // no picture of this one
		} else if err := os.WriteFile(filepath.Join(folder, filepath.FromSlash(file)), p.picture(r), 0o644); err != nil {
			return err
		}
		cells := []string{file, p.title(r), gap(r, 0.08, strconv.FormatFloat(p.weight, 'f', 1, 64)), gap(r, 0.05, p.colour.name),
			p.arrived.Format(time.DateOnly), p.species.name}
		if i < 320 {
			known = append(known, cells)
		} else {
			unknown = append(unknown, cells[:len(cells)-1])
		}
	}
	if err := writeTable(filepath.Join(folder, "pets.csv"), known); err != nil {
		return err
	}
	return writeTable(filepath.Join(folder, "new.csv"), unknown)
}

var columns = []string{"file", "title", "weight", "colour", "date", "species"}

func gap(r *rand.Rand, share float64, cell string) string {
	if r.Float64() < share {
		return ""
	}
	return cell
}

func writeTable(path string, rows [][]string) error {
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	return os.WriteFile(path, text.Bytes(), 0o644)
}

// A species has a weight in kg and its deviation, the form of its ears, and what is said of it more often than of others.
type species struct {
	name              string
	weight, deviation float64
	ears              func(x, y float64) bool // in units of the head's radius, for x ≥ 0
	words             []string
}

var all = []species{
	{"cat", 4, 1, func(x, y float64) bool { return y < -0.5 && y > -1.5 && math.Abs(x-0.6) < (y+1.5)*0.45 }, []string{"sleeps on the sofa", "purrs", "likes fish"}},
	{"dog", 12, 6, func(x, y float64) bool { return ellipse(x-1.1, y, 0.3, 0.8) }, []string{"loves walks", "barks at the post", "likes bones"}},
	{"guinea pig", 1, 0.2, func(x, y float64) bool { return ellipse(x-0.8, y+0.8, 0.35, 0.3) }, []string{"eats hay", "squeaks", "likes cucumber"}},
	{"rabbit", 2, 0.5, func(x, y float64) bool { return ellipse(x-0.4, y+1.3, 0.22, 0.8) }, []string{"eats hay", "hops", "likes carrots"}},
}

type colour struct {
	name string
	rgb  color.RGBA
}

var colours = []colour{{"black", color.RGBA{50, 50, 50, 255}}, {"brown", color.RGBA{140, 90, 40, 255}}, {"grey", color.RGBA{150, 150, 150, 255}},
	{"white", color.RGBA{235, 235, 230, 255}}}

type pet struct {
	species *species
	weight  float64
	colour  colour
	arrived time.Time
}

func newPet(r *rand.Rand) pet {
	s := &all[r.IntN(len(all))]
	return pet{species: s, weight: max(0.3, s.weight+s.deviation*r.NormFloat64()), colour: colours[r.IntN(len(colours))],
		arrived: time.Date(2024, 1, 1+r.IntN(700), 0, 0, 0, 0, time.UTC)}
}

// title says something of the species in two of three titles.
func (p pet) title(r *rand.Rand) string {
	name := []string{"Bella", "Coco", "Lilly", "Luna", "Max", "Milo", "Nala", "Oscar", "Rocky", "Simba"}[r.IntN(10)]
	says := []string{"is shy", "is friendly", "is looking for a home", "likes children", "is used to other pets"}
	if r.IntN(3) > 0 {
		says = p.species.words
	}
	return name + " " + says[r.IntN(len(says))]
}

// picture draws the head and its ears at a place, in a size and with a noise of their own. Some ears cannot be seen.
func (p pet) picture(r *rand.Rand) []byte {
	side := 40 + r.IntN(24)
	cx, cy := float64(side)*(0.47+0.06*r.Float64()), float64(side)*(0.57+0.06*r.Float64())
	radius := float64(side) * (0.2 + 0.03*r.Float64())
	ears := r.Float64() > 0.15
	meadow := color.RGBA{uint8(90 + r.IntN(60)), uint8(150 + r.IntN(60)), uint8(90 + r.IntN(40)), 255}
	m := image.NewRGBA(image.Rect(0, 0, side, side))
	for py := range side {
		for px := range side {
			x, y := math.Abs(float64(px)-cx)/radius, (float64(py)-cy)/radius
			c := meadow
			switch {
			case ellipse(x-0.35, y+0.2, 0.13, 0.13), ellipse(x, y-0.3, 0.15, 0.1): // eyes and nose
				c = color.RGBA{20, 20, 20, 255}
			case ellipse(x, y, 1, 1), ears && p.species.ears(x, y):
				c = p.colour.rgb
			}
			noise := 12 * r.NormFloat64()
			m.SetRGBA(px, py, color.RGBA{shade(c.R, noise), shade(c.G, noise), shade(c.B, noise), 255})
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, m); err != nil {
		panic(err)
	}
	return file.Bytes()
}

func ellipse(x, y, a, b float64) bool { return x*x/(a*a)+y*y/(b*b) < 1 }

func shade(c uint8, by float64) uint8 { return uint8(min(max(float64(c)+by, 0), 255)) }
