package page

import (
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/survey"
	"mixmas/search/escape"
)

// How much a sample shows.
const (
	mostValues   = 12   // of a table
	mostCurves   = 6    // of a sequence
	mostPictures = 3    // of a map with other than 1, 3 or 4 channels
	mostTokens   = 40   // of a text without its words
	mostText     = 2000 // characters
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

// reader reads samples as people understand them.
type reader struct {
	data       dataset.Dataset
	modalities []dataset.Modality
	standard   map[string]dataset.Standardisation
	found      *survey.Survey
}

func newReader(c Contents) *reader {
	return &reader{data: c.Data, modalities: c.Data.Modalities(), standard: c.Data.Preprocessing(), found: c.Survey}
}

// read reads all modalities of a row.
func (r *reader) read(split dataset.Split, row int) (parts []part, err error) {
	for i, m := range r.modalities {
		p := part{Modality: shown(m.Name)}
		steps := m.Steps()
		if m.Masked {
			mask := make([]float32, steps)
			if err := r.data.Mask(split, i, row, mask); err != nil {
				return nil, err
			}
			steps = 0
			for _, real := range mask {
				steps += int(real)
			}
		}
		if p.Absent = steps == 0; !p.Absent {
			if err := r.show(&p, split, i, row, steps); err != nil {
				return nil, err
			}
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// show fills a part with what the sample is.
func (r *reader) show(p *part, split dataset.Split, modality, row, steps int) error {
	if texts, ok := r.data.(dataset.Texts); ok {
		text, ok, err := texts.Text(split, modality, row)
		if err != nil {
			return err
		}
		if ok {
			p.Text = textShown(text)
			return nil
		}
	}
	m := r.modalities[modality]
	sample := make([]float32, m.Size())
	read := r.data.Read
	if d, ok := r.data.(dataset.WithMissing); ok {
		read = d.ReadMissing
	}
	if err := read(split, modality, row, sample); err != nil {
		return err
	}
	survey.Original(m, r.standard[m.Name], sample)
	features := r.found.Modalities[modality][dataset.Train].Features
	name := func(feature int) string { return shown(survey.FeatureName(r.data, modality, feature)) }
	switch m.Kind {
	case mixer.Map:
		return p.pictures(m, sample, features, name)
	case mixer.Sequence:
		p.curves(m, sample[:steps*m.Shape[1]], features, name)
	case mixer.Table:
		for i, v := range sample[:min(len(sample), mostValues)] {
			p.Values = append(p.Values, value{name(i), number(float64(v))})
		}
		p.More = max(0, len(sample)-mostValues)
	default: // numbers of tokens
		var tokens []string
		for _, v := range sample[:min(steps, mostTokens)] {
			tokens = append(tokens, strconv.Itoa(int(v)))
		}
		p.Text = "tokens " + strings.Join(tokens, " ")
		p.More = max(0, steps-mostTokens)
	}
	return nil
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

// curves draws the features of a sequence, each between the usual values of the training rows.
func (p *part) curves(m dataset.Modality, sample []float32, features []survey.Feature, name func(feature int) string) {
	n := m.Shape[1]
	for f := range min(n, mostCurves) {
		var values []float32
		for i := f; i < len(sample); i += n {
			values = append(values, sample[i])
		}
		const usual = 3 // deviations: rare extremes would make all other curves flat
		of := features[f]
		low, high := max(of.Minimum, of.Mean-usual*of.Deviation), min(of.Maximum, of.Mean+usual*of.Deviation)
		for _, v := range values {
			if v == v {
				low, high = min(low, float64(v)), max(high, float64(v))
			}
		}
		p.Curves = append(p.Curves, curve{name(f), number(low), number(high), path(values, m.Shape[0], low, high)})
	}
	p.More = max(0, n-mostCurves)
}

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
