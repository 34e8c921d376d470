package search

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize/english"

	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search/config"
	"mixmas/search/cost"
	"mixmas/search/dataset"
	"mixmas/search/defaults"
	"mixmas/search/estimate"
	"mixmas/search/evaluate"
	"mixmas/search/plan"
	"mixmas/search/store"
	"mixmas/search/strategy"
	"mixmas/search/trial"
)

// Options configure a search. None of them changes a score.
type Options struct {
	// Device trains the trials.
	Device device.Device
	// Store stores the scores.
	Store *store.Store
	// Workers is the number of trials that run in parallel; 0 means 1.
	Workers int
	// Observer observes the progress; it may be nil.
	Observer Observer
	// Overwrite lets a full training replace the model of another search or of other data.
	Overwrite bool
	// Train says that a full training follows the search.
	Train bool
	// Budget bounds the time from Started to the end of the full training, or of the search if none follows; 0 means no
	// limit. Candidates that would take too long are not tried, except one per stage, and the full training stops early. Started
	// is now if it is the zero time.
	Budget  time.Duration
	Started time.Time
	// Now is the clock; nil means the system's.
	Now func() time.Time
	// Meter measures the time of predictions; nil means not at all.
	Meter *cost.Meter
}

// Search is a plan on a data set.
type Search struct {
	config    *config.Config
	filled    []string // the fields of the configuration that follow from the data
	data      dataset.Dataset
	space     *strategy.Space // without a sample
	runner    *trial.Local
	evaluator *evaluate.Evaluator
	observer  Observer
	observed  bool // by somebody
	options   evaluate.Options
	overwrite bool // see Options.Overwrite
	train     bool // see Options.Train
	meter     *cost.Meter

	now     func() time.Time
	started time.Time
	limit   time.Duration    // see Options.Budget
	budget  *evaluate.Budget // nil for none
	timing  atomic.Pointer[estimate.Pace]
	// choosing holds the bits of the seconds that fitting thresholds to a model took per number of its outputs; 0 before that.
	choosing atomic.Uint64
	// pace measures the seconds of a step of a job.
	pace func(ctx context.Context, job trial.Job, steps int, limit time.Duration) (float64, error)
}

// CheckCandidates builds every candidate of a complete configuration for a data set. The error names the file and line of one that does
// not fit.
func CheckCandidates(c *config.Config, data dataset.Dataset) error {
	_, err := spaceOf(c, data)
	return err
}

func spaceOf(c *config.Config, data dataset.Dataset) (*strategy.Space, error) {
	space, err := plan.Space(c, data)
	if wrong := new(plan.FieldError); errors.As(err, &wrong) {
		return nil, c.CandidateErrorf(wrong.Field, wrong.Label, err, "%v", wrong.Err)
	}
	return space, err
}

// New fills in what the plan leaves open, by the data (see package defaults), and checks it against the data set: modalities,
// metric, and that every candidate can be built.
func New(c *config.Config, data dataset.Dataset, o Options) (*Search, error) {
	filled, err := defaults.Fill(c, data)
	if err != nil {
		return nil, err
	}
	if err := c.CheckData(data); err != nil {
		return nil, err
	}
	space, err := spaceOf(c, data)
	if err != nil {
		return nil, err
	}
	limits, err := c.Search.Limits()
	if err != nil {
		return nil, c.Errorf("search", "%v", err)
	}
	space.LeaveOut = plan.LeaveOut(space, limits, o.Meter)
	s := &Search{config: c, filled: filled, data: data, space: space, observer: o.Observer, overwrite: o.Overwrite, train: o.Train, meter: o.Meter,
		now: o.Now, started: o.Started, limit: o.Budget}
	if s.now == nil {
		s.now = time.Now
	}
	if s.started.IsZero() {
		s.started = s.now()
	}
	if s.observed = s.observer != nil; !s.observed {
		s.observer = silent{}
	}
	s.observer = timed{s.observer, s}
	s.budget = s.newBudget(o.Budget)
	s.runner = &trial.Local{Device: o.Device, Data: data, Files: evaluate.Files{Store: o.Store}, Now: s.now}
	s.pace = s.runner.Pace
	s.options = evaluate.Options{Data: data, Store: o.Store, Runner: s.runner, Workers: o.Workers, Observer: s.observer,
		Search: c.Name, Metric: c.Search.Metric, AnyNumerics: c.Search.Reuse == "any-numerics", RetryFailed: c.Search.RetryFailed, RetryDiverged: c.Search.RetryDiverged,
		Budget: s.budget}
	s.evaluator = evaluate.New(s.options)
	return s, nil
}

