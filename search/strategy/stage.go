package strategy

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// Stage is one decision: a set of trials, of which one is chosen.
type Stage struct {
	// Name is the name of the part that is chosen, after its kind and a slash if there are several of the kind, as in
	// "encoder/image".
	Name string
	// Metric is the metric that selects the winner.
	Metric string
	// Outcomes are ranked, the best first.
	Outcomes []*evaluate.Outcome
	// Untried are the outcomes of candidates for which the budget would not have sufficed.
	Untried []*evaluate.Outcome
	// Winner is the outcome that was chosen, and Reason says in one line why it won.
	Winner *evaluate.Outcome
	Reason string
}

// Decide runs the jobs of a stage in parallel and returns the stage with the index of the best job. It returns an error if no
// job can be chosen.
func (s *Space) Decide(ctx context.Context, e Evaluator, o Observer, name string, jobs []trial.Job) (stage *Stage, winner int, err error) {
	o.StageStarted(StageStarted{name, len(jobs)})
	byJob, err := e.Score(ctx, jobs...)
	if err != nil {
		return nil, 0, err
	}
	var outcomes, untried []*evaluate.Outcome
	for _, o := range byJob {
		if o.Untried {
			untried = append(untried, o)
		} else {
			outcomes = append(outcomes, o)
		}
	}
	slices.SortStableFunc(outcomes, func(a, b *evaluate.Outcome) int { return rank(s.Metric, a, b) })
	best := outcomes[0]
	switch standing(s.Metric, best) {
	case failed:
		return nil, 0, fmt.Errorf("stage %s: every candidate failed; the first: %s: %s (set search.retry_failed to try them again)",
			name, best.Job.Label, best.Score.Reason)
	case unfinished:
		return nil, 0, fmt.Errorf("stage %s: no candidate has finished its training", name)
	case undefined:
		return nil, 0, fmt.Errorf("stage %s: the metric %s is undefined for every candidate (a class may be missing in the validation split): choose another",
			name, s.Metric)
	}
	stage = &Stage{Name: name, Metric: s.Metric, Outcomes: outcomes, Untried: untried, Winner: best, Reason: reason(s.Metric, outcomes)}
	o.StageDone(StageDone{name, best.Job.Label, stage.Reason})
	return stage, slices.Index(byJob, best), nil
}

// The standings of outcomes, best first: with a value of the metric, without one, not trained to the end, failed.
const (
	defined = iota
	undefined
	unfinished
	failed
)

func standing(metric string, o *evaluate.Outcome) int {
	_, has := o.Score.Metrics[metric]
	switch {
	case o.Score.Status == store.Failed:
		return failed
	case o.Score.Status != store.Finished:
		return unfinished
	case !has:
		return undefined
	}
	return defined
}

// rank orders outcomes by standing, then by the metric, then by fewer parameters, then by name.
func rank(name string, a, b *evaluate.Outcome) int {
	if c := cmp.Compare(standing(name, a), standing(name, b)); c != 0 {
		return c
	}
	x, y := a.Score.Metrics[name], b.Score.Metrics[name]
	switch {
	case metric.Better(name, x, y):
		return -1
	case metric.Better(name, y, x):
		return 1
	}
	return cmp.Or(cmp.Compare(a.Score.Parameters, b.Score.Parameters), cmp.Compare(a.Job.Label, b.Job.Label))
}

// reason explains why the first of the ranked outcomes won.
func reason(metric string, ranked []*evaluate.Outcome) string {
	if len(ranked) == 1 {
		return "the only candidate"
	}
	best, second := ranked[0], ranked[1]
	text := fmt.Sprintf("the best %s of %d candidates", metric, len(ranked))
	switch {
	case standing(metric, second) != defined || best.Score.Metrics[metric] != second.Score.Metrics[metric]:
		return text
	case best.Score.Parameters < second.Score.Parameters:
		return text + ", and fewer parameters than " + second.Job.Label
	}
	return text + ", and first by name before " + second.Job.Label
}
