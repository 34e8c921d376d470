package main

import (
	"strings"
	"testing"

	"mixmas/search"
	"mixmas/search/evaluate"
	"mixmas/search/store"
)

// The page compares the mean over the seeds with the simple classifier, and says if seeds are missing.
func TestPage(t *testing.T) {
	with := func(modality string, validation, test float64) model {
		return model{&search.Trained{Outcome: &evaluate.Outcome{Score: store.Score{Seconds: 9}}, Metrics: map[string]float64{"accuracy": validation},
			Test: map[string]float64{"accuracy": test}}, modality}
	}
	p := page{set: set{"pets", "accuracy", "a forest", 0.8}, note: "The photos are dark.", wanted: 3}
	for seed, test := range []float64{0.7, 0.8} {
		p.measured = append(p.measured, &measured{seed: uint64(seed + 1), selecting: "accuracy", searched: with("", 0.75, test), plain: with("", 0.6, 0.5),
			singles: []model{with("photo", 0.5, 0.65), with("text", 0.6, 0.6)}})
	}
	text := p.text()
	for _, want := range []string{
		"**Measured with 2 of 3 seeds so far.**",
		"| the search's model, test | 0.7000 | 0.8000 | 0.7500 | 0.7000 to 0.8000 |",
		"| the best single modality, test | 0.6000 | 0.6000 | 0.6000 |", // text is better on validation
		"| MLP-Mixer everywhere, concatenated, test | 0.5000 |",
		"A simple classifier (a forest) reaches 0.80 on the same splits. Ours is below it by 0.050.",
		"- photo: 0.6500 (0.6500 to 0.6500)",
		"The photos are dark.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}
