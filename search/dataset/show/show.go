// Package show makes of the samples of a data set what people can look at: pictures, curves, numbers and texts. Values are those
// before the standardisation.
package show

import (
	"math"
	"strconv"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/survey"
)

// How much of a sample is shown.
const (
	mostValues   = 12 // of a table
	mostCurves   = 6  // of a sequence
	mostPictures = 3  // of a map with other than 1, 3 or 4 channels
	mostTokens   = 40 // of a text without its words
)

// Part is one modality of a sample. It has a map, curves, values or a text. Names and texts are those of the data, whatever they
// contain.
type Part struct {
	Modality string
	Absent   bool // the row has none
	Map      *Map
	Curves   []Curve
	Values   []Value
	Text     string
	More     int // features, channels or tokens that are not shown
}

// Curve is the course of a feature.
type Curve struct {
	Name string
	// Values are those of the real steps, NaN for missing ones. Steps is the largest number of steps.
	Values []float32
	Steps  int
	// Low and High are the ends of the usual values, or those of the curve if they are further apart; NaN if all values are missing.
	Low, High float64
}

// Value is an element of a table, NaN for a missing one.
type Value struct {
	Name  string
	Value float64
}

// Reader reads samples as people understand them. One goroutine may use it.
type Reader struct {
	data       dataset.Dataset
	modalities []dataset.Modality
	standard   map[string]dataset.Standardisation
	found      *survey.Survey
}

// NewReader returns a reader of a data set with its survey, which may be one of some rows.
func NewReader(data dataset.Dataset, found *survey.Survey) *Reader {
	return &Reader{data: data, modalities: data.Modalities(), standard: data.Preprocessing(), found: found}
}

// Read reads all modalities of a row.
func (r *Reader) Read(split dataset.Split, row int) (parts []Part, err error) {
	for i, m := range r.modalities {
		p := Part{Modality: m.Name}
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
func (r *Reader) show(p *Part, split dataset.Split, modality, row, steps int) error {
	if texts, ok := r.data.(dataset.Texts); ok {
		text, ok, err := texts.Text(split, modality, row)
		if err != nil {
			return err
		}
		if ok {
			p.Text = text
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
	name := func(feature int) string { return survey.FeatureName(r.data, modality, feature) }
	switch m.Kind {
	case mixer.Map:
		p.Map = newMap(m, sample, features, name)
		p.More = p.Map.more()
	case mixer.Sequence:
		p.curves(m, sample[:steps*m.Shape[1]], features, name)
	case mixer.Table:
		for i, v := range sample[:min(len(sample), mostValues)] {
			p.Values = append(p.Values, Value{name(i), float64(v)})
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

// curves adds the features of a sequence, each with the usual values of the training rows.
func (p *Part) curves(m dataset.Modality, sample []float32, features []survey.Feature, name func(feature int) string) {
	n := m.Shape[1]
	for f := range min(n, mostCurves) {
		var values []float32
		for i := f; i < len(sample); i += n {
			values = append(values, sample[i])
		}
		const usual = 3 // deviations: rare extremes would make all other curves flat
		of := features[f]
		low, high := math.Inf(1), math.Inf(-1)
		if of.Count > 0 {
			low, high = max(of.Minimum, of.Mean-usual*of.Deviation), min(of.Maximum, of.Mean+usual*of.Deviation)
		}
		for _, v := range values {
			if v == v {
				low, high = min(low, float64(v)), max(high, float64(v))
			}
		}
		if low > high {
			low, high = math.NaN(), math.NaN()
		}
		p.Curves = append(p.Curves, Curve{name(f), values, m.Shape[0], low, high})
	}
	p.More = max(0, n-mostCurves)
}
