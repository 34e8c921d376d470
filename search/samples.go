package search

import (
	"context"

	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/sample"
)

// labels are those of the samples, read where they are asked for.
func (s *Search) labels(samples *dataset.Samples) sample.Labels {
	return sample.Labels{Rows: samples.Len(), Classes: len(s.data.Classes()), MultiLabel: s.data.MultiLabel(), Label: samples.Label}
}

// outputs are a model's logits on the samples, with what is right.
func (s *Search) outputs(samples *dataset.Samples, logits []float32) metric.Outputs {
	return metric.Outputs{Logits: logits, Rows: samples.Len(), Classes: len(s.data.Classes()), MultiLabel: s.data.MultiLabel(), Label: samples.Label}
}

// evaluate scores a model's logits on the samples with every metric.
func (s *Search) evaluate(ctx context.Context, samples *dataset.Samples, logits []float32) (map[string]float64, error) {
	return metric.Evaluate(ctx, s.outputs(samples, logits))
}
