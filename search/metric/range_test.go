package metric_test

import (
	"math"
	"testing"

	"mixmas/search/metric"
)

func TestCheckRange(t *testing.T) {
	for _, c := range []struct {
		name  string
		value float64
		ok    bool
	}{
		{"accuracy", 0, true}, {"accuracy", 1, true}, {"f1_weighted", 1 + 2e-16, true}, {"loss", 0, true}, {"loss", 1e9, true}, {"one's own", -7, true},
		{"accuracy", 1e300, false}, {"f1_macro", 1.01, false}, {"auroc_macro", -0.01, false}, {"loss", -1, false}, {"loss", math.NaN(), false},
		{"recall_micro", math.NaN(), false},
	} {
		if err := metric.CheckRange(c.name, c.value); (err == nil) != c.ok {
			t.Errorf("%s of %v: %v", c.name, c.value, err)
		}
	}
	// Every metric of the package has a range.
	for _, name := range metric.AllNames() {
		if metric.CheckRange(name, -1) == nil {
			t.Errorf("%s may be -1", name)
		}
	}
}
