package strategy

import (
	"cmp"
	"math"

	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// Tried is a candidate of a stage that was trained, once per repeat.
type Tried struct {
	Label string
	// Repeats are the outcomes by repeat, the first at index 0. There is at least one; some may have failed, or not been tried
	// because the budget would not have sufficed.
	Repeats []*evaluate.Outcome
	// Score is the mean value of the stage's metric over the repeats that have one, and NaN if none has.
	Score float64
	// Low and High are the ends of the 95% confidence interval of Score; NaN if they are unknown.
	Low, High float64
	// Tie means that the candidate cannot be told apart from the leader of its stage, or is the leader.
	Tie bool
	// Cost is the number of floating-point operations of predicting one row; 0 if it is unknown, or does not count in the choice.
	Cost float64
}

// First returns the outcome of repeat 1.
func (t *Tried) First() *evaluate.Outcome { return t.Repeats[0] }

// Counted returns the outcomes of the repeats that have a value of the metric, by repeat.
func (t *Tried) Counted(name string) (list []*evaluate.Outcome) {
	for _, o := range t.Repeats {
		if standing(name, o) == defined {
			list = append(list, o)
		}
	}
	return list
}

// Finished returns the outcomes of the repeats whose training has finished, by repeat.
func (t *Tried) Finished() (list []*evaluate.Outcome) {
	for _, o := range t.Repeats {
		if o.Score.Status == store.Finished {
			list = append(list, o)
		}
	}
	return list
}

// Origin returns the weights from which repeat r, counted from 1, of a later stage starts: those of the same repeat, or of the
// last finished one before it if the candidate has fewer, or of the first one after it. A winner has at least one.
func (t *Tried) Origin(r int) trial.Origin {
	var last *evaluate.Outcome
	for i, o := range t.Repeats {
		if o.Score.Status == store.Finished && (last == nil || i < r) {
			last = o
		}
	}
	return last.Origin()
}

// newTried returns a candidate with the mean of its outcomes. None of its other fields is set.
func newTried(name string, outcomes []*evaluate.Outcome) *Tried {
	t := &Tried{Label: outcomes[0].Job.Label, Repeats: outcomes, Score: math.NaN(), Low: math.NaN(), High: math.NaN()}
	if counted := t.Counted(name); len(counted) > 0 {
		sum := 0.0
		for _, o := range counted {
			sum += o.Score.Metrics[name]
		}
		t.Score = sum / float64(len(counted))
	}
	return t
}

// untried reports whether no repeat was tried.
func (t *Tried) untried() bool {
	for _, o := range t.Repeats {
		if !o.Untried {
			return false
		}
	}
	return true
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

// standing is the best standing of the repeats.
func (t *Tried) standing(metric string) int {
	best := failed
	for _, o := range t.Repeats {
		best = min(best, standing(metric, o))
	}
	return best
}

// Parameters returns the number of the model's parameters, from a repeat that knows it.
func (t *Tried) Parameters() (n int) {
	for _, o := range t.Repeats {
		n = max(n, o.Score.Parameters)
	}
	return n
}

// rank orders candidates by standing, then by the mean score, then by fewer parameters, then by name.
func rank(name string, a, b *Tried) int {
	if c := cmp.Compare(a.standing(name), b.standing(name)); c != 0 {
		return c
	}
	return cmp.Or(metric.Compare(name, a.Score, b.Score), cmp.Compare(a.Parameters(), b.Parameters()), cmp.Compare(a.Label, b.Label))
}
