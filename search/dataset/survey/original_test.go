package survey

import (
	"math"
	"testing"

	"mixmas/search/dataset"
)

// Values that are rounded to 0 from below are 0, not -0.
func TestOriginalHasNoNegativeZero(t *testing.T) {
	s := dataset.Standardisation{Per: dataset.PerFeature, Mean: []float64{76.623}, Deviation: []float64{109.39}}
	v := float64(math.Nextafter32(float32(-76.623/109.39), -1))
	if x := original(s, 0, v); x != 0 || math.Signbit(x) {
		t.Errorf("%g is %g", v, x)
	}
}
