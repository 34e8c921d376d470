package page

import (
	"encoding/base64"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"mixmas/search/dataset/show"
	"mixmas/search/escape"
)

const (
	side     = 96   // pixels of the longer side of a picture
	mostText = 2000 // characters
)

// part is one modality of a sample. It has pictures, curves, values or a text.
type part struct {
	Modality string
	Absent   bool // the row has none
	Pictures []picture
	Curves   []curve
	Values   []value
	Text     string
	More     int // features or tokens that are not shown
}

// picture is a map in the page.
type picture struct {
	Name          string
	URL           template.URL
	Width, Height int
}

// curve is the course of a feature.
type curve struct {
	Name, Low, High string
	Path            string // in a box of curveWidth by curveHeight
}

// value is an element of a table.
type value struct{ Name, Value string }

// newPart describes a modality of a sample.
func newPart(of show.Part) (part, error) {
	p := part{Modality: shown(of.Modality), Absent: of.Absent, Text: textShown(of.Text), More: of.More}
	if of.Map != nil {
		pictures, err := of.Map.Draw(side)
		if err != nil {
			return p, err
		}
		for _, drawn := range pictures {
			times := max(1, side/max(drawn.Width, drawn.Height))
			p.Pictures = append(p.Pictures, picture{
				Name: shown(drawn.Channel), Width: times * drawn.Width, Height: times * drawn.Height,
				URL: template.URL("data:" + drawn.Type + ";base64," + base64.StdEncoding.EncodeToString(drawn.File)),
			})
		}
	}
	for _, c := range of.Curves {
		p.Curves = append(p.Curves, curve{shown(c.Name), number(c.Low), number(c.High), path(c.Values, c.Steps, c.Low, c.High)})
	}
	for _, v := range of.Values {
		p.Values = append(p.Values, value{shown(v.Name), number(v.Value)})
	}
	return p, nil
}

// textShown is a text that may have several lines.
func textShown(text string) string {
	runes := []rune(text)
	cut := len(runes) > mostText
	lines := strings.Split(strings.ReplaceAll(string(runes[:min(len(runes), mostText)]), "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = escape.Terminal(line)
	}
	text = strings.Join(lines, "\n")
	if cut {
		text += "…"
	}
	return text
}

// The box of a curve.
const (
	curveWidth  = 240
	curveHeight = 40
)

// path is the path of a curve of so many steps. Missing values interrupt it. Of more steps than the box is wide, the smallest and
// largest of some at a time are drawn.
func path(values []float32, steps int, low, high float64) string {
	var text []byte
	point := func(command byte, x, y float64) {
		text = append(text, command)
		text = strconv.AppendFloat(text, x, 'f', 1, 64)
		text = append(text, ' ')
		text = strconv.AppendFloat(text, y, 'f', 1, 64)
	}
	if high == low {
		low, high = low-1, high+1
	}
	at := func(i int, v float32) (x, y float64) {
		const margin = 2
		x = margin + (curveWidth-2*margin)*float64(i)/float64(max(1, steps-1))
		return x, curveHeight - margin - (curveHeight-2*margin)*(float64(v)-low)/(high-low)
	}
	together := (steps + curveWidth - 1) / curveWidth
	down := false
	for first := 0; first < len(values); first += together {
		some := slices.DeleteFunc(slices.Clone(values[first:min(first+together, len(values))]), func(v float32) bool { return v != v })
		if len(some) == 0 {
			down = false
			continue
		}
		for _, v := range slices.Compact([]float32{slices.Min(some), slices.Max(some)}) {
			x, y := at(first, v)
			if down {
				point('L', x, y)
			} else {
				point('M', x, y)
				if len(values) == 1 || math.IsNaN(float64(next(values, first+together))) {
					point('L', x+0.5, y) // a point alone can be seen too
				}
			}
			down = true
		}
	}
	return string(text)
}

// next is the value of a step, NaN if there is none.
func next(values []float32, step int) float32 {
	if step < len(values) {
		return values[step]
	}
	return float32(math.NaN())
}
