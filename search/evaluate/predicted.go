package evaluate

import (
	"context"
	"encoding/json"

	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/dataset"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// Predicted returns the logits (rows × classes) of all rows of a split, by the stored weights of a score, and the rows themselves. It
// stores nothing. The error is that of the store if the weights were pruned.
func Predicted(ctx context.Context, runner *trial.Local, scores *store.Store, sc store.Score, split dataset.Split) ([]float32, *dataset.Samples, error) {
	var spec trial.Specification
	if err := json.Unmarshal(sc.Specification, &spec); err != nil {
		return nil, nil, err
	}
	file, err := scores.Weights(sc)
	if err != nil {
		return nil, nil, err
	}
	weights, _, err := safetensors.Parse(file)
	if err != nil {
		return nil, nil, err
	}
	model, err := mixer.Build(spec.Model)
	if err != nil {
		return nil, nil, err
	}
	samples, err := dataset.Select(runner.Data, split, nil, trial.Inputs(model))
	if err != nil {
		return nil, nil, err
	}
	const batch = 64
	logits, err := runner.Predict(ctx, model, batch, weights, samples)
	return logits, samples, err
}
