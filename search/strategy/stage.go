package strategy

import (
	"context"
	"fmt"
	"slices"

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
	// Left are the candidates that a constraint left out before they were trained.
	Left []LeftOut
	// Winner is the candidate that was chosen, and Reason says in one line why it won.
	Winner *Tried
	Reason string
}

// LeftOut is a candidate that was left out before it was trained, with the constraint that it breaks.
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

// Repeated returns jobs of candidates as [Space.Decide] takes them, each with as many repeats; 0 means one.
func Repeated(jobs []trial.Job, repeats int) [][]trial.Job {
	var list [][]trial.Job
	for _, job := range jobs {
		var of []trial.Job
		for r := range max(repeats, 1) {
			of = append(of, job.Repeated(r+1))
		}
		list = append(list, of)
	}
	return list
}

// Decide runs the jobs of a stage in parallel and returns the stage with the index of the best candidate. jobs[c][r] trains
// candidate c in repeat r+1 (see [Repeated]). It returns an error if no candidate can be chosen.
func (s *Space) Decide(ctx context.Context, e Evaluator, o Observer, name string, jobs [][]trial.Job) (stage *Stage, winner int, err error) {
	o.StageStarted(StageStarted{name, len(jobs)})
	outcomes, err := e.Score(ctx, slices.Concat(jobs...)...)
	if err != nil {
		return nil, 0, err
	}
	var all, candidates []*Tried
	var untried []*evaluate.Outcome
	for _, repeats := range jobs {
		t := newTried(s.Metric, outcomes[:len(repeats)])
		all, outcomes = append(all, t), outcomes[len(repeats):]
		if t.untried() {
			untried = append(untried, t.First())
		} else {
			candidates = append(candidates, t)
		}
	}
	slices.SortStableFunc(candidates, func(a, b *Tried) int { return rank(s.Metric, a, b) })
	best := candidates[0]
	switch best.standing(s.Metric) {
	case failed:
		return nil, 0, fmt.Errorf("stage %s: every candidate failed; the first: %s: %s (set search.retry_failed to try them again)",
			name, best.Label, best.First().Score.Reason)
	case unfinished:
		return nil, 0, fmt.Errorf("stage %s: no candidate has finished its training", name)
	case undefined:
		return nil, 0, fmt.Errorf("stage %s: the metric %s is undefined for every candidate (a class may be missing in the validation split): choose another",
			name, s.Metric)
	}
	stage = &Stage{Name: name, Metric: s.Metric, Candidates: candidates, Untried: untried, Winner: best, Reason: reason(s.Metric, candidates)}
	o.StageDone(StageDone{name, best.Label, stage.Reason})
	return stage, slices.Index(all, best), nil
}

// reason explains why the first of the ranked candidates won.
func reason(metric string, ranked []*Tried) string {
	if len(ranked) == 1 {
		return "the only candidate"
	}
	best, second := ranked[0], ranked[1]
	text := fmt.Sprintf("the best %s of %d candidates", metric, len(ranked))
	switch {
	case second.standing(metric) != defined || best.Score != second.Score:
		return text
	case best.parameters() < second.parameters():
		return text + ", and fewer parameters than " + second.Label
	}
	return text + ", and first by name before " + second.Label
}
