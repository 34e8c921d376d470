package runs

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/search/report"
	"mixmas/search/store"
)

func pointer[V any](v V) *V { return &v }

// differences are the rows of texts that differ.
func differences(texts ...string) (rows []Row[string]) {
	for _, r := range Fields(texts...) {
		if Differs(r) {
			rows = append(rows, r)
		}
	}
	return rows
}

func TestDifferences(t *testing.T) {
	a := "# a comment\nname: x\nsearch:\n  training: {epochs: 3, batch: 32}\n  fusions: [concat, mean]\nlist:\n  - {width: 1}\n  - {width: 2}\nonly: {}\n"
	b := "name: x\nsearch:\n  training: {batch: 32, epochs: 4}\n  fusions: [concat]\nlist:\n  - {width: 1}\n  - {width: 3}\nother: \"1\"\n"
	two := func(name string, a, b *string) Row[string] { return Row[string]{name, []*string{a, b}} }
	want := []Row[string]{
		two("search.training.epochs", pointer("3"), pointer("4")),
		two("search.fusions", pointer("[concat, mean]"), pointer("[concat]")),
		two("list[2].width", pointer("2"), pointer("3")),
		two("only", pointer("{}"), nil),
		two("other", nil, pointer("1")),
	}
	if diff := cmp.Diff(want, differences(a, b)); diff != "" {
		t.Error(diff)
	}
	if d := differences(a, a, a); len(d) != 0 {
		t.Errorf("the same configuration differs: %v", d)
	}
	if d := differences(a, a, b); len(d) != len(want) || d[0].Values[1] == nil || *d[0].Values[1] != "3" || *d[0].Values[2] != "4" {
		t.Errorf("three configurations: %v", d)
	}
	if d := differences("a: [", "a: 1"); len(d) != 2 || d[0].Name != "(unreadable)" {
		t.Errorf("an unreadable configuration: %v", d)
	}
	if d := differences("a: &x [1]\nb: *x\n", ""); len(d) < 2 {
		t.Errorf("an alias: %v", d)
	}
	if d := differences(`{"model":{"depth":2,"widths":[16,32],"name":"\u003cb\u003e"}}`, `{"model":{"depth":3,"widths":[16,32],"name":"<b>"}}`); len(d) != 1 || d[0].Name != "model.depth" {
		t.Errorf("specifications: %v", d)
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
	c := compared([]Run{{ID: "1", Metric: "accuracy", Configuration: "seed: 1"}, {ID: "2", Metric: "accuracy", Configuration: "seed: 2"}}, []report.Document{a, b})
	if len(c.Configuration) != 1 || c.Configuration[0].Name != "seed" || c.Facts[0].Name != "id" || *c.Facts[0].Values[1] != "2" {
		t.Errorf("%+v", c)
	}
	s := c.Stages
	if len(s) != 2 || s[0].Values[0].Chosen.Winner != "m" || s[0].Values[0].Chosen.Params != 7 || s[0].Values[1].Chosen.Winner != "x" || s[0].Values[1].Metric != "loss" ||
		s[1].Values[0].Chosen != nil || s[1].Values[1] != nil {
		t.Errorf("stages %+v", s)
	}
	var models []string
	for _, m := range c.Models {
		models = append(models, m.Name)
	}
	if diff := cmp.Diff([]string{"searched", "ensemble", "baseline linear image"}, models); diff != "" {
		t.Fatal(diff)
	}
	if s := c.Models[0].Values; s[0].Validation != 0.6 || s[1].Validation != 0.8 || s[1].Test != 0.75 || s[0].Answer {
		t.Errorf("%+v %+v", s[0], s[1])
	}
	if e := c.Models[1].Values; !e[0].Answer || e[0].Test != 0.9 || e[1] != nil {
		t.Errorf("%+v", e)
	}
}

// The curve of a run is that of its full training, or else of its last winner; a run of which something cannot be read is compared all
// the same.
func TestCompareCurves(t *testing.T) {
	s := temporaryStore(t)
	curve := []store.Epoch{{TrainLoss: 2}, {TrainLoss: 1}}
	first := putScore(t, s, 1, store.Score{Name: "winner", Status: store.Finished, Curve: curve})
	second := putScore(t, s, 2, store.Score{Name: "full/digits", Status: store.Finished, Curve: curve})
	var list []Run
	for _, d := range []*report.Document{
		{Stages: []report.Stage{{Name: "s", Winner: "m", Candidates: []report.Candidate{{Name: "m", Key: first}}}}},
		{Winner: first, Model: &report.Model{Name: "digits"}, Searched: &report.Final{Members: []report.Member{{Name: "full/digits", Key: second}}}},
		{},
	} {
		r := start(t, s, Run{Name: "digits", Metric: "accuracy"})
		if err := r.Finish(t.Context(), d, nil); err != nil {
			t.Fatal(err)
		}
		list = append(list, get(t, s, r.Run().ID))
	}
	c := Compare(t.Context(), s, list...)
	if c.Curves[0] == nil || c.Curves[0].Key != first || c.Curves[1] == nil || c.Curves[1].Key != second || c.Curves[2] != nil {
		t.Errorf("curves %+v", c.Curves)
	}
	if slices.ContainsFunc(c.Missing, func(err error) bool { return err != nil }) {
		t.Errorf("missing %v", c.Missing)
	}
	list[1].files[documentName] = list[1].files[documentName][:10]
	if c := Compare(t.Context(), s, list...); c.Missing[1] == nil || c.Missing[0] != nil || c.Curves[0] == nil {
		t.Errorf("with a damaged document: %+v", c)
	}
}
