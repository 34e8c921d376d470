package runs

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"mixmas/search/config"
	"mixmas/search/escape"
	"mixmas/search/report"
	"mixmas/search/store"
)

// Comparison is what several runs have side by side: the values of a row are by run.
type Comparison struct {
	// Facts are what is known of the runs, such as their data and machines. Configuration has all fields of their configurations.
	Facts, Configuration []Row[string]
	Stages               []Row[Decision]
	Models               []Row[Figures]
	// Curves are by run: those of the full trainings of the searched models, or of the winners if there are none; nil if there is no
	// such training.
	Curves []*Curve
	// Missing says by run why something of it is not known; nil if everything is.
	Missing []error
}

// Row is something that several runs or trials may have, with its value in each of them; nil in those that do not have it.
type Row[V any] struct {
	Name   string
	Values []*V
}

// Named is a value with its name.
type Named[V any] struct {
	Name  string
	Value *V
}

// Rows puts lists of values side by side, by their names: those of the first list in its order, then what only later ones have. Of equal
// names in a list, the first counts.
func Rows[V any](lists ...[]Named[V]) (rows []Row[V]) {
	index := map[string]int{}
	for i, list := range lists {
		for _, n := range list {
			at, known := index[n.Name]
			if !known {
				at = len(rows)
				index[n.Name] = at
				rows = append(rows, Row[V]{n.Name, make([]*V, len(lists))})
			}
			if rows[at].Values[i] == nil {
				rows[at].Values[i] = n.Value
			}
		}
	}
	return rows
}

// Differs reports whether the values of a row are not all equal.
func Differs(r Row[string]) bool {
	return slices.ContainsFunc(r.Values, func(v *string) bool {
		first := r.Values[0]
		return (v == nil) != (first == nil) || v != nil && *v != *first
	})
}

// Fields puts the fields of texts in YAML or JSON side by side, such as configurations or specifications. A text that cannot be read is
// one field.
func Fields(texts ...string) []Row[string] {
	lists := make([][]Named[string], len(texts))
	for i, text := range texts {
		fields, err := config.Fields(text)
		if err != nil {
			fields = []config.Field{{Name: "(unreadable)", Value: text}}
		}
		for _, f := range fields {
			lists[i] = append(lists[i], Named[string]{f.Name, &f.Value})
		}
	}
	return Rows(lists...)
}

// Decision is a stage of a run. Chosen is nil if the run has not decided it.
type Decision struct {
	Metric string
	Chosen *Chosen
}

// Chosen is the winner of a stage.
type Chosen struct {
	Winner string        `json:"winner"`
	Score  report.Number `json:"score"`
	Low    *float64      `json:"low,omitempty"`
	High   *float64      `json:"high,omitempty"`
	Params int           `json:"params"`
}

// Figures are what a model that a run ends with, or a baseline, scores by the metric of its search. They are NaN where they are unknown.
type Figures struct {
	Name       string        `json:"name"`
	Validation report.Number `json:"validation"`
	Low        report.Number `json:"low"`
	High       report.Number `json:"high"`
	Test       report.Number `json:"test"`
	TestLow    report.Number `json:"test_low"`
	TestHigh   report.Number `json:"test_high"`
	Params     int           `json:"params,omitempty"`
	// Answer means that the run recommends it.
	Answer bool `json:"answer,omitempty"`
}

// Curve is the learning curve of a training.
type Curve struct {
	Key, Name string
	Epochs    []store.Epoch
}

// Compare puts runs side by side, of which each may go on or have failed.
func Compare(ctx context.Context, s *store.Store, list ...Run) Comparison {
	documents, curves, missing := make([]report.Document, len(list)), make([]*Curve, len(list)), make([]error, len(list))
	for i, r := range list {
		if documents[i], _, missing[i] = Document(ctx, s, r); missing[i] == nil {
			curves[i], missing[i] = curveOf(ctx, s, r, documents[i])
		}
	}
	c := compared(list, documents)
	c.Curves, c.Missing = curves, missing
	return c
}

