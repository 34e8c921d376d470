package choice

import "math"

// Point is the largest difference from the best that is close: one percentage point.
const Point = 0.01

// Close returns the cheapest candidate that is close to the leader: within one standard error of their difference, and within
// one point. With one run each, the standard error is that of the rows. cost has a number per candidate; NaN is dearer than any.
// The leader itself is returned if no close one is cheaper; of equally cheap ones, the better.
func (s *Standing) Close(cost []float64) int {
	best := s.Leader
	for _, c := range s.entrants {
		if c == s.Leader {
			continue
		}
		d := s.difference(s.Leader, c)
		if math.IsInf(d.err, 1) { // unknown: only an equal one is close
			d.err = 0
		}
		if d.mean > min(d.err, Point) {
			continue
		}
		x, y := cost[c], cost[best]
		if x < y || math.IsNaN(y) && !math.IsNaN(x) || x == y && s.gain(s.Mean[c]-s.Mean[best]) > 0 {
			best = c
		}
	}
	return best
}
