package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"mixmas/search/metric"
	"mixmas/search/store"
)

// Stage is a list of trials of which one is chosen.
type Stage struct {
	// Name is "encoder/<modality>", "fusion" or "network".
	Name string
	// Metric is what selects.
	Metric string
	// Outcomes are ranked, the winner first.
	Outcomes []*Outcome
}

// Winner is the chosen trial.
func (s *Stage) Winner() *Outcome { return s.Outcomes[0] }

// choose runs the trials of a stage side by side and ranks them. A stage in which no trial can be chosen is an error.
func (s *Search) choose(ctx context.Context, name string, trials []*Trial) (*Stage, error) {
	stage := &Stage{Name: name, Metric: s.config.Search.Metric, Outcomes: make([]*Outcome, len(trials))}
	s.observer.StageStarted(name, len(trials))
	group, ctx := errgroup.WithContext(ctx)
	for i, t := range trials {
		group.Go(func() error {
			o, err := s.score(ctx, t)
			if err != nil {
				return err
			}
			stage.Outcomes[i] = o
			s.announce(o)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(stage.Outcomes, func(a, b *Outcome) int { return rank(stage.Metric, a, b) })
	best := stage.Winner()
	if best.Score.Status == store.Failed {
		return nil, fmt.Errorf("stage %s: every candidate failed; the first: %s: %s (search.retry_failed tries them again)",
			name, best.Trial.Label, best.Score.Reason)
	}
	if _, defined := best.Score.Metrics[stage.Metric]; !defined {
		return nil, fmt.Errorf("stage %s: the metric %s is undefined for every candidate (a class may be missing in the validation split): choose another",
			name, stage.Metric)
	}
	s.observer.StageDone(name, best.Trial.Label)
	return stage, nil
}

func (s *Search) announce(o *Outcome) {
	var err error
	if o.Score.Status == store.Failed {
		err = errors.New(o.Score.Reason)
	}
	m := s.config.Search.Metric
	score, defined := o.Score.Metrics[m]
	if !defined {
		score = math.NaN()
	}
	s.observer.TrialDone(o.Trial.id, o.Trial.Name, score, m, o.Cached, o.Score.Seconds, err)
}

// rank orders outcomes: by the metric, then fewer parameters, then name; without the metric after those with it, and
// failed ones last.
func rank(name string, a, b *Outcome) int {
	class := func(o *Outcome) int {
		if o.Score.Status == store.Failed {
			return 2
		}
		if _, defined := o.Score.Metrics[name]; !defined {
			return 1
		}
		return 0
	}
	if c := cmp.Compare(class(a), class(b)); c != 0 {
		return c
	}
	x, y := a.Score.Metrics[name], b.Score.Metrics[name]
	switch {
	case metric.Better(name, x, y):
		return -1
	case metric.Better(name, y, x):
		return 1
	}
	return cmp.Or(cmp.Compare(a.Score.Parameters, b.Score.Parameters), cmp.Compare(a.Trial.Label, b.Trial.Label))
}
