package strategy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

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

// leaveOut notes the candidates that break a constraint, and returns the indices of the others. It returns an error if all do, or
// if there are none.
func (s *Space) leaveOut(ctx context.Context, stage *Stage, jobs [][]trial.Job) (kept []int, err error) {
	least, smallest := "", math.MaxInt
	before := len(stage.Left)
	if len(jobs) == 0 {
		return nil, fmt.Errorf("stage %s: %w", stage.Name, Empty(stage.Left))
	}
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
			least = stage.Left[before].Label + " " + stage.Left[before].Reason
		}
		return nil, fmt.Errorf("stage %s: every candidate is left out; the smallest: %s", stage.Name, least)
	}
	return kept, nil
}

// Empty is the error of a list of candidates that has none, with the reasons why some were left out.
func Empty(left []LeftOut) error {
	if len(left) == 0 {
		return errors.New("there are no candidates")
	}
	var reasons []string
	for _, l := range left {
		reasons = append(reasons, l.Label+" "+l.Reason)
	}
	return fmt.Errorf("every architecture is left out: %s", strings.Join(reasons, "; "))
}

// complete returns an error if there is nothing to choose from for a part of the model.
func (s *Space) complete() error {
	for _, m := range s.Modalities {
		if len(m.Encoders) == 0 {
			return fmt.Errorf("encoders of %s: %w", m.Name, Empty(m.Left))
		}
	}
	if len(s.Fusions) == 0 {
		return fmt.Errorf("fusion functions: %w", Empty(nil))
	}
	if len(s.Networks) == 0 {
		return fmt.Errorf("fusion networks: %w", Empty(s.LeftNetworks))
	}
	return nil
}
