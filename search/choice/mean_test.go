package choice

import (
	"math"
	"testing"
)

// The interval of 1, 2 and 3 is 2 ± 4.303/√3; one value has none.
func TestMeanInterval(t *testing.T) {
	mean, low, high := MeanInterval([]float64{1, 2, 3})
	if half := 4.302652729911275 / math.Sqrt(3); mean != 2 || math.Abs(low-(2-half)) > 1e-9 || math.Abs(high-(2+half)) > 1e-9 {
		t.Errorf("got %v in %v to %v", mean, low, high)
	}
	if mean, low, _ := MeanInterval([]float64{5}); mean != 5 || !math.IsNaN(low) {
		t.Errorf("of one value: %v from %v", mean, low)
	}
	if mean, _, _ := MeanInterval(nil); !math.IsNaN(mean) {
		t.Errorf("of no values: %v", mean)
	}
}
