package strategy

import (
	"context"
	"fmt"
	"math"

	"mixmas/nn/mixer"
	"mixmas/search/cost"
	"mixmas/search/trial"
)

// leftOut returns why a model must not be tried; "" if it may.
func (s *Space) leftOut(ctx context.Context, model mixer.Specification) (reason string, err error) {
	if s.LeaveOut == nil {
		return "", nil
	}
	return s.LeaveOut(ctx, model)
}

// leaveOut notes the candidates that break a constraint, and returns the indices of the others. It returns an error if all do.
func (s *Space) leaveOut(ctx context.Context, stage *Stage, jobs [][]trial.Job) (kept []int, err error) {
	least, smallest := "", math.MaxInt
	for i, repeats := range jobs {
		job := repeats[0]
		reason, err := s.leftOut(ctx, job.Specification.Model)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", job.Name, err)
		}
		if reason == "" {
			kept = append(kept, i)
			continue
		}
		stage.Left = append(stage.Left, LeftOut{job.Label, reason})
		if c, err := cost.Of(job.Specification.Model); err == nil && c.Parameters < smallest {
			least, smallest = job.Label+" "+reason, c.Parameters
		}
	}
	if len(kept) == 0 {
		if least == "" {
			least = stage.Left[0].Label + " " + stage.Left[0].Reason
		}
		return nil, fmt.Errorf("stage %s: every candidate is left out; the smallest: %s", stage.Name, least)
	}
	return kept, nil
}
