package report

import (
	"math"
	"strings"
	"testing"
)

// withAnswers is a document of a run whose searched model is beaten.
func withAnswers() Document {
	scored := func(score, low, high Number) *Scored { return &Scored{Score: score, Low: low, High: high} }
	d := Document{Name: "x", Dataset: Dataset{Name: "x"}, Stages: []Stage{{Name: "network", Metric: "accuracy", Winner: "a", Candidates: []Candidate{{Name: "a"}}}},
		Model: &Model{Name: "x", Path: "out/model.safetensors", Params: 1000}}
	d.Searched = &Final{Name: "searched", Path: "out/model.safetensors", Params: 1000, Latency: 0.0314, Validation: scored(0.936, 0.91, 0.96), Test: scored(0.93, 0.9, 0.95)}
	d.Baselines = []Baseline{
		{Kind: Majority, Final: Final{Name: "the most frequent class", Validation: scored(0.1, 0.08, 0.13)}},
		{Kind: Default, Beats: true, Final: Final{Name: "a default", Validation: scored(0.936, 0.91, 0.96), Params: 2000}},
		{Kind: LateFusionAll, Beats: true, Final: Final{Name: "late fusion of all 6 trained encoders", Validation: scored(0.984, 0.97, 0.99), Test: scored(0.98, 0.96, 0.99)}},
	}
	d.Ensemble = &Final{Name: "ensemble of 8 models", Path: "out/ensemble.safetensors", Params: 12345, Latency: 1.26, Validation: scored(0.99, 0.98, 1), Test: scored(0.985, 0.97, 0.99)}
	cheapest := *d.Searched
	d.Cheapest = &cheapest
	d.Answer = &Answer{Model: "ensemble", Path: "out/ensemble.safetensors", Reason: "accuracy 0.9900 on validation rows that it was not chosen on, searched 0.9360"}
	d.LeftOut = []string{"full/default: not trained, because the budget would not suffice"}
	return d
}

// The first line says which baselines are not beaten and by how much, the last ones which model to use.
func TestTextOfAnswers(t *testing.T) {
	var b strings.Builder
	if err := WriteText(&b, withAnswers(), TextOptions{}); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	first, _, _ := strings.Cut(text, "\n")
	if want := "note    the searched model, accuracy 0.9360 on validation, does not beat late fusion of all 6 trained encoders (0.9840, 4.8 points better), a default (0.9360, equal)"; first != want {
		t.Errorf("the first line is\n%s\nwant\n%s", first, want)
	}
	last := `
answer  ensemble of 8 models, out/ensemble.safetensors: accuracy 0.9900 on validation rows that it was not chosen on, searched 0.9360
     model                                   accuracy on test  params  ms per row  file
     searched                           0.9300 [0.900, 0.950]   1,000       0.031  out/model.safetensors
  *  ensemble of 8 models               0.9850 [0.970, 0.990]  12,345         1.3  out/ensemble.safetensors
     cheapest within a point: searched  0.9300 [0.900, 0.950]   1,000       0.031  out/model.safetensors
`
	if !strings.HasSuffix(text, last) {
		t.Errorf("the last lines are not%s\nbut\n%s", last, text)
	}
	for _, want := range []string{"\nbaselines\n", "\n  !  a default", "\n  full/default: not trained"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	b.Reset()
	if err := WriteMarkdown(&b, Page{Title: "Page", Documents: []Document{withAnswers()}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"### baselines\n\nNote: the searched model, accuracy 0.9360 on validation, does not beat", "### answer\n\nensemble of 8 models, ", "- full/default: not trained"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// Without a test split the validation scores are shown, and a difference of a loss is no number of points.
func TestTextOfAnswersWithoutTest(t *testing.T) {
	d := withAnswers()
	d.Searched.Test, d.Ensemble.Test, d.Cheapest.Test = nil, nil, nil
	if text := strings.Join(answersTable(d).lines(func(s string) string { return s }, func(s string) string { return s })[0], " "); !strings.Contains(text, "accuracy on validation") {
		t.Errorf("the table's head is %q", text)
	}
	if got := ahead("loss", -0.25); got != "0.2500 better" {
		t.Errorf("a loss is %q", got)
	}
	if got := ahead("accuracy", 0.0001); got != "less than 0.1 points better" {
		t.Errorf("a small difference is %q", got)
	}
	nan := Number(math.NaN())
	d.Baselines[2].Validation.Score, d.Searched.Validation.Score = nan, nan // of both nothing is known
	if got, want := d.Beaten(), "the searched model, accuracy undefined on validation, does not beat a default (0.9360)"; got != want {
		t.Errorf("an undefined metric: %q, want %q", got, want)
	}
	d.Baselines[1].Beats, d.Baselines[2].Beats = false, false
	if got := d.Beaten(); got != "" {
		t.Errorf("nothing beats it, but %q", got)
	}
}
