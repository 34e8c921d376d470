package report

import "testing"

// The line about a single model says what is lost and gained with it.
func TestSingleLine(t *testing.T) {
	for _, c := range []struct {
		single Single
		metric string
		want   string
	}{
		{Single{"searched", "out/model.safetensors", 0.0213, -0.004, 0.045}, "accuracy",
			"searched, out/model.safetensors, is easier to use: 2.1 points behind on validation [-0.4, 4.5], which may be chance; 12.5% of the operations per prediction"},
		{Single{"cheapest", "out/cheapest.safetensors", 0.05, 0.02, 0.08}, "accuracy",
			"fusion/max, out/cheapest.safetensors, is easier to use: 5.0 points behind on validation [2.0, 8.0]; 6.2% of the operations per prediction"},
		{Single{"searched", "out/model.safetensors", -1e-14, -0.04, 0.04}, "accuracy",
			"searched, out/model.safetensors, is easier to use: not behind on validation [-4.0, 4.0] points; 12.5% of the operations per prediction"},
		{Single{"searched", "out/model.safetensors", 0.0213, 0.01, 0.03}, "loss",
			"searched, out/model.safetensors, is easier to use: 0.0213 of loss behind on validation [0.0100, 0.0300]; 12.5% of the operations per prediction"},
	} {
		d := Document{Stages: []Stage{{Metric: c.metric}}, Searched: &Final{Name: "searched", FLOPs: 100}, Cheapest: &Final{Name: "fusion/max", FLOPs: 50},
			Ensemble: &Final{Name: "ensemble of 8 models", FLOPs: 800}, Answer: &Answer{Model: "ensemble", Single: &c.single}}
		if got := singleLine(d); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
