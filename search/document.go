package search

import (
	"math"
	"path/filepath"

	"mixmas/search/dataset"
	"mixmas/search/report"
	"mixmas/search/store"
)

// Document is the report of a search (nil for a training without one) and of the full training after it (nil for a
// search alone), which together took the given seconds.
func (s *Search) Document(r *Result, t *Trained, seconds float64) report.Document {
	d := report.Document{
		Name: s.config.Name,
		Dataset: report.Dataset{Name: s.data.Name(), Fingerprint: s.data.Fingerprint(), Train: s.data.Len(dataset.Train),
			Validation: s.data.Len(dataset.Validation), Test: s.data.Len(dataset.Test)},
		Stages: []report.Stage{}, Trainings: int(s.trainings.Load()), Seconds: seconds, Machine: s.machine, PeakMemory: peakMemory(),
		Files: []report.File{{Name: "store", Path: s.store.Path()}},
	}
	if r != nil {
		d.Sample = report.Sample{Size: len(r.Sample.Rows), Fraction: r.Sample.Fraction, Distance: r.Sample.Distance}
		for _, stage := range r.Stages {
			d.Stages = append(d.Stages, s.describe(stage))
		}
	}
	if t != nil {
		d.Model = &report.Model{Name: t.Trial.Label, Params: t.Score.Parameters, Path: t.Path, Epochs: len(t.Score.Curve), Seconds: t.Score.Seconds,
			Metrics: report.Metrics(t.Score.Metrics)}
		d.Files = append(d.Files, report.File{Name: "model", Path: t.Path},
			report.File{Name: "description", Path: filepath.Join(filepath.Dir(t.Path), descriptionFile)})
		if t.Test != nil {
			d.Test = &report.Test{Metrics: report.Metrics(t.Test)}
		}
	}
	return d
}

func (s *Search) describe(stage *Stage) report.Stage {
	out := report.Stage{Name: stage.Name, Metric: stage.Metric, Winner: stage.Winner().Trial.Label}
	for _, o := range stage.Outcomes {
		score, defined := o.Score.Metrics[stage.Metric]
		if !defined {
			score = math.NaN()
		}
		c := report.Candidate{Name: o.Trial.Label, Key: o.Score.Key, Score: report.Number(score), Metrics: report.Metrics(o.Score.Metrics),
			Params: o.Score.Parameters, Seconds: o.Score.Seconds, Cached: o.Cached}
		if defined {
			c.Interval = report.Interval(stage.Metric, score, len(o.Trial.validation))
		}
		if o.Foreign {
			c.Numerics = o.Score.Numerics
		}
		if o.Score.Status == store.Failed {
			c.Failed = o.Score.Reason
		}
		out.Candidates = append(out.Candidates, c)
	}
	return out
}