// Result is a finished search.
type Result struct {
	strategy.Result
	// Space is the space that was searched, with the drawn sample.
	Space *strategy.Space
	// Trainings is the number of trials that this run trained.
	Trainings int
}

// FullModel returns the chosen architecture with the dropout of the full training.
func (r *Result) FullModel() mixer.Specification { return r.Space.FullModel(r.Choices) }

// Run draws the sample, tells the observer what the search will probably cost (if there is an observer or a budget), and
// searches with the plan's strategy.
func (s *Search) Run(ctx context.Context) (*Result, error) {
	return s.run(ctx, s.evaluator, func(ctx context.Context, space *strategy.Space) error {
		s.warnOfFewUpdates(space.Specification)
		if !s.observed && s.budget == nil {
			return nil
		}
		return s.estimate(ctx, space)
	})
}

// warnOfFewUpdates gives notice of short trainings that are too short to tell candidates apart.
func (s *Search) warnOfFewUpdates(spec trial.Specification) {
	r, rows := spec.Recipe, max(spec.Sample.Count, 1)
	if updates := r.Epochs * ((rows + r.Batch - 1) / r.Batch); updates < config.EnoughUpdates {
		s.observer.Notice(fmt.Sprintf("warning: a short training makes %s, and below %d the order of the candidates is unreliable: "+
			"search.updates: %d would raise its epochs from %d to %d", english.Plural(updates, "update", ""), config.EnoughUpdates, config.EnoughUpdates,
			r.Epochs, config.EpochsFor(config.EnoughUpdates, rows, r.Batch)))
	}
}

// stored returns an evaluator that says nothing, trains nothing, and has only the scores that are stored.
func (s *Search) stored() *evaluate.Evaluator {
	o := s.options
	o.OnlyKept, o.Observer, o.Budget = true, nil, nil
	return evaluate.New(o)
}

// LookUp is like Run but trains nothing: a trial without a score returns [evaluate.ErrUntrained].
func (s *Search) LookUp(ctx context.Context) (*Result, error) {
	o := s.options
	o.OnlyKept, o.Budget = true, nil
	return s.run(ctx, evaluate.New(o), nil)
}

func (s *Search) run(ctx context.Context, e *evaluate.Evaluator, before func(context.Context, *strategy.Space) error) (*Result, error) {
	space, err := plan.Sampled(ctx, s.space, s.config, s.runner.Device.Numerics())
	if err == nil && before != nil {
		err = before(ctx, space)
	}
	if err != nil {
		return nil, err
	}
	chosen, err := s.config.Search.Searcher.Search(ctx, space, e, s.observer)
	if err != nil {
		return nil, err
	}
	if chosen == nil || chosen.Winner == nil || len(chosen.Winner.Finished()) == 0 {
		return nil, fmt.Errorf("search strategy %s: the winner's training has not finished", s.config.Search.Strategy)
	}
	return &Result{Result: *chosen, Space: space, Trainings: e.Trainings()}, nil
}

// Filled returns the fields of the configuration that follow from the data, because the configuration does not set them.
func (s *Search) Filled() []string { return s.filled }

// CheckModel returns an error if a model does not fit the data set.
func (s *Search) CheckModel(spec mixer.Specification) error { return plan.CheckModel(spec, s.data) }
