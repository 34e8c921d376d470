package trial

import (
	"bytes"
	"context"
	"fmt"

	"mixmas/nn"
	"mixmas/nn/safetensors"
	"mixmas/search/dataset"
	"mixmas/search/metric"
)

// outputs are a model's logits on samples of a data set, with the correct labels.
func outputs(data dataset.Dataset, samples *dataset.Samples, logits []float32) metric.Outputs {
	return metric.Outputs{Logits: logits, Rows: samples.Len(), Classes: len(data.Task().Classes), Kind: data.Task().Kind, Label: samples.Label}
}

// Measure computes every metric of a model's logits on samples of a data set.
func Measure(ctx context.Context, data dataset.Dataset, samples *dataset.Samples, logits []float32) (map[string]float64, error) {
	return metric.Evaluate(ctx, outputs(data, samples, logits))
}

// MeasureFile is [Measure] for a stored file of outputs, see [EncodeOutputs].
func MeasureFile(ctx context.Context, data dataset.Dataset, samples *dataset.Samples, file []byte) (map[string]float64, error) {
	logits, err := DecodeOutputs(file)
	if err != nil {
		return nil, err
	}
	metrics, err := Measure(ctx, data, samples, logits)
	if err != nil {
		return nil, fmt.Errorf("outputs: %w", err)
	}
	return metrics, nil
}

// LossOfFile returns only the loss of a file of outputs, as the epoch of a training records it.
func LossOfFile(ctx context.Context, data dataset.Dataset, samples *dataset.Samples, file []byte) (float64, error) {
	logits, err := DecodeOutputs(file)
	if err != nil {
		return 0, err
	}
	loss, err := metric.Loss(ctx, outputs(data, samples, logits))
	if err != nil {
		return 0, fmt.Errorf("outputs: %w", err)
	}
	return loss, nil
}

// EncodeOutputs returns a file of logits that identifies its data.
func EncodeOutputs(data dataset.Dataset, logits []float32) ([]byte, error) {
	classes := len(data.Task().Classes)
	return encode(nn.Weights{"logits": {Shape: []int{len(logits) / classes, classes}, Data: logits}},
		map[string]string{"data": data.Fingerprint()})
}

// DecodeOutputs returns the logits (rows × classes) of a file of outputs.
func DecodeOutputs(file []byte) ([]float32, error) {
	tensors, _, err := safetensors.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("outputs: %w", err)
	}
	return tensors["logits"].Data, nil
}

func encode(w nn.Weights, metadata map[string]string) ([]byte, error) {
	var file bytes.Buffer
	err := safetensors.Write(&file, w, metadata)
	return file.Bytes(), err
}
