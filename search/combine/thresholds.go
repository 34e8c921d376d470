package combine

import (
	"context"

	"mixmas/search/metric"
)

// thresholds returns the thresholds, one per class, with which logits (rows × classes) have the best value of the metric on all rows of
// a scorer, see [metric.Outputs], if they also help when fitted to one half of these rows and judged on the other. Otherwise they are
// nil. groups is nil if each row is a group.
func thresholds(ctx context.Context, s *metric.Scorer, logits []float32, classes int, groups []uint64) ([]float64, error) {
	plain, err := s.Score(ctx, logits, nil)
	if err != nil {
		return nil, err
	}
	mean := 0.0
	for h := range halvings {
		v, err := crossed(ctx, s, logits, classes, groups, uint64(h))
		if err != nil {
			return nil, err
		}
		mean += v / halvings
	}
	if !s.Better(mean, plain) {
		return nil, nil
	}
	return s.Thresholds(ctx, logits)
}

// crossed returns the metric of each half of the rows with the thresholds of the other.
func crossed(ctx context.Context, s *metric.Scorer, logits []float32, classes int, groups []uint64, seed uint64) (float64, error) {
	out := make([]float32, len(logits))
	a, b := halves(s, classes, groups, seed)
	for i, fitted := range [][]int{a, b} {
		t, err := s.Of(fitted).Thresholds(ctx, Rows(logits, classes, fitted))
		if err != nil {
			return 0, err
		}
		for _, row := range [][]int{b, a}[i] {
			subtract(out[row*classes:][:classes], logits[row*classes:], t)
		}
	}
	return s.Score(ctx, out, nil)
}

// subtract writes logits less their thresholds.
func subtract(dst, logits []float32, thresholds []float64) {
	copy(dst, logits)
	for k, t := range thresholds {
		dst[k] = finite(float64(logits[k]) - t)
	}
}
