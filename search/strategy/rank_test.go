package strategy

import (
	"testing"

	"pgregory.net/rapid"

	"mixmas/search/evaluate"
	"mixmas/search/store"
	"mixmas/search/trial"
)

func outcome(label string, params int, metrics map[string]float64) *evaluate.Outcome {
	return &evaluate.Outcome{Job: trial.Job{Label: label}, Score: store.Score{Status: store.Finished, Parameters: params, Metrics: metrics}}
}

func TestRankBreaksTiesByParametersThenName(t *testing.T) {
	broken := outcome("a", 1, nil)
	broken.Score.Status = store.Failed
	partial := outcome("a", 1, map[string]float64{"accuracy": 0.9})
	partial.Score.Status = store.Partial
	tried := func(o *evaluate.Outcome, metric string) *Tried { return newTried(metric, []*evaluate.Outcome{o}) }
	order := []*evaluate.Outcome{ // best first
		outcome("z", 900, map[string]float64{"accuracy": 0.6}),
		outcome("x", 10, map[string]float64{"accuracy": 0.5}),
		outcome("b", 20, map[string]float64{"accuracy": 0.5}),
		outcome("c", 20, map[string]float64{"accuracy": 0.5}),
		outcome("d", 1, map[string]float64{"loss": 0.1}), // accuracy undefined
		partial,
		broken,
	}
	rapid.Check(t, func(t *rapid.T) {
		i, j := rapid.IntRange(0, len(order)-1).Draw(t, "i"), rapid.IntRange(0, len(order)-1).Draw(t, "j")
		if got := rank("accuracy", tried(order[i], "accuracy"), tried(order[j], "accuracy")); i < j && got >= 0 || i > j && got <= 0 || i == j && got != 0 {
			t.Errorf("rank of %s and %s is %d", order[i].Job.Label, order[j].Job.Label, got)
		}
	})
	low, high := outcome("a", 1, map[string]float64{"loss": 0.1}), outcome("b", 1, map[string]float64{"loss": 0.2})
	if rank("loss", tried(low, "loss"), tried(high, "loss")) >= 0 {
		t.Error("of two losses the higher one ranks first")
	}
}
