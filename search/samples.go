package search

import (
	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/sample"
)

// labels reads the labels of the samples.
func (s *Search) labels(samples *dataset.Samples) (sample.Labels, error) {
	l := sample.Labels{Rows: samples.Len(), Classes: len(s.data.Classes()), MultiLabel: s.data.MultiLabel()}
	width := 1
	if l.MultiLabel {
		width = l.Classes
	}
	l.Values = make([]float32, width*l.Rows)
	for row := range l.Rows {
		if err := samples.Label(row, l.Values[row*width:][:width]); err != nil {
			return l, err
		}
	}
	return l, nil
}

// evaluate scores a model's logits on the samples with every metric.
func (s *Search) evaluate(samples *dataset.Samples, logits []float32) (map[string]float64, error) {
	l, err := s.labels(samples)
	if err != nil {
		return nil, err
	}
	return metric.Evaluate(metric.Outputs{Logits: logits, Rows: l.Rows, Classes: l.Classes, MultiLabel: l.MultiLabel, Labels: l.Values})
}
