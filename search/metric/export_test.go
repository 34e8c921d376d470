package metric

import "context"

// Unregister undoes a test's Register.
func Unregister(name string) { metrics.Unregister(name) }

// Drawn are the rows of a bootstrap's draw.
func Drawn(rows int, groups []uint64, seed uint64, draw int) []uint32 {
	b := &bootstrap{Scorer: &Scorer{rows: rows}, seed: seed, groups: newGrouping(groups)}
	return b.sample(draw, nil)
}

// Moved moves thresholds one after another, and returns the metric by the counts that followed them, and the thresholds.
func (s *Scorer) Moved(ctx context.Context, logits []float32, classes []int, thresholds []float64) (float64, []float64, error) {
	d, err := newDecision(ctx, s, logits)
	if err != nil {
		return 0, nil, err
	}
	for i, class := range classes {
		d.set(class, thresholds[i])
	}
	return s.value(d.e), d.e.thresholds, nil
}
