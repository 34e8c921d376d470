package metric

import "context"

// Unregister undoes a test's Register.
func Unregister(name string) { metrics.Unregister(name) }

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
