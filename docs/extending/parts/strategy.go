package parts

import (
	"context"
	"slices"

	"mixmas/search/metric"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

func init() {
	strategy.Register("halving", "Trains all networks for some epochs, the better half of them for twice as many, and so on.",
		func() strategy.Strategy { return &Halving{First: 1} })
}

// Halving are the options of halving.
type Halving struct {
	First int `yaml:"first" json:"first" jsonschema:"minimum=1,maximum=10000" doc:"Epochs after which half of the networks are dropped."`
}

// Search asks for scores and chooses. A job with Until stops after that epoch with a partial score; a later job of the same
// model resumes from there. A model that has a score is not trained again.
func (h *Halving) Search(ctx context.Context, space *strategy.Space, e strategy.Evaluator, o strategy.Observer) (*strategy.Result, error) {
	with := func(network strategy.Candidate) strategy.Choices { // the first encoders and function
		c := strategy.Choices{Encoders: map[string]strategy.Candidate{}, Fusion: space.Fusions[0], Network: network}
		for _, m := range space.Modalities {
			c.Encoders[m.Name] = m.Encoders[0]
		}
		return c
	}
	networks := slices.Clone(space.Networks)
	jobs := func(until int) (list []trial.Job) {
		for _, network := range networks {
			job := space.Job("halving", network.Label, space.Model(with(network)))
			job.Until = until
			list = append(list, job)
		}
		return list
	}
	for until := h.First; len(networks) > 1 && until < space.Specification.Recipe.Epochs; until *= 2 {
		outcomes, err := e.Score(ctx, jobs(until)...)
		if err != nil {
			return nil, err
		}
		values := map[string]float64{} // by label; a network that failed has none
		for _, outcome := range outcomes {
			if value, defined := outcome.Score.Metrics[space.Metric]; defined {
				values[outcome.Job.Label] = value
			}
		}
		slices.SortStableFunc(networks, func(a, b strategy.Candidate) int {
			x, hasX := values[a.Label]
			y, hasY := values[b.Label]
			switch {
			case hasX && (!hasY || metric.Better(space.Metric, x, y)):
				return -1
			case hasY && (!hasX || metric.Better(space.Metric, y, x)):
				return 1
			}
			return 0
		})
		networks = networks[:(len(networks)+1)/2]
	}
	stage, winner, err := space.Decide(ctx, e, o, "halving", strategy.Repeated(jobs(0), space.Repeats.Network)) // to the end
	if err != nil {
		return nil, err
	}
	return &strategy.Result{Stages: []*strategy.Stage{stage}, Choices: with(networks[winner]), Winner: stage.Winner, Reason: stage.Reason}, nil
}
