package main

import (
	"cmp"
	"math"
	"slices"

	"mixmas/search/choice"
	"mixmas/search/report"
)

// restarted is the run of the paper's settings that is best on the validation rows.
func (s seedResult) restarted() *measured {
	return slices.MaxFunc(s.paper, func(a, b *measured) int { return cmp.Compare(validation(a.Document), validation(b.Document)) })
}

// validation is what selects: the stages' metric of the full model on the validation rows.
func validation(d report.Document) float64 {
	if d.Model == nil || len(d.Stages) == 0 {
		return math.NaN()
	}
	name := d.Stages[len(d.Stages)-1].Metric
	value := metricOf(d.Model.Metrics, name)
	if name == "loss" {
		return -value
	}
	return value
}

// metricOf is a metric, NaN if there is none.
func metricOf(metrics map[string]report.Number, name string) float64 {
	if value, has := metrics[name]; has {
		return float64(value)
	}
	return math.NaN()
}

// row is a line of a table: a model, by what is read of a seed's runs.
type row struct {
	name string
	of   func(s seedResult, metric string) float64
	// free means that the answer should be at or above it.
	free bool
}

// final reads the test score of one of a document's models.
func final(which func(d report.Document) *report.Final) func(seedResult, string) float64 {
	return func(s seedResult, metric string) float64 { return testScore(which(s.recommended.Document), metric) }
}

func testScore(f *report.Final, metric string) float64 {
	if f == nil || f.Test == nil {
		return math.NaN()
	}
	return metricOf(f.Test.Metrics, metric)
}

// baseline reads the test score of the baseline of a kind, of several the one that is best on the validation rows.
func baseline(kind string) func(seedResult, string) float64 {
	return final(func(d report.Document) *report.Final {
		var best *report.Final
		for i, b := range d.Baselines {
			if b.Kind == kind && b.Validation != nil && (best == nil || b.Validation.Score > best.Validation.Score) {
				best = &d.Baselines[i].Final
			}
		}
		return best
	})
}

// answer is the model that the last lines of a run call the answer.
func answer(d report.Document) *report.Final {
	if d.Answer == nil {
		return d.Searched
	}
	switch d.Answer.Model {
	case "ensemble":
		return d.Ensemble
	case "distilled":
		return d.Distilled
	case "cheapest":
		return d.Cheapest
	}
	return d.Searched
}

func single(d report.Document, metric string) float64 {
	if d.Test == nil {
		return math.NaN()
	}
	return metricOf(d.Test.Metrics, metric)
}

// The rows of the tables that the goals name.
var (
	answerRow      = row{"recommended: the answer", final(answer), false}
	searchedRow    = row{"recommended: searched", final(func(d report.Document) *report.Final { return d.Searched }), false}
	ensembleRow    = row{"recommended: ensemble", final(func(d report.Document) *report.Final { return d.Ensemble }), false}
	distilledRow   = row{"recommended: distilled", final(func(d report.Document) *report.Final { return d.Distilled }), false}
	paperRow       = row{"paper: searched, one run", func(s seedResult, m string) float64 { return single(s.paper[0].Document, m) }, false}
	restartedRow   = row{"paper: searched, best of runs in the same time", func(s seedResult, m string) float64 { return single(s.restarted().Document, m) }, false}
	comparisonRows = []row{
		answerRow, searchedRow, ensembleRow, distilledRow,
		{"late fusion of all trained encoders", baseline(report.LateFusionAll), true},
		{"late fusion of the chosen encoders", baseline(report.LateFusionWinners), true},
		{"the best single modality, short training", baseline(report.SingleModality), true},
		{"linear, the best modality", baseline(report.Linear), true},
		{"linear, late fusion", baseline(report.LinearLateFusion), true},
		{"default, short training", baseline(report.Default), true},
		{"default, trained in full", baseline(report.DefaultFull), true},
		{"the most frequent class", baseline(report.Majority), true},
		paperRow, restartedRow,
	}
)

// values are a row's numbers over the seeds, without those that are missing.
func (r results) values(of row) (values []float64) {
	for _, s := range r.seeds {
		if v := of.of(s, r.metric); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return values
}

// difference is the mean difference of two rows, paired by seed, with its 95% interval. The interval is NaN with fewer than two seeds.
func (r results) difference(a, b row) (mean, low, high float64) {
	var d []float64
	for _, s := range r.seeds {
		if x := a.of(s, r.metric) - b.of(s, r.metric); !math.IsNaN(x) {
			d = append(d, x)
		}
	}
	return choice.MeanInterval(d)
}
