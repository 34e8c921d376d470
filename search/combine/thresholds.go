package combine

import (
	"context"

	"mixmas/search/metric"
	"mixmas/search/task"
)

// Thresholds returns the thresholds, one per class, with which logits (rows × classes) have the best value of the metric on some
// rows, see [metric.Outputs], if they also help when fitted to one half of these rows and judged on the other. Otherwise they are
// nil. groups is nil if each row is a group.
func Thresholds(ctx context.Context, kind task.Kind, classes int, logits []float32, label func(row int, dst []float32) error,
	groups []uint64, name string, rows []int) ([]float64, error) {
	p := Pool{Kind: kind, Classes: classes, Rows: len(rows), Logits: [][]float32{some(logits, classes, rows)}}
	p.Label = func(row int, dst []float32) error { return label(rows[row], dst) }
	if groups != nil {
		for _, row := range rows {
			p.Groups = append(p.Groups, groups[row])
		}
	}
	s, err := p.scorer(ctx, name)
	if err != nil {
		return nil, err
	}
	return thresholds(ctx, s, p.Logits[0], classes, p.Groups)
}

// thresholds fits thresholds to all rows of a scorer, and returns nil unless they help across halves.
func thresholds(ctx context.Context, s *metric.Scorer, logits []float32, classes int, groups []uint64) ([]float64, error) {
	plain, err := s.Score(ctx, logits, nil)
	if err != nil {
		return nil, err
	}
	crossed := 0.0
	for h := range halvings {
		out := make([]float32, len(logits))
		a, b := halves(s, classes, groups, uint64(h))
		for i, fitted := range [][]int{a, b} {
			others := [][]int{b, a}[i]
			if len(fitted) == 0 {
				return nil, nil
			}
			t, err := s.Of(fitted).Thresholds(ctx, some(logits, classes, fitted))
			if err != nil {
				return nil, err
			}
			for _, row := range others {
				subtract(out[row*classes:][:classes], logits[row*classes:], t)
			}
		}
		v, err := s.Score(ctx, out, nil)
		if err != nil {
			return nil, err
		}
		crossed += v / halvings
	}
	if !s.Better(crossed, plain) {
		return nil, nil
	}
	return s.Thresholds(ctx, logits)
}

// subtract writes logits less their thresholds.
func subtract(dst, logits []float32, thresholds []float64) {
	copy(dst, logits)
	for k, t := range thresholds {
		dst[k] = finite(float64(logits[k]) - t)
	}
}
