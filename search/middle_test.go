package search

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The ends of an interval are those values of which 2.5% are outside, whatever is undefined among them.
func TestMiddle(t *testing.T) {
	nan := math.NaN()
	many := make([]float64, 0, 250)
	for i := range 200 {
		many = append(many, float64(i))
	}
	for range 50 {
		many = append(many, nan)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(many), func(i, k int) { many[i], many[k] = many[k], many[i] })
	for _, c := range []struct {
		values    []float64
		low, high float64
	}{
		{many, 5, 194}, {[]float64{3}, 3, 3}, {[]float64{nan, 2, nan, 1}, 1, 2}, {[]float64{nan}, nan, nan}, {nil, nan, nan},
	} {
		if low, high := middle(c.values); low != c.low && !math.IsNaN(c.low) || high != c.high && !math.IsNaN(c.high) || math.IsNaN(low) != math.IsNaN(c.low) || math.IsNaN(high) != math.IsNaN(c.high) {
			t.Errorf("%d values: %v to %v, want %v to %v", len(c.values), low, high, c.low, c.high)
		}
	}
}
