package search

import (
	"math"
	"path/filepath"
	"slices"

	"mixmas/search/dataset"
	"mixmas/search/report"
	"mixmas/search/store"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

// Document returns the report of a search and of the full training after it, which together took the given seconds. The
// search is nil for a training alone, the training nil for a search alone.
func (s *Search) Document(r *Result, t *Trained, seconds float64) report.Document {
	d := report.Document{
		Name: s.config.Name,
		Dataset: report.Dataset{Name: s.data.Name(), Fingerprint: s.data.Fingerprint(), Train: s.data.Len(dataset.Train),
			Validation: s.data.Len(dataset.Validation), Test: s.data.Len(dataset.Test)},
		Stages: []report.Stage{}, Trainings: s.evaluator.Trainings(), Seconds: seconds, Budget: s.limit.Seconds(), Filled: s.filled, Machine: trial.Machine(), PeakMemory: peakMemory(),
		Files: []report.File{{Name: "store", Path: s.options.Store.Path()}},
	}
	if r != nil {
		drawn := r.Space.Sample
		d.Sample = report.Sample{Size: len(drawn.Rows), Fraction: drawn.Fraction, Distance: drawn.Distance}
		for _, stage := range r.Stages {
			d.Stages = append(d.Stages, describe(stage))
		}
		s.describeWinner(&d, r)
	}
	if t != nil {
		d.Model = &report.Model{Name: t.Job.Label, Params: t.Score.Parameters, Path: t.Path, Epochs: len(t.Score.Curve), Seconds: t.Score.Seconds,
			Metrics: report.Metrics(t.Metrics), Stopped: t.Stopped}
		if recipe := t.Job.Specification.Recipe; recipe.Select != "" {
			d.Model.Select, d.Model.Kept = recipe.Select, recipe.Best(t.Score.Curve)
		}
		d.Files = append(d.Files, report.File{Name: "model", Path: t.Path},
			report.File{Name: "description", Path: filepath.Join(filepath.Dir(t.Path), descriptionFile)})
		if t.Test != nil {
			d.Test = &report.Test{Metrics: report.Metrics(t.Test)}
		}
	}
	return d
}

// describeWinner adds the choice and its reason unless the stages show them: documents of the default strategy keep their
// form.
func (s *Search) describeWinner(d *report.Document, r *Result) {
	if name := s.config.Search.Strategy; name != strategy.Default {
		d.Strategy, d.Reason = name, r.Reason
	}
	var parts []report.Part
	for _, p := range r.Space.Parts(r.Choices) {
		parts = append(parts, report.Part{Part: p.Name, Name: p.Label})
	}
	if !slices.Equal(parts, report.Parts(d.Stages)) {
		d.Architecture = parts
	}
	if last := r.Stages[len(r.Stages)-1]; r.Winner != last.Winner {
		d.Winner = r.Winner.First().Score.Key
	}
}

func describe(stage *strategy.Stage) report.Stage {
	out := report.Stage{Name: stage.Name, Metric: stage.Metric, Winner: stage.Winner.Label}
	for _, tried := range stage.Candidates {
		o := tried.First()
		c := report.Candidate{Name: tried.Label, Key: o.Score.Key, Score: report.Number(tried.Score), Metrics: report.Metrics(o.Score.Metrics),
			Params: o.Score.Parameters, Seconds: o.Score.Seconds, Cached: o.Cached}
		if !math.IsNaN(tried.Score) {
			c.Interval = report.Interval(stage.Metric, tried.Score, o.Job.Specification.Validation.Count)
		}
		if o.Foreign {
			c.Numerics = o.Score.Numerics
		}
		if o.Score.Status == store.Failed {
			c.Failed = o.Score.Reason
		}
		out.Candidates = append(out.Candidates, c)
	}
	for _, o := range stage.Untried {
		out.Untried = append(out.Untried, o.Job.Label)
	}
	return out
}
