package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmas/search/config"
	"mixmas/search/report"
)

// scored is a model with a test score.
func scored(name string, test float64) *report.Final {
	return &report.Final{Name: name, Validation: &report.Scored{Score: report.Number(test)},
		Test: &report.Scored{Score: report.Number(test), Low: report.Number(test - 0.03), High: report.Number(test + 0.03), Metrics: map[string]report.Number{"accuracy": report.Number(test)}}}
}

// made is a made-up run with the recommended settings.
func made(searched, ensemble, late float64, chosen string) *measured {
	d := report.Document{Dataset: report.Dataset{Train: 100, Validation: 50, Test: 40}, Answer: &report.Answer{Model: "ensemble"},
		Searched: scored("searched", searched), Ensemble: scored("ensemble", ensemble), Distilled: scored("distilled", searched+0.002),
		Stages: []report.Stage{{Name: "encoder/photo", Metric: "accuracy", Winner: chosen}},
		Baselines: []report.Baseline{{Kind: report.LateFusionAll, Final: *scored("late", late)},
			{Kind: report.Linear, Final: *scored("linear of text", 0.4)}, {Kind: report.Linear, Final: *scored("linear of photo", 0.5)}}}
	return &measured{Document: d, Processor: 100, Encoders: []encoder{{"photo", "mlp_mixer", 0.6}, {"photo", "mlp_mixer", 0.7}, {"photo", "ramlp", 0.8}, {"photo", "ramlp", 0.6}}}
}

// plain is a made-up run with the paper's settings.
func plain(validation, test float64, chosen string) *measured {
	metrics := func(value float64) map[string]report.Number {
		return map[string]report.Number{"accuracy": report.Number(value)}
	}
	return &measured{Processor: 40, Document: report.Document{Model: &report.Model{Metrics: metrics(validation)}, Test: &report.Test{Metrics: metrics(test)},
		Stages: []report.Stage{{Name: "encoder/photo", Metric: "accuracy", Winner: chosen}}}}
}

func TestPage(t *testing.T) {
	pets := results{set: set{name: "pets", metric: "accuracy", goal: 0.9, simple: "a forest", simpleScore: 0.8}, wanted: 3, seeds: []seedResult{
		{1, made(0.86, 0.90, 0.91, "ramlp"), []*measured{plain(0.8, 0.80, "mlp_mixer"), plain(0.9, 0.82, "ramlp"), plain(0.7, 0.95, "ramlp")}},
		{2, made(0.88, 0.92, 0.91, "mlp_mixer"), []*measured{plain(0.8, 0.81, "ramlp")}},
	}}
	text := page{[]results{pets, {set: set{name: "birds", metric: "loss"}, wanted: 5}}, "The photos are dark."}.text()
	for _, want := range []string{
		"| pets | accuracy | 2 of 3 | 0.9100 | 0.90: yes | yes | yes: +9.5 points [",
		"| **no**: distilled, -3.8 points [-3.8, -3.8] |",
		"| birds | loss | 0 of 5 |",
		"**So far with 2 of 3 seeds.**",
		"| recommended: the answer | 0.9100 | 0.7829 to 1.0371 | 0.9000 to 0.9200 |  |",
		"| late fusion of all trained encoders | 0.9100 |",
		"| linear, the best modality | 0.5000 |",
		"| paper: searched, one run | 0.8050 |",
		"| paper: searched, best of runs in the same time | 0.8150 |", // the one that is best on the validation rows, not on test
		"| photo | paper | 1 of 2 | 2.50 | mlp_mixer 1, ramlp 1 |",
		"| photo | recommended | 1 of 2 | 2.50 |",
		"A search took 100 seconds of processor time with the recommended settings, and 2.0 with the paper's took 80. The answer was: ensemble 2.",
		"A simple classifier (a forest) reaches 0.80 on the same splits. The answer less this: +11.0 points [-1.7, +23.7].",
		"The answer's 95% interval over the test rows is 0.8800 to 0.9400, mean over the seeds.",
		"Nothing has been run yet.",
		"The photos are dark.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "NaN") {
		t.Errorf("the page:\n%s", text)
	}

	pets.seeds[0].recommended, pets.seeds[1].recommended = made(0.9, 0.90, 0.95, "ramlp"), made(0.9, 0.91, 0.96, "ramlp")
	text = page{[]results{pets}, ""}.text()
	if want := "| **no**: late fusion of all trained encoders by 5.0 points |"; !strings.Contains(text, want) {
		t.Errorf("the page lacks %q:\n%s", want, text)
	}
	if want := "| yes: distilled, -0.3 points ["; !strings.Contains(text, want) {
		t.Errorf("the page lacks %q:\n%s", want, text)
	}
	other := pets
	other.metric, other.seeds = "accuracy", nil
	for _, s := range pets.seeds { // the search has another metric: the seeds tell
		s.recommended.Document.Stages[0].Metric = "loss"
		other.seeds = append(other.seeds, s)
	}
	if text = (page{[]results{other}, ""}).text(); !strings.Contains(text, "| **no**: late fusion of all trained encoders by 5.0 points |") || strings.Contains(text, "interval over the test rows is") {
		t.Errorf("of another metric:\n%s", text)
	}
	pets.seeds = pets.seeds[:1]
	if text = (page{[]results{pets}, ""}).text(); strings.Contains(text, "NaN") || !strings.Contains(text, "| recommended: the answer | 0.9000 | – |") {
		t.Errorf("with one seed:\n%s", text)
	}
}

