package combine

import "context"

// Temperature is the temperature that is fitted to a pool's model.
func Temperature(ctx context.Context, p Pool, model int, rows []int) (float64, error) {
	s, err := p.scorer(ctx, "loss")
	if err != nil {
		return 0, err
	}
	return fitTemperature(ctx, p.Kind, p.Classes, s.Of(rows).Truth, p.Logits[model], rows), nil
}

// Thresholds are those of a pool's model.
func Thresholds(ctx context.Context, p Pool, model int, name string) ([]float64, error) {
	s, err := p.scorer(ctx, name)
	if err != nil {
		return nil, err
	}
	return thresholds(ctx, s, p.Logits[model], p.Classes, p.Groups)
}

// Preferred is the place of the method that is chosen, by the values of a metric on rows of a pool.
func Preferred(ctx context.Context, p Pool, name string, honest, losses []float64) (int, error) {
	s, err := p.scorer(ctx, name)
	if err != nil {
		return 0, err
	}
	return preferred(s, values{honest, losses}), nil
}
