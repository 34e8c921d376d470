package report

import (
	"strings"
	"testing"
)

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

// Figures of a model with fitted thresholds are told with and without them, and the line about the model is what its file predicts.
// Documents of earlier versions have those with thresholds in the searched model alone.
func TestThresholdsAreTold(t *testing.T) {
	without := func() Document {
		return Document{Stages: []Stage{{Name: "network", Metric: "f1_macro", Winner: "a", Candidates: []Candidate{{Name: "a"}}}},
			Model: &Model{Name: "x", Path: "out/model.safetensors", Params: 1000, Epochs: 3, Metrics: map[string]Number{"f1_macro": 0.5, "loss": 0.3}},
			Test:  &Test{Metrics: map[string]Number{"f1_macro": 0.4, "loss": 0.35}}}
	}
	alone := without()
	alone.Model.Thresholds, alone.Model.MetricsWithThresholds = []float64{1, -1}, map[string]Number{"f1_macro": 0.625, "loss": 0.3}
	alone.Test.MetricsWithThresholds = map[string]Number{"f1_macro": 0.5625, "loss": 0.35}
	searched := without()
	searched.Searched = &Final{Name: "searched", Thresholds: []float64{1, -1}, Validation: &Scored{Score: 0.61, Metrics: map[string]Number{"f1_macro": 0.625, "loss": 0.3}},
		Test: &Scored{Score: 0.5625, Metrics: map[string]Number{"f1_macro": 0.5625, "loss": 0.35}}}
	both := alone
	both.Searched = searched.Searched
	for name, c := range map[string]struct {
		Document
		head, row, line string
	}{
		"no thresholds": {without(), "metric validation test", "f1_macro 0.5000 0.4000", "f1_macro 0.5000 on validation and 0.4000 on test"},
		"a training alone": {alone, "metric validation, no thresholds test, no thresholds validation, fitted thresholds test, fitted thresholds",
			"f1_macro 0.5000 0.4000 0.6250 0.5625", "f1_macro 0.6250 on validation and 0.5625 on test, with fitted thresholds"},
		"an earlier document": {searched, "metric validation, no thresholds test, no thresholds validation, fitted thresholds test, fitted thresholds",
			"f1_macro 0.5000 0.4000 0.6100 0.5625", "f1_macro 0.6100 on validation and 0.5625 on test, with fitted thresholds"},
		"a run": {both, "metric validation, no thresholds test, no thresholds validation, fitted thresholds test, fitted thresholds",
			"f1_macro 0.5000 0.4000 0.6100 0.5625", "f1_macro 0.6100 on validation and 0.5625 on test, with fitted thresholds"},
	} {
		plain := func(s string) string { return s }
		lines := metricsTable(c.Document, []string{"f1_macro"}).lines(plain, plain)
		if got := strings.Join(lines[0], " "); got != c.head {
			t.Errorf("%s: head %q, want %q", name, got, c.head)
		}
		if got := strings.Join(lines[1], " "); got != c.row {
			t.Errorf("%s: row %q, want %q", name, got, c.row)
		}
		if got := outcome(c.Document); !strings.HasSuffix(got, c.line) {
			t.Errorf("%s: %q, want %q at the end", name, got, c.line)
		}
	}
	if f, _ := alone.Trained("f1_macro"); f.Test.Score != 0.5625 || f.Test.MetricsWithoutThresholds["f1_macro"] != 0.4 || len(f.Thresholds) != 2 {
		t.Errorf("the trained model is %+v", f)
	}
}
