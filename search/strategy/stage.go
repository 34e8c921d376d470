package strategy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mixmas/nn"
	"mixmas/search/choice"
	"mixmas/search/evaluate"
	"mixmas/search/trial"
)

// Stage is one decision: a set of candidates, each of which is trained once per repeat, and of which one is chosen.
type Stage struct {
	// Name is the name of the part that is chosen, after its kind and a slash if there are several of the kind, as in
	// "encoder/image".
	Name string
	// Metric is the metric that selects the winner.
	Metric string
	// Candidates are ranked by their mean score, the best first.
	Candidates []*Tried
	// Untried are the first outcomes of candidates for which the budget would not have sufficed.
	Untried []*evaluate.Outcome
	// Left are the candidates that were left out before they were trained: by a constraint, or because they cannot take the input.
	Left []LeftOut
	// Winner is the candidate that was chosen, and Reason says in one line why it won.
	Winner *Tried
	Reason string
	// Standing says how the candidates compare, in their order.
	Standing *choice.Standing
}

// LeftOut is a candidate that was left out before it was trained, with the reason, such as "takes no table".
type LeftOut struct{ Label, Reason string }

// Outcomes returns the outcomes of the ranked candidates, of each by repeat, without those that the budget left out.
func (s *Stage) Outcomes() (list []*evaluate.Outcome) {
	for _, c := range s.Candidates {
		for _, o := range c.Repeats {
			if !o.Untried {
				list = append(list, o)
			}
		}
	}
	return list
}

// Tied returns the number of candidates that cannot be told apart from the leader, itself included.
func (s *Stage) Tied() (n int) {
	for _, c := range s.Candidates {
		if c.Tie {
			n++
		}
	}
	return n
}

// Repeated returns jobs of candidates as [Space.Decide] takes them, each with as many repeats; 0 means one.
func Repeated(jobs []trial.Job, repeats int) [][]trial.Job {
	var list [][]trial.Job
	for _, job := range jobs {
		list = append(list, repeated(repeats, func(int) trial.Job { return job }))
	}
	return list
}

// repeated returns the repeats of one candidate; make returns the job of repeat r, counted from 1, which differs from others by
// what it starts from.
func repeated(repeats int, make func(r int) trial.Job) (list []trial.Job) {
	for r := range max(repeats, 1) {
		list = append(list, make(r+1).Repeated(r+1))
	}
	return list
}

// Decide runs the jobs of a stage in parallel and returns the stage with the index of the chosen candidate. jobs[c][r] trains
// candidate c in repeat r+1 (see [Repeated]). It returns an error if no candidate can be chosen.
func (s *Space) Decide(ctx context.Context, e Evaluator, o Observer, name string, jobs [][]trial.Job) (stage *Stage, winner int, err error) {
	return s.decide(ctx, e, o, &Stage{Name: name, Metric: s.Metric}, jobs)
}

// decide is [Space.Decide] for a stage of which some candidates are left out already.
func (s *Space) decide(ctx context.Context, e Evaluator, o Observer, stage *Stage, jobs [][]trial.Job) (decided *Stage, winner int, err error) {
	tried, err := s.leaveOut(ctx, stage, jobs)
	if err != nil {
		return nil, 0, err
	}
	started := StageStarted{Stage: stage.Name, Candidates: len(tried), LeftOut: len(stage.Left)}
	var all []trial.Job
	for _, c := range tried {
		started.Repeats = max(started.Repeats, len(jobs[c]))
		all = append(all, jobs[c]...)
	}
	o.StageStarted(started)
	outcomes, err := e.Score(ctx, all...)
	if err != nil {
		return nil, 0, err
	}
	index := map[*Tried]int{}
	for _, c := range tried {
		t := newTried(s.Metric, outcomes[:len(jobs[c])])
		index[t] = c
		if outcomes = outcomes[len(jobs[c]):]; t.untried() {
			stage.Untried = append(stage.Untried, t.First())
		} else {
			stage.Candidates = append(stage.Candidates, t)
		}
	}
	slices.SortStableFunc(stage.Candidates, func(a, b *Tried) int { return rank(s.Metric, a, b) })
	if err := stage.unchosen(); err != nil {
		return nil, 0, err
	}
	if err := s.choose(ctx, e, stage); err != nil {
		return nil, 0, err
	}
	o.StageDone(stage.done())
	return stage, index[stage.Winner], nil
}

// done is the end of the stage.
func (s *Stage) done() StageDone {
	return StageDone{s.Name, s.Winner.Label, s.Reason, s.Standing.Text(s.Metric), s.Standing.Tested}
}

// unchosen says why none of the ranked candidates can be chosen; nil if one can.
func (s *Stage) unchosen() error {
	best := s.Candidates[0]
	switch best.standing(s.Metric) {
	case failed:
		reason, advice := best.First().Score.Reason, "set search.retry_failed to try them again"
		if strings.Contains(reason, nn.ErrDiverged.Error()) { // and would again
			advice = "lower search.training.learning_rate"
		}
		return fmt.Errorf("stage %s: every candidate failed; the first: %s: %s (%s)", s.Name, best.Label, reason, advice)
	case unfinished:
		return fmt.Errorf("stage %s: no candidate has finished its training", s.Name)
	case undefined:
		return fmt.Errorf("stage %s: the metric %s is undefined for every candidate (a class may be missing in the validation split): choose another",
			s.Name, s.Metric)
	}
	return nil
}
