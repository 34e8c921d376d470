package search

import (
	"context"
	"fmt"

	"mixmas/nn/safetensors"
	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/sample"
)

// labels are those of the samples, read where they are asked for.
func (s *Search) labels(samples *dataset.Samples) sample.Labels {
	return sample.Labels{Rows: samples.Len(), Classes: len(s.data.Task().Classes), MultiLabel: s.data.Task().MultiLabel(), Label: samples.Label}
}

// outputs are a model's logits on the samples, with what is right.
func (s *Search) outputs(samples *dataset.Samples, logits []float32) metric.Outputs {
	return metric.Outputs{Logits: logits, Rows: samples.Len(), Classes: len(s.data.Task().Classes), MultiLabel: s.data.Task().MultiLabel(), Label: samples.Label}
}

// evaluate scores a model's logits on the samples with every metric.
func (s *Search) evaluate(ctx context.Context, samples *dataset.Samples, logits []float32) (map[string]float64, error) {
	return metric.Evaluate(ctx, s.outputs(samples, logits))
}

// evaluateOutputs is evaluate for the file of outputs that a score left, see encodeOutputs.
func (s *Search) evaluateOutputs(ctx context.Context, samples *dataset.Samples, file []byte) (map[string]float64, error) {
	tensors, _, err := safetensors.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("outputs: %w", err)
	}
	metrics, err := s.evaluate(ctx, samples, tensors["logits"].Data)
	if err != nil {
		return nil, fmt.Errorf("outputs: %w", err)
	}
	return metrics, nil
}
