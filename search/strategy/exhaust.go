package strategy

import (
	"context"
	"fmt"
	"math"

	"mixmas/search/metric"
	"mixmas/search/trial"
)

// Drawn is a candidate of a stage that was trained on a draw of the sample, counted from 0.
type Drawn struct {
	Stage string
	Draw  int
	*Tried
}

// Exhaust trains every candidate of every stage of the default strategy, on each of some draws of the sample: spaces that differ in
// their sample alone. What later stages start from has the best mean over all draws, so that a candidate is the same model in all.
// Candidates that break a constraint are left out.
func Exhaust(ctx context.Context, draws []*Space, e Evaluator, o Observer) ([]Drawn, error) {
	x := exhaustion{ctx: ctx, draws: draws, evaluator: e, observer: o}
	first := draws[0]
	chosen := map[string]Candidate{}
	winners := make([][]*Tried, len(draws)) // by draw and modality
	for _, m := range first.Modalities {
		best, tried, err := x.stage(func(space *Space, _ int) (string, [][]trial.Job) { return encoderJobs(space, m) })
		if err != nil {
			return nil, err
		}
		chosen[m.Name] = m.Encoders[best]
		for draw, t := range tried {
			winners[draw] = append(winners[draw], t)
		}
	}
	functions := first.functions()
	function, _, err := x.stage(func(space *Space, draw int) (string, [][]trial.Job) {
		const name = "fusion"
		return name, fusedJobs(space, name, winners[draw], labels(functions), space.Repeats.Fusion, func(i int) Choices {
			return Choices{chosen, functions[i], space.Networks[0]}
		})
	})
	if err != nil {
		return nil, err
	}
	_, _, err = x.stage(func(space *Space, draw int) (string, [][]trial.Job) {
		const name = "network"
		return name, fusedJobs(space, name, winners[draw], labels(space.Networks), space.Repeats.Network, func(i int) Choices {
			return Choices{chosen, functions[function], space.Networks[i]}
		})
	})
	return x.trained, err
}

// exhaustion is one call of [Exhaust].
type exhaustion struct {
	ctx       context.Context
	draws     []*Space
	evaluator Evaluator
	observer  Observer
	trained   []Drawn
}

// stage trains the candidates of a stage on all draws. It returns the index of the candidate with the best mean among those that
// have a score in all draws, and what was tried of it in each.
func (x *exhaustion) stage(jobs func(space *Space, draw int) (string, [][]trial.Job)) (best int, tried []*Tried, err error) {
	var byLabel []map[string]*Tried
	var all [][]trial.Job
	var name string
	for draw, space := range x.draws {
		name, all = jobs(space, draw)
		stage, _, err := space.Decide(x.ctx, x.evaluator, x.observer, name, all)
		if err != nil {
			return 0, nil, err
		}
		of := map[string]*Tried{}
		for _, t := range stage.Candidates {
			of[t.Label] = t
			x.trained = append(x.trained, Drawn{name, draw, t})
		}
		byLabel = append(byLabel, of)
	}
	top := math.NaN()
	for i, repeats := range all {
		var list []*Tried
		mean := 0.0
		for _, of := range byLabel {
			if t := of[repeats[0].Label]; t != nil && len(t.Finished()) > 0 {
				list = append(list, t)
				mean += t.Score / float64(len(byLabel))
			}
		}
		if len(list) == len(byLabel) && (tried == nil || metric.Better(x.draws[0].Metric, mean, top)) {
			best, tried, top = i, list, mean
		}
	}
	if tried == nil {
		return 0, nil, fmt.Errorf("stage %s: no candidate has finished trainings on all draws of the sample", name)
	}
	return best, tried, nil
}
