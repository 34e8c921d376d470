package search

import (
	"context"
	"errors"
	"fmt"

	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/defaults"
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
}

// Search is a plan on a data set.
type Search struct {
	config    *config.Config
	data      dataset.Dataset
	space     *strategy.Space // without a sample
	runner    *trial.Local
	evaluator *evaluate.Evaluator
	observer  Observer
	options   evaluate.Options
	overwrite bool // see Options.Overwrite
}

// New fills in what the plan leaves open, by the data (see package defaults), and checks it against the data set: modalities,
// metric, and that every candidate can be built.
func New(c *config.Config, data dataset.Dataset, o Options) (*Search, error) {
	if err := defaults.Fill(c, data); err != nil {
		return nil, err
	}
	if err := c.CheckData(data); err != nil {
		return nil, err
	}
	space, err := plan.Space(c, data)
	if wrong := new(plan.FieldError); errors.As(err, &wrong) {
		return nil, c.Errorf(wrong.Field, "%v", wrong.Err)
	}
	if err != nil {
		return nil, err
	}
	s := &Search{config: c, data: data, space: space, observer: o.Observer, overwrite: o.Overwrite}
	if s.observer == nil {
		s.observer = silent{}
	}
	s.runner = &trial.Local{Device: o.Device, Data: data, Files: evaluate.Files{Store: o.Store}}
	s.options = evaluate.Options{Data: data, Store: o.Store, Runner: s.runner, Workers: o.Workers, Observer: s.observer,
		Search: c.Name, Metric: c.Search.Metric, AnyNumerics: c.Search.Reuse == "any-numerics", RetryFailed: c.Search.RetryFailed}
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

// Run draws the sample and searches with the plan's strategy.
func (s *Search) Run(ctx context.Context) (*Result, error) { return s.run(ctx, s.evaluator) }

// LookUp is like Run but trains nothing: a trial without a score returns [evaluate.ErrUntrained].
func (s *Search) LookUp(ctx context.Context) (*Result, error) {
	o := s.options
	o.OnlyKept = true
	return s.run(ctx, evaluate.New(o))
}

func (s *Search) run(ctx context.Context, e *evaluate.Evaluator) (*Result, error) {
	space, err := plan.Sampled(ctx, s.space, s.config, s.runner.Device.Numerics())
	if err != nil {
		return nil, err
	}
	chosen, err := s.config.Search.Searcher.Search(ctx, space, e, s.observer)
	if err != nil {
		return nil, err
	}
	if chosen == nil || chosen.Winner == nil || chosen.Winner.Score.Status != store.Finished {
		return nil, fmt.Errorf("search strategy %s: the winner's training has not finished", s.config.Search.Strategy)
	}
	return &Result{Result: *chosen, Space: space, Trainings: e.Trainings()}, nil
}

// CheckModel returns an error if a model does not fit the data set.
func (s *Search) CheckModel(spec mixer.Specification) error { return plan.CheckModel(spec, s.data) }
