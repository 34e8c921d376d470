package search

import (
	"context"
	"errors"
	"time"

	"mixmas/search/estimate"
	"mixmas/search/evaluate"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

// Estimated is what a search will probably cost, as far as that can be told before it.
type Estimated struct {
	// Candidates is the number of candidates of all parts of the model that there are to choose from.
	Candidates int
	// Trainings is the number of trainings to come, and Stored that of the trainings whose scores are stored.
	Trainings, Stored int
	// Workers is the number of trainings that run in parallel.
	Workers int
	// Least and Most bound the time of the search: it depends on which candidates win.
	Least, Most time.Duration
	// Full is the time of the full training if it does not stop early, and More that of the trainings after it; 0 if there are none
	// to come.
	Full, More time.Duration
	// Seconds are the expected seconds of the trainings, by name.
	Seconds map[string]float64
}

// How a pace is measured: the steps of each training, the time that they may take, and the time after which no other training is
// measured.
const (
	paceSteps     = 5
	paceStepLimit = 200 * time.Millisecond
	paceLimit     = time.Second
)

// Uncertainty of an estimate: trainings were measured for a few steps, on a machine that may do something else.
const faster, slower = 0.8, 1.3

// estimate tells the observer what the search will cost, and gives the budget what it needs. A strategy that cannot be
// rehearsed, or trainings that cannot be measured, have no estimate: the search itself reports what is wrong.
func (s *Search) estimate(ctx context.Context, space *strategy.Space) error {
	stored := s.stored()
	cheap, err := estimate.Rehearse(ctx, space, s.config.Search.Searcher, stored, false)
	if err != nil {
		return ctx.Err()
	}
	costly, err := estimate.Rehearse(ctx, space, s.config.Search.Searcher, stored, true)
	if err != nil {
		return ctx.Err()
	}
	trainings := cheap.Trainings
	var full *trial.Job
	if s.train {
		job, err := s.fullJob(s.config.Name, space.FullModel(cheap.Result.Choices), s.config.Train, "")
		if err != nil {
			return nil
		}
		if _, err := stored.Score(ctx, job); errors.Is(err, evaluate.ErrUntrained) {
			full = &job
		}
	}
	more, err := s.unstored(ctx, space, cheap.Result.Choices, stored)
	if err != nil {
		return err
	}
	if len(trainings) == 0 {
		return ctx.Err()
	}
	workers := max(s.options.Workers, 1)
	pace, err := estimate.Meter{Workers: workers, Limit: paceLimit, Now: s.now, Step: func(ctx context.Context, job trial.Job) (float64, error) {
		return s.pace(ctx, job, paceSteps, paceStepLimit)
	}}.Measure(ctx, trainings)
	if pace == nil || err != nil {
		return ctx.Err()
	}
	s.timing.Store(pace)
	e := Estimated{Candidates: space.Candidates(), Trainings: len(trainings), Stored: cheap.Stored, Workers: workers, Seconds: map[string]float64{}}
	sums := [2]float64{}
	for i, r := range []*estimate.Rehearsal{cheap, costly} {
		for _, t := range r.Trainings {
			seconds := pace.Training(t)
			sums[i] += seconds
			e.Seconds[t.Job.Name] = max(e.Seconds[t.Job.Name], seconds)
		}
	}
	parallel := float64(min(workers, len(trainings)))
	e.Least = duration(faster * min(sums[0], sums[1]) / parallel)
	e.Most = duration(slower * max(sums[0], sums[1]) / parallel)
	if full != nil {
		e.Full = duration(pace.Seconds(*full))
	}
	for _, job := range more {
		e.More += duration(pace.Seconds(job) / float64(min(workers, len(more))))
	}
	if s.budget != nil {
		s.budget.Reserve = cheap.Cheapest(pace.Seconds)
	}
	s.observer.Estimated(e)
	return nil
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// The shares of a budget after which each part of a run should have ended: the search if a full training follows, the full
// training, and all else. With more to train after the winner, the parts before it end earlier. What remains is for the test, and
// the files.
const (
	searchEnd, searchEndOfMore = 0.6, 0.45
	allEnd                     = 0.97
	winnerEndOfMore            = 0.7
	moreEnd                    = 0.9
	onlySearchEnd              = 0.85
)

// winnerShare is the share of a budget after which the full training of the winner should have ended.
func (s *Search) winnerShare() float64 {
	if s.more() {
		return winnerEndOfMore
	}
	return allEnd
}

// newBudget returns the budget of the search; nil if there is no limit.
func (s *Search) newBudget(limit time.Duration) *evaluate.Budget {
	if limit <= 0 {
		return nil
	}
	share := 1.0
	switch {
	case s.train && s.more():
		share = searchEndOfMore
	case s.train:
		share = searchEnd
	case s.more():
		share = onlySearchEnd
	}
	return &evaluate.Budget{End: s.started.Add(time.Duration(share * float64(limit))), Now: s.now, Seconds: func(job trial.Job) float64 {
		pace := s.timing.Load()
		if pace == nil {
			return 0
		}
		return pace.Seconds(job) * pace.Drift()
	}}
}

// deadline returns when a share of the budget will have passed; the zero time if there is no budget.
func (s *Search) deadline(share float64) time.Time {
	if s.limit <= 0 {
		return time.Time{}
	}
	return s.started.Add(time.Duration(share * float64(s.limit)))
}

// overdue reports whether a share of the budget has passed.
func (s *Search) overdue(share float64) bool { return s.limit > 0 && s.now().After(s.deadline(share)) }

// timed is an observer that also notes how long trainings took.
type timed struct {
	Observer
	search *Search
}

// TrialDone implements [evaluate.Observer].
func (t timed) TrialDone(e evaluate.TrialDone) {
	if pace := t.search.timing.Load(); pace != nil && e.ID != 0 && e.Err == nil {
		pace.Taken(e.Job, e.Seconds)
	}
	t.Observer.TrialDone(e)
}
