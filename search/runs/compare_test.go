package runs

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/search/report"
)

func pointer[V any](v V) *V { return &v }

func TestDifferences(t *testing.T) {
	a := "# a comment\nname: x\nsearch:\n  training: {epochs: 3, batch: 32}\n  fusions: [concat, mean]\nlist:\n  - {width: 1}\n  - {width: 2}\nonly: {}\n"
	b := "name: x\nsearch:\n  training: {batch: 32, epochs: 4}\n  fusions: [concat]\nlist:\n  - {width: 1}\n  - {width: 3}\nother: \"1\"\n"
	want := []Difference{
		{"search.training.epochs", pointer("3"), pointer("4")},
		{"search.fusions", pointer("[concat, mean]"), pointer("[concat]")},
		{"list[2].width", pointer("2"), pointer("3")},
		{"only", pointer("{}"), nil},
		{"other", nil, pointer("1")},
	}
	if diff := cmp.Diff(want, Differences(a, b)); diff != "" {
		t.Error(diff)
	}
	if d := Differences(a, a); len(d) != 0 || d == nil {
		t.Errorf("the same configuration differs: %v", d)
	}
	if d := Differences("a: [", "a: 1"); len(d) != 2 || d[0].Field != "(unreadable)" {
		t.Errorf("an unreadable configuration: %v", d)
	}
	if d := Differences("a: &x [1]\nb: *x\n", ""); len(d) < 2 {
		t.Errorf("an alias: %v", d)
	}
}

func TestCompare(t *testing.T) {
	a := report.Document{Stages: []report.Stage{{Name: "s", Metric: "accuracy", Winner: "m", Candidates: []report.Candidate{{Name: "n", Score: 1}, {Name: "m", Score: 0.5, Params: 7}}},
		{Name: "undecided", Metric: "accuracy", Candidates: []report.Candidate{{Name: ""}}}},
		Searched: &report.Final{Name: "searched", Validation: &report.Scored{Score: 0.6, Low: 0.5, High: 0.7}},
		Ensemble: &report.Final{Name: "ensemble of 2", Test: &report.Scored{Score: 0.9}}, Answer: &report.Answer{Model: "ensemble"},
		Baselines: []report.Baseline{{Kind: report.Linear, Modality: "image"}}}
	b := report.Document{Stages: []report.Stage{{Name: "s", Metric: "loss", Winner: "x", Candidates: []report.Candidate{{Name: "x", Score: 2}}}},
		Model: &report.Model{Name: "digits", Params: 3, Metrics: map[string]report.Number{"accuracy": 0.8}}, Test: &report.Test{Metrics: map[string]report.Number{"accuracy": 0.75}}}
	c := Compare(Run{ID: "1", Metric: "accuracy", Configuration: "seed: 1"}, Run{ID: "2", Metric: "accuracy", Configuration: "seed: 2"}, a, b)
	if len(c.Configuration) != 1 || c.Configuration[0].Field != "seed" || c.Run[0].Field != "id" || *c.Run[0].B != "2" {
		t.Errorf("%+v", c)
	}
	if len(c.Stages) != 2 || c.Stages[0].A.Winner != "m" || c.Stages[0].A.Params != 7 || c.Stages[0].B.Winner != "x" || c.Stages[1].A != nil || c.Stages[1].B != nil {
		t.Errorf("stages %+v", c.Stages)
	}
	var models []string
	for _, m := range c.Models {
		models = append(models, m.Model)
	}
	if diff := cmp.Diff([]string{"searched", "ensemble", "baseline linear image"}, models); diff != "" {
		t.Fatal(diff)
	}
	if s := c.Models[0]; s.A.Validation != 0.6 || s.B.Validation != 0.8 || s.B.Test != 0.75 || s.A.Answer {
		t.Errorf("%+v %+v", s.A, s.B)
	}
	if e := c.Models[1]; !e.A.Answer || e.A.Test != 0.9 || e.B != nil {
		t.Errorf("%+v", e)
	}
}
