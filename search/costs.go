package search

import (
	"context"
	"math"
	"time"

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
		if metric.Better(stage.Metric, 0, 1) { // such as a loss
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
