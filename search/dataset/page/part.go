package page

import (
	"encoding/base64"
	"html/template"
	"math"
	"strings"

	"mixmas/search/chart"
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
	Name, Ends string
	SVG        template.HTML
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
		values := make([]float64, len(c.Values))
		for i, v := range c.Values {
			values[i] = float64(v)
		}
		drawn := chart.Spark{Name: shown(c.Name + " of " + of.Modality), Values: values, Steps: c.Steps, Low: c.Low, High: c.High}
		p.Curves = append(p.Curves, curve{shown(c.Name), ends(c), drawn.Inline()})
	}
	for _, v := range of.Values {
		p.Values = append(p.Values, value{shown(v.Name), number(v.Value)})
	}
	return p, nil
}

// ends are those of a curve in words.
func ends(c show.Curve) string {
	if math.IsNaN(c.Low) {
		return "all missing"
	}
	return number(c.Low) + " to " + number(c.High)
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
