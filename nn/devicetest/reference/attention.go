package reference

import (
	"math"

	"mixmas/nn/device"
)

// logSums writes the logarithms of the sums of exponentials, which the parts of an attention do not.
func (r *Runner) logSums(o *device.Attention) {
	q, k, mask, sums := r.Values(o.Q), r.Values(o.K), r.Values(o.Mask), r.Values(o.LogSum)
	width := o.HeadWidth()
	operand := func(x float64) float64 {
		if r.Round != nil {
			return r.Round(x)
		}
		return x
	}
	for i := range sums {
		sample, head, query := i/o.Queries/o.Heads, i/o.Queries%o.Heads, i%o.Queries
		var scores []float64
		for key := range o.Keys {
			if mask != nil && mask[sample*o.Keys+key] == 0 {
				continue
			}
			a, b := q[(sample*o.Queries+query)*o.Width+head*width:], k[(sample*o.Keys+key)*o.Width+head*width:]
			score := 0.0
			for j := range width {
				score += operand(a[j]/math.Sqrt(float64(width))) * operand(b[j])
			}
			scores = append(scores, score)
		}
		top, sum := math.Inf(-1), 0.0
		for _, s := range scores {
			top = math.Max(top, s)
		}
		for _, s := range scores {
			sum += math.Exp(s - top)
		}
		if sums[i] = 0; len(scores) > 0 {
			sums[i] = top + math.Log(sum)
		}
	}
}
