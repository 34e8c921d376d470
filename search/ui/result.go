package ui

import (
	"math"
	"strings"

	"mixmas/search/report"
)

// resultView is what a run ended with.
type resultView struct {
	Answer string
	Models []modelRow
	Metric string
	Notes  []string
}

// modelRow is a model to choose from, or a baseline.
type modelRow struct {
	Kind, Name, Validation, Test, Params, Path, Note string
	Best                                             bool
}

// newResult shows what a run ended with; nil if it ended with nothing.
func newResult(d report.Document) *resultView {
	v := &resultView{}
	for _, s := range d.Stages {
		v.Metric = shown(s.Metric)
	}
	answer := ""
	if d.Answer != nil {
		answer = d.Answer.Model
		v.Answer = "Use " + shown(d.Answer.Path) + ": " + shown(d.Answer.Reason)
	}
	add := func(kind string, f report.Final, best bool) {
		row := modelRow{Kind: kind, Name: kind, Path: shown(f.Path), Note: shown(f.Note), Best: best, Validation: scoredText(f.Validation), Test: scoredText(f.Test)}
		if name := shown(f.Name); strings.HasPrefix(name, kind) { // such as "ensemble of 3 models"
			row.Name = name
		} else if name != "" {
			row.Name += ": " + name
		}
		if f.Params > 0 {
			row.Params = report.Comma(f.Params)
		}
		v.Models = append(v.Models, row)
	}
	fields, finals := d.Finals()
	for i, f := range finals {
		add(fields[i], f, fields[i] == answer)
	}
	for _, b := range d.Baselines {
		add(strings.TrimSpace("baseline "+strings.ReplaceAll(shown(b.Kind), "_", " ")+" "+shown(b.Modality)), b.Final, false)
	}
	if f, found := d.Trained(v.Metric); found && len(v.Models) == 0 {
		add("model", f, true)
	}
	for _, text := range d.LeftOut {
		v.Notes = append(v.Notes, shown(text))
	}
	if len(v.Models) == 0 && len(v.Notes) == 0 {
		return nil
	}
	return v
}

// scoredText is a score with its interval, empty if there is none.
func scoredText(s *report.Scored) string {
	if s == nil || math.IsNaN(float64(s.Score)) {
		return ""
	}
	return s.Text()
}
