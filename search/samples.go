package search

import (
	"fmt"

	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/sample"
)

// Samples are some rows of a split, with some of the data set's modalities: what a trial trains on. It implements
// nn.Samples.
type Samples struct {
	data       dataset.Dataset
	split      dataset.Split
	rows       []int
	modalities []int
}

// NewSamples selects rows of a split (nil: all) and modalities by name, in the order of the model's inputs.
func NewSamples(data dataset.Dataset, split dataset.Split, rows []int, modalities []string) (*Samples, error) {
	s := &Samples{data: data, split: split, rows: rows}
	if rows == nil {
		s.rows = allRows(data.Len(split))
	}
	for _, name := range modalities {
		at := -1
		for i, m := range data.Modalities() {
			if m.Name == name {
				at = i
			}
		}
		if at < 0 {
			return nil, fmt.Errorf("data set %s has no modality %q", data.Name(), name)
		}
		s.modalities = append(s.modalities, at)
	}
	return s, nil
}

// Len is the number of rows.
func (s *Samples) Len() int { return len(s.rows) }

// Read writes one row of one of the selected modalities to dst.
func (s *Samples) Read(row, input int, dst []float32) error {
	return s.data.Read(s.split, s.modalities[input], s.rows[row], dst)
}

// Label writes a row's label to dst.
func (s *Samples) Label(row int, dst []float32) error { return s.data.Label(s.split, s.rows[row], dst) }

// labels reads all labels.
func (s *Samples) labels() (sample.Labels, error) {
	l := sample.Labels{Rows: len(s.rows), Classes: len(s.data.Classes()), MultiLabel: s.data.MultiLabel()}
	width := 1
	if l.MultiLabel {
		width = l.Classes
	}
	l.Values = make([]float32, width*l.Rows)
	for row := range s.rows {
		if err := s.Label(row, l.Values[row*width:][:width]); err != nil {
			return l, err
		}
	}
	return l, nil
}

// evaluate scores a model's logits on the rows with every metric.
func (s *Samples) evaluate(logits []float32) (map[string]float64, error) {
	l, err := s.labels()
	if err != nil {
		return nil, err
	}
	return metric.Evaluate(metric.Outputs{Logits: logits, Rows: l.Rows, Classes: l.Classes, MultiLabel: l.MultiLabel, Labels: l.Values})
}

func allRows(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}