// The settings replace those of a file, and everything else stays.
func TestWith(t *testing.T) {
	for _, s := range sets {
		text := s.text
		if text == "" {
			file, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "configs", s.name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			text = string(file)
		}
		for _, settings := range []string{paper, recommended} {
			c, err := config.Parse(s.name, []byte(with(text, settings)))
			if err != nil {
				t.Errorf("%s: %v", s.name, err)
				continue
			}
			distill := map[string]string{paper: "none", recommended: "ensemble"}[settings]
			if c.Settings != settings || c.Train.Distill != distill || c.Search.Baselines != (settings == recommended) {
				t.Errorf("%s: settings %s, distill %s, baselines %v", s.name, c.Settings, c.Train.Distill, c.Search.Baselines)
			}
		}
	}
	if got := with("settings: paper\nname: a\n", recommended); got != "settings: recommended\nname: a\n\ntrain: {distill: ensemble}\n" {
		t.Errorf("%q", got)
	}
}

// What was run is not run again, and the page is written from it.
func TestKeptRuns(t *testing.T) {
	folder := t.TempDir()
	c := comparison{program: filepath.Join(folder, "none"), page: filepath.Join(folder, "docs", "page.md"), configs: folder, work: filepath.Join(folder, "work"),
		note: filepath.Join(folder, "none"), seeds: 2, sets: []set{{name: "pets", metric: "accuracy", seeds: 1}}}
	if err := os.MkdirAll(c.work, 0o755); err != nil {
		t.Fatal(err)
	}
	keep := func(settings string, restart int, m *measured) {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := save(c.path(c.sets[0], settings, 1, restart), text); err != nil {
			t.Fatal(err)
		}
	}
	keep(recommended, 0, made(0.8, 0.9, 0.85, "ramlp"))
	for restart := range 3 { // 40 seconds each: the third one passes 100
		keep(paper, restart, plain(0.8, 0.8, "ramlp"))
	}
	if err := c.run(t.Context(), "pets"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(c.page)
	if err != nil || !strings.Contains(string(text), "and 3.0 with the paper's took 120") {
		t.Errorf("%v:\n%s", err, text)
	}
	if err := c.run(t.Context(), "birds"); err == nil || !strings.Contains(err.Error(), "birds") {
		t.Errorf("an unknown set: %v", err)
	}
	if err := os.Remove(c.path(c.sets[0], paper, 1, 2)); err != nil {
		t.Fatal(err)
	}
	if err := save(filepath.Join(folder, "pets.yaml"), []byte("data: {format: builtin}\n")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.run(ctx, ""); err == nil || !slices.ContainsFunc([]string{"none", "canceled"}, func(s string) bool { return strings.Contains(err.Error(), s) }) {
		t.Errorf("a missing run is started: %v", err)
	}
}
