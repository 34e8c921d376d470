package combine

import (
	"context"

	"mixmas/search/metric"
)

// Temperature is the temperature that is fitted to a pool's model.
func Temperature(ctx context.Context, p Pool, model int, rows []int) (float64, error) {
	s, err := p.scorer(ctx, "loss")
	if err != nil {
		return 0, err
	}
	return fitTemperature(ctx, p.Kind, p.Classes, s.Of(rows).Truth, p.Logits[model], rows), nil
}

// Halves are those of a pool's rows.
func Halves(p Pool, seed uint64) (a, b []int, err error) {
	s, err := metric.NewScorer(context.Background(), "loss", metric.Outputs{Rows: p.Rows, Classes: p.Classes, Kind: p.Kind, Label: p.Label})
	if err != nil {
		return nil, nil, err
	}
	a, b = halves(s, p.Classes, p.Groups, seed)
	return a, b, nil
}

// Thresholds are those of a pool's model.
func Thresholds(ctx context.Context, p Pool, model int, name string) ([]float64, error) {
	s, err := p.scorer(ctx, name)
	if err != nil {
		return nil, err
	}
	return thresholds(ctx, s, p.Logits[model], p.Classes, p.Groups)
}
