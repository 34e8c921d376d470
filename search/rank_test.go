package search

import (
	"testing"

	"pgregory.net/rapid"

	"mixmas/search/store"
)

func outcome(label string, params int, metrics map[string]float64) *Outcome {
	return &Outcome{Trial: &Trial{Label: label}, Score: store.Score{Status: store.Finished, Parameters: params, Metrics: metrics}}
}

func TestRankBreaksTiesByParametersThenName(t *testing.T) {
	failed := outcome("a", 1, nil)
	failed.Score.Status = store.Failed
	order := []*Outcome{ // best first
		outcome("z", 900, map[string]float64{"accuracy": 0.6}),
		outcome("x", 10, map[string]float64{"accuracy": 0.5}),
		outcome("b", 20, map[string]float64{"accuracy": 0.5}),
		outcome("c", 20, map[string]float64{"accuracy": 0.5}),
		outcome("d", 1, map[string]float64{"loss": 0.1}), // accuracy undefined
		failed,
	}
	rapid.Check(t, func(t *rapid.T) {
		i, j := rapid.IntRange(0, len(order)-1).Draw(t, "i"), rapid.IntRange(0, len(order)-1).Draw(t, "j")
		if got := rank("accuracy", order[i], order[j]); i < j && got >= 0 || i > j && got <= 0 || i == j && got != 0 {
			t.Errorf("rank of %s and %s is %d", order[i].Trial.Label, order[j].Trial.Label, got)
		}
	})
	low, high := outcome("a", 1, map[string]float64{"loss": 0.1}), outcome("b", 1, map[string]float64{"loss": 0.2})
	if rank("loss", low, high) >= 0 {
		t.Error("of two losses the higher one ranks first")
	}
}
