package config

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mixmas/nn"
	"mixmas/nn/mixer"
)

type fakeGateOptions struct {
	Gates   int     `yaml:"gates" json:"gates" jsonschema:"minimum=1,maximum=9" doc:"how many gates"`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"dropout"`
}

func init() {
	mixer.RegisterFusion(mixer.Fusion{Name: "test_gate", Doc: "for tests", Options: func() any { return &fakeGateOptions{Gates: 2} },
		New: func(*nn.Scope, []mixer.Input, any) (mixer.Fuser, error) { return nil, nil }})
}

// withFusions is the small configuration with other fusion functions.
func withFusions(text string) string { return edit("  networks:", "  fusions: "+text+"\n  networks:") }

// Fusion functions are named like encoders, with labels and options, or by a list of names alone; what is saved is read back.
func TestFusions(t *testing.T) {
	plain := func(name string) Candidate { return Candidate{Name: name, Label: name, Options: &struct{}{}} }
	for _, c := range []struct {
		text, saved string
		want        Fusions
	}{
		{"[concat, mean]", "  fusions: [concat, mean]\n", Fusions{plain("concat"), plain("mean")}},
		{"{candidates: [sum]}", "  fusions: [sum]\n", Fusions{plain("sum")}},
		{"[{name: max, label: largest}]", "  fusions:\n    candidates:\n      - {name: max, label: largest}\n",
			Fusions{{Name: "max", Label: "largest", Options: &struct{}{}}}},
		{"[concat, test_gate, {name: test_gate, label: many, gates: 9, dropout: 0.25}]",
			"  fusions:\n    candidates:\n      - concat\n      - {name: test_gate, gates: 2}\n      - {name: test_gate, label: many, gates: 9, dropout: 0.25}\n",
			Fusions{plain("concat"), {Name: "test_gate", Label: "test_gate", Options: &fakeGateOptions{Gates: 2}},
				{Name: "test_gate", Label: "many", OwnDropout: true, Options: &fakeGateOptions{Gates: 9, Dropout: 0.25}}}},
		{"{defaults: {gates: 3}, candidates: [mean, test_gate]}", "  fusions:\n    defaults:\n      gates: 3\n    candidates:\n      - mean\n      - test_gate\n",
			Fusions{plain("mean"), {Name: "test_gate", Label: "test_gate", Options: &fakeGateOptions{Gates: 3}}}},
	} {
		read := parse(t, withFusions(c.text))
		if diff := cmp.Diff(c.want, read.Search.Fusions); diff != "" {
			t.Errorf("%s: %s", c.text, diff)
		}
		var saved bytes.Buffer
		if err := read.Save(&saved); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(saved.String(), c.saved) {
			t.Errorf("%s: saved as\n%s", c.text, saved.String())
		}
		if diff := cmp.Diff(read, parse(t, saved.String()), cmpopts.IgnoreUnexported(Config{})); diff != "" {
			t.Errorf("%s: saved and read: %s", c.text, diff)
		}
	}
	gate := parse(t, withFusions("[test_gate]")).Search.Fusions[0]
	if diff := cmp.Diff(&fakeGateOptions{Gates: 2, Dropout: 0.5}, gate.WithDropout(0.5)); diff != "" {
		t.Error(diff)
	}
}

func TestFusionErrors(t *testing.T) {
	known := "known are " + strings.Join(mixer.FusionNames(), ", ")
	for text, want := range map[string]string{
		"[]":                             "c.yaml:10: search.fusions: is empty: list at least one fusion function",
		"{candidates: []}":               "c.yaml:10: search.fusions.candidates: is empty: list at least one fusion function",
		"{}":                             "c.yaml:10: search.fusions: candidates is missing: list at least one fusion function",
		"concat":                         `c.yaml:10: search.fusions: want a list, got "concat"`,
		"[cocat]":                        `c.yaml:10: search.fusions[0]: unknown fusion function "cocat": ` + known + " (did you mean concat?)",
		"[concat, concat]":               `c.yaml:10: search.fusions[1]: "concat" is already in the list: give one of the two another label`,
		"[{gates: 1}]":                   "c.yaml:10: search.fusions[0]: name is missing: want one of the fusion functions concat, mean",
		"[{name: concat, gates: 1}]":     "c.yaml:10: search.fusions[0].gates: unknown field: known are name, label",
		"[{name: test_gate, gate: 1}]":   "c.yaml:10: search.fusions[0].gate: unknown field: known are name, label, gates, dropout (did you mean gates?)",
		"[{name: test_gate, gates: 10}]": "c.yaml:10: search.fusions[0].gates: want at most 9, got 10",
		"{defaults: {gates: 0}, candidates: [test_gate]}": "c.yaml:10: search.fusions.defaults.gates: want at least 1, got 0",
		"{defaults: {gates: 1}, candidates: [concat]}":    "c.yaml:10: search.fusions.defaults.gates: unknown field: no candidate has options",
	} {
		_, err := Parse("c.yaml", []byte(withFusions(text)))
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
