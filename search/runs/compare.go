package runs

import (
	"math"
	"slices"

	"mixmas/search/config"
	"mixmas/search/report"
)

// Comparison is what two runs have side by side. Its JSON form is what mixmas runs compare --json prints.
type Comparison struct {
	// Run are the facts about the runs, such as their names and times; Configuration are the fields that differ.
	Run           []Difference `json:"run"`
	Configuration []Difference `json:"configuration"`
	Stages        []StagePair  `json:"stages"`
	Models        []ModelPair  `json:"models"`
}

// Difference is a field with its value in each of two runs; nil in a run that does not have the field.
type Difference struct {
	Field string  `json:"field"`
	A     *string `json:"a"`
	B     *string `json:"b"`
}

// StagePair is a stage of two runs with what each chose; nil in a run that did not have the stage, or has not decided it.
type StagePair struct {
	Stage  string  `json:"stage"`
	Metric string  `json:"metric"`
	A      *Chosen `json:"a"`
	B      *Chosen `json:"b"`
}

// Chosen is the winner of a stage.
type Chosen struct {
	Winner string        `json:"winner"`
	Score  report.Number `json:"score"`
	Low    *float64      `json:"low,omitempty"`
	High   *float64      `json:"high,omitempty"`
	Params int           `json:"params"`
}

// ModelPair is a model that runs end with, or a baseline, in two runs; nil in one that does not have it.
type ModelPair struct {
	Model string   `json:"model"`
	A     *Figures `json:"a"`
	B     *Figures `json:"b"`
}

// Figures are what a model scores, by the metric of its search. They are NaN where they are unknown.
type Figures struct {
	Name       string        `json:"name"`
	Validation report.Number `json:"validation"`
	Low        report.Number `json:"low"`
	High       report.Number `json:"high"`
	Test       report.Number `json:"test"`
	Params     int           `json:"params,omitempty"`
	// Answer means that the run recommends it.
	Answer bool `json:"answer,omitempty"`
}

// Compare compares two runs by their records and documents, of which either may be partial. A configuration that cannot be read is
// one field.
func Compare(a, b Run, da, db report.Document) Comparison {
	c := Comparison{Configuration: Differences(a.Configuration, b.Configuration), Stages: []StagePair{}, Models: []ModelPair{}}
	c.Run = []Difference{}
	for _, f := range []struct{ name, a, b string }{
		{"id", a.ID, b.ID}, {"name", a.Name, b.Name}, {"kind", a.Kind, b.Kind}, {"state", string(a.State), string(b.State)},
		{"metric", a.Metric, b.Metric}, {"data", a.Data.Name, b.Data.Name}, {"fingerprint", a.Data.Fingerprint, b.Data.Fingerprint},
		{"numerics", a.Numerics, b.Numerics}, {"machine", a.Machine, b.Machine}, {"version", a.Version, b.Version},
		{"out", a.Out, b.Out}, {"error", a.Error, b.Error},
	} {
		if f.a != "" || f.b != "" {
			c.Run = append(c.Run, Difference{f.name, &f.a, &f.b})
		}
	}
	pair(stagesOf(da), stagesOf(db), func(name string, x, y *stageOf) {
		p := StagePair{Stage: name}
		if x != nil {
			p.Metric, p.A = x.metric, x.chosen
		}
		if y != nil {
			p.Metric, p.B = y.metric, y.chosen
		}
		c.Stages = append(c.Stages, p)
	})
	pair(modelsOf(da, a.Metric), modelsOf(db, b.Metric), func(name string, x, y *Figures) {
		c.Models = append(c.Models, ModelPair{name, x, y})
	})
	return c
}

// Differences returns the fields that differ between the texts of two configurations, in the order of the first, then of the second.
func Differences(a, b string) []Difference {
	fields := func(text string) []named[string] {
		list, err := config.Fields(text)
		if err != nil {
			return []named[string]{{"(unreadable)", &text}}
		}
		var out []named[string]
		for _, f := range list {
			out = append(out, named[string]{f.Name, &f.Value})
		}
		return out
	}
	list := []Difference{}
	pair(fields(a), fields(b), func(name string, x, y *string) {
		if x == nil || y == nil || *x != *y {
			list = append(list, Difference{name, x, y})
		}
	})
	return list
}

// named is a value with its name.
type named[V any] struct {
	name  string
	value *V
}

// pair calls f with the values of each name, those of the first list in its order, then the others. A value is nil where a list does
// not have the name; of equal names, the first counts.
func pair[V any](a, b []named[V], f func(name string, x, y *V)) {
	find := func(list []named[V]) map[string]*V {
		m := make(map[string]*V, len(list))
		for _, n := range slices.Backward(list) {
			m[n.name] = n.value
		}
		return m
	}
	inA, inB := find(a), find(b)
	seen := map[string]bool{}
	for _, n := range slices.Concat(a, b) {
		if !seen[n.name] {
			seen[n.name] = true
			f(n.name, inA[n.name], inB[n.name])
		}
	}
}

type stageOf struct {
	metric string
	chosen *Chosen
}

func stagesOf(d report.Document) (list []named[stageOf]) {
	for _, s := range d.Stages {
		of := stageOf{metric: s.Metric}
		for _, c := range s.Candidates {
			if s.Winner != "" && c.Name == s.Winner {
				of.chosen = &Chosen{c.Name, c.Score, c.Low, c.High, c.Params}
				break
			}
		}
		list = append(list, named[stageOf]{s.Name, &of})
	}
	return list
}

func modelsOf(d report.Document, metric string) (list []named[Figures]) {
	add := func(name string, f report.Final) {
		nan := report.Number(math.NaN())
		out := Figures{Name: f.Name, Validation: nan, Low: nan, High: nan, Test: nan, Params: f.Params,
			Answer: d.Answer != nil && d.Answer.Model == name}
		if f.Validation != nil {
			out.Validation, out.Low, out.High = f.Validation.Score, f.Validation.Low, f.Validation.High
		}
		if f.Test != nil {
			out.Test = f.Test.Score
		}
		list = append(list, named[Figures]{name, &out})
	}
	if f, found := d.Trained(metric); found {
		add("searched", f)
	}
	fields, finals := d.Finals()
	for i, f := range finals {
		add(fields[i], f)
	}
	for _, b := range d.Baselines {
		name := "baseline " + b.Kind
		if b.Modality != "" {
			name += " " + b.Modality
		}
		add(name, b.Final)
	}
	return list
}
