package choice

import "math"

// MeanInterval is the mean of values with its 95% interval by Student's t, which is NaN for fewer than two. Without values all are NaN.
func MeanInterval(values []float64) (mean, low, high float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v
	}
	mean /= n
	if n < 2 {
		return mean, math.NaN(), math.NaN()
	}
	squares := 0.0
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	half := studentQuantile(1-Level/2, n-1) * math.Sqrt(squares/(n-1)/n)
	return mean, mean - half, mean + half
}
