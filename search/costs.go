package search

import (
	"context"
	"encoding/json"
	"math"
	"time"

	"mixmas/nn/mixer"
	"mixmas/search/cost"
	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/strategy"
)

// describeCosts adds to a stage what its candidates cost. What cannot be measured is omitted.
func (s *Search) describeCosts(stage *strategy.Stage, out *report.Stage) {
	points := make([]cost.Point, len(stage.Candidates))
	for i, t := range stage.Candidates {
		model := t.First().Job.Specification.Model
		points[i] = cost.Point{Value: t.Score, Cost: math.NaN()}
		if metric.LowerIsBetter(stage.Metric) {
			points[i].Value = -t.Score
		}
		static, err := cost.Of(model)
		if err != nil {
			continue
		}
		c := &report.Cost{FLOPs: static.FLOPs, Memory: static.Memory, TrainingMemory: static.TrainingMemory}
		if latency, err := s.meter.Measure(context.Background(), model); err == nil {
			c.Latency1, c.Latency64 = milliseconds(latency.One), milliseconds(latency.Many)
		}
		out.Candidates[i].Cost, points[i].Cost = c, float64(static.FLOPs)
	}
	for i, front := range cost.Front(points...) {
		if c := out.Candidates[i].Cost; c != nil {
			c.Front = front
		}
	}
}

// milliseconds rounds a time to a thousandth of a millisecond.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}

// cost sets what predictions of models together cost; their time too if it is wanted.
func (a *answering) cost(ctx context.Context, f *report.Final, models []*fitted, timed bool) error {
	for _, m := range models {
		spec := m.Job.Specification.Model
		static, err := a.staticOf(spec)
		if err != nil {
			return err
		}
		f.Params, f.FLOPs = f.Params+static.Parameters, f.FLOPs+static.FLOPs
		if !timed {
			continue
		}
		latency, err := a.meter.Measure(ctx, spec)
		if err != nil {
			return err
		}
		f.Latency += 1000 * latency.One.Seconds()
	}
	return nil
}

// staticOf is the cost of a model, which is computed once.
func (a *answering) staticOf(spec mixer.Specification) (cost.Static, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return cost.Static{}, err
	}
	static, known := a.static[string(text)]
	if !known {
		if static, err = cost.Of(spec); err != nil {
			return static, err
		}
		a.static[string(text)] = static
	}
	return static, nil
}
