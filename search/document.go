package search

import (
	"cmp"
	"math"
	"path/filepath"
	"slices"

	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/metric"
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
		d.Plain = s.plain()
		for _, stage := range r.Stages {
			described := describe(stage, d.Plain)
			if s.config.Settings == config.Recommended {
				s.describeCosts(stage, &described)
			}
			d.Stages = append(d.Stages, described)
		}
		if r.Space.ScoreAtBest {
			d.ScoreAt = "best"
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
		if t.Thresholds != nil {
			d.Model.Thresholds, d.Model.MetricsWithThresholds = t.Thresholds, report.Metrics(t.WithThresholds["validation"])
			if t.Test != nil {
				d.Test.MetricsWithThresholds = report.Metrics(t.WithThresholds["test"])
			}
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

// plain reports whether every candidate is trained once and the best score wins, as in the paper: documents keep their form.
func (s *Search) plain() bool {
	c := s.config
	r := c.Search.Repeats
	return c.Settings != config.Recommended && max(r.Encoder, r.Fusion, r.Network) <= 1 && c.Search.Choose != "cheapest_close"
}

func describe(stage *strategy.Stage, plain bool) report.Stage {
	out := report.Stage{Name: stage.Name, Metric: stage.Metric, Winner: stage.Winner.Label}
	if stage.Winner != stage.Candidates[0] {
		out.Reason = stage.Reason
	}
	if stage.Standing != nil {
		out.Verdict = stage.Standing.Text(stage.Metric)
		if stage.Standing.Tested {
			out.Bound = &stage.Standing.Bound
		}
	}
	for _, t := range stage.Candidates {
		c := describeCandidate(stage, t)
		if plain {
			c.Interval = report.Interval(stage.Metric, t.Score, t.First().Job.Specification.ScoringRows())
		}
		out.Candidates = append(out.Candidates, c)
	}
	for _, o := range stage.Untried {
		out.Untried = append(out.Untried, o.Job.Label)
	}
	for _, l := range stage.Left {
		out.LeftOut = append(out.LeftOut, report.LeftOut{Name: l.Label, Reason: l.Reason})
	}
	return out
}

// describeCandidate describes a candidate of a stage: numbers are means over the repeats that count.
func describeCandidate(stage *strategy.Stage, t *strategy.Tried) report.Candidate {
	first := t.First()
	c := report.Candidate{Name: t.Label, Key: first.Score.Key, Score: report.Number(t.Score), Params: t.Parameters(), Cached: true,
		Standing: standing(stage, t)}
	counted := t.Counted(stage.Metric)
	c.Metrics = report.Metrics(means(counted))
	if len(t.Repeats) == 1 {
		c.Metrics = report.Metrics(first.Score.Metrics)
	}
	if !math.IsNaN(t.Low) && !math.IsNaN(t.High) {
		c.Low, c.High = &t.Low, &t.High
	}
	tried := 0
	for _, o := range t.Repeats {
		if o.Untried {
			continue
		}
		tried++
		c.Seconds += o.Score.Seconds
		c.Cached = c.Cached && o.Cached
		if o.Foreign {
			c.Numerics = o.Score.Numerics
		}
		c.Diverged = cmp.Or(c.Diverged, o.Diverged)
		r := report.Repeat{Key: o.Score.Key, Score: report.Number(metric.Value(o.Score.Metrics, stage.Metric)), Seconds: o.Score.Seconds, Cached: o.Cached}
		if o.Score.Status == store.Failed {
			r.Failed = o.Score.Reason
		}
		c.Repeats = append(c.Repeats, r)
	}
	c.Seconds /= float64(max(tried, 1))
	if len(counted) == 0 && first.Score.Status == store.Failed {
		c.Failed = first.Score.Reason
	}
	return c
}

// standing is how a candidate stands against the leader of its stage.
func standing(stage *strategy.Stage, t *strategy.Tried) string {
	s := stage.Standing
	switch {
	case s == nil || !s.Tested || math.IsNaN(t.Score):
		return report.NotTested
	case !t.Tie:
		return report.Behind
	case t != stage.Candidates[s.Leader] || stage.Tied() > 1:
		return report.Tie
	}
	return report.Ahead
}

// means are the means of the metrics that all outcomes have.
func means(outcomes []*evaluate.Outcome) map[string]float64 {
	sums, counts := map[string]float64{}, map[string]int{}
	for _, o := range outcomes {
		for name, value := range o.Score.Metrics {
			sums[name] += value
			counts[name]++
		}
	}
	for name, n := range counts {
		if sums[name] /= float64(n); n < len(outcomes) {
			delete(sums, name)
		}
	}
	return sums
}