// compared compares runs by their records and documents.
func compared(list []Run, documents []report.Document) Comparison {
	facts, configurations := make([][]Named[string], len(list)), make([]string, len(list))
	stages, models := make([][]Named[Decision], len(list)), make([][]Named[Figures], len(list))
	for i, r := range list {
		facts[i], configurations[i] = r.facts(), r.Configuration
		stages[i], models[i] = decisions(documents[i]), figures(documents[i], r.Metric)
	}
	c := Comparison{Facts: Rows(facts...), Configuration: Fields(configurations...), Stages: Rows(stages...), Models: Rows(models...)}
	c.Facts = slices.DeleteFunc(c.Facts, func(r Row[string]) bool {
		return !slices.ContainsFunc(r.Values, func(text *string) bool { return *text != "" })
	})
	return c
}

// facts are what is known of a run; empty where it is unknown.
func (r Run) facts() (list []Named[string]) {
	rows := ""
	if r.Data.Train+r.Data.Validation+r.Data.Test > 0 {
		rows = fmt.Sprintf("%s training, %s validation, %s test", report.Comma(r.Data.Train), report.Comma(r.Data.Validation), report.Comma(r.Data.Test))
	}
	for _, f := range []struct{ name, value string }{
		{"id", r.ID}, {"name", r.Name}, {"kind", r.Kind}, {"state", string(r.State)}, {"error", r.Error}, {"started", r.Started.UTC().Format(time.DateTime)},
		{"time", report.Duration(r.Seconds(time.Now()))}, {"metric", r.Metric}, {"data", r.Data.Name}, {"rows", rows}, {"fingerprint", r.Data.Fingerprint},
		{"numerics", r.Numerics}, {"machine", r.Machine}, {"version", r.Version}, {"command", escape.Shell(r.Command...)}, {"out", r.Out},
	} {
		list = append(list, Named[string]{f.name, &f.value})
	}
	return list
}

func decisions(d report.Document) (list []Named[Decision]) {
	for _, s := range d.Stages {
		of := Decision{Metric: s.Metric}
		for _, c := range s.Candidates {
			if s.Winner != "" && c.Name == s.Winner {
				of.Chosen = &Chosen{c.Name, c.Score, c.Low, c.High, c.Params}
				break
			}
		}
		list = append(list, Named[Decision]{s.Name, &of})
	}
	return list
}

func figures(d report.Document, metric string) (list []Named[Figures]) {
	add := func(name string, f report.Final) {
		nan := report.Number(math.NaN())
		out := Figures{Name: f.Name, Validation: nan, Low: nan, High: nan, Test: nan, TestLow: nan, TestHigh: nan, Params: f.Params,
			Answer: d.Answer != nil && d.Answer.Model == name}
		if v := f.Validation; v != nil {
			out.Validation, out.Low, out.High = v.Score, v.Low, v.High
		}
		if v := f.Test; v != nil {
			out.Test, out.TestLow, out.TestHigh = v.Score, v.Low, v.High
		}
		list = append(list, Named[Figures]{name, &out})
	}
	if f, found := d.Trained(metric); found {
		add("searched", f)
	}
	fields, finals := d.Finals()
	for i, f := range finals {
		add(fields[i], f)
	}
	for _, b := range d.Baselines {
		add(strings.TrimSpace("baseline "+b.Kind+" "+b.Modality), b.Final)
	}
	return list
}

// curveOf returns the curve that stands for a run; nil if there is none.
func curveOf(ctx context.Context, s *store.Store, r Run, d report.Document) (*Curve, error) {
	events, err := Events(ctx, s, r)
	if err != nil {
		return nil, err
	}
	keys := []string{FullKey(d, events), d.Winner}
	for _, stage := range slices.Backward(d.Stages) {
		for _, c := range stage.Candidates {
			if c.Name == stage.Winner {
				keys = append(keys, c.Key)
			}
		}
	}
	keys = slices.DeleteFunc(keys, func(key string) bool { return key == "" })
	scores, err := s.Scores(ctx, keys)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if sc, known := scores[key]; known && len(sc.Curve) > 0 {
			return &Curve{key, sc.Name, sc.Curve}, nil
		}
	}
	return nil, nil
}

// FullKey returns the key of the full training of the searched model; empty if it is unknown. events are those of the run, if there are
// any.
func FullKey(d report.Document, events []Event) string {
	if d.Model == nil {
		return ""
	}
	name := "full/" + d.Model.Name
	for _, e := range events {
		if e.Kind == Done && e.Name == name && e.Key != "" {
			return e.Key
		}
	}
	_, finals := d.Finals()
	for _, f := range finals {
		for _, m := range f.Members {
			if m.Name == name {
				return m.Key
			}
		}
	}
	return ""
}
