package plan

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"mixmas/nn/mixer"
	"mixmas/search/cost"
	"mixmas/search/strategy"
)

// LeaveOut returns a function that says why a model must not be tried under limits, or "" if it may; nil without limits. A model of one
// modality is also left out if the smallest whole model with its encoder breaks a limit on parameters or memory: a search would
// choose it for nothing. meter measures the time of predictions.
func LeaveOut(s *strategy.Space, limits cost.Limits, meter *cost.Meter) func(ctx context.Context, model mixer.Specification) (string, error) {
	if limits == (cost.Limits{}) {
		return nil
	}
	smallest := sync.OnceValues(func() (map[string]strategy.Candidate, error) { return smallestEncoders(s) })
	return func(ctx context.Context, model mixer.Specification) (string, error) {
		reason, err := limits.LeaveOut(ctx, meter, model)
		if reason != "" || err != nil || model.Fusion != nil || len(model.Modalities) != 1 {
			return reason, err
		}
		encoders, err := smallest()
		if err != nil {
			return "", err
		}
		return inWhole(ctx, s, limits, encoders, model.Modalities[0])
	}
}

// smallestEncoders returns the encoder with the fewest parameters of each modality.
func smallestEncoders(s *strategy.Space) (map[string]strategy.Candidate, error) {
	smallest := map[string]strategy.Candidate{}
	for _, m := range s.Modalities {
		parameters := map[string]int{}
		for _, e := range m.Encoders {
			c, err := cost.Of(s.EncoderModel(m, e))
			if err != nil {
				return nil, err
			}
			parameters[e.Label] = c.Parameters
		}
		smallest[m.Name] = slices.MinFunc(m.Encoders, func(a, b strategy.Candidate) int {
			return cmp.Compare(parameters[a.Label], parameters[b.Label])
		})
	}
	return smallest, nil
}

// inWhole says why no whole model with a modality's encoder and the smallest other ones stays within the limits, for the fusion
// function and network that make the smallest; "" if one does.
func inWhole(ctx context.Context, s *strategy.Space, limits cost.Limits, encoders map[string]strategy.Candidate, m mixer.Modality) (string, error) {
	limits.Latency = 0 // what is smallest need not be fastest
	own := map[string]strategy.Candidate{}
	for name, e := range encoders {
		own[name] = e
	}
	own[m.Name] = strategy.Candidate{Choice: m.Encoder}
	reason, parameters := "", 0
	for _, f := range s.Fusions {
		for _, n := range s.Networks {
			model := s.Model(strategy.Choices{Encoders: own, Fusion: f, Network: n})
			why, err := limits.LeaveOut(ctx, nil, model)
			if why == "" || err != nil {
				return "", err
			}
			c, err := cost.Of(model)
			if err != nil {
				return "", err
			}
			if reason == "" || c.Parameters < parameters {
				reason, parameters = why, c.Parameters
			}
		}
	}
	return "is too large for any whole model: the smallest one " + reason, nil
}
