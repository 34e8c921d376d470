package search

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/sample"
	"mixmas/search/store"
)

// Options are what a search runs with. None of it changes a score.
type Options struct {
	// Device trains the trials.
	Device device.Device
	// Store keeps the scores.
	Store *store.Store
	// Workers is the number of trials that run side by side; 0 is read as 1.
	Workers int
	// Observer is told how it goes on; nil: nobody.
	Observer Observer
	// Overwrite lets a full training replace the model of another plan or of other data.
	Overwrite bool
}

// Search is a plan on a data set.
type Search struct {
	config    *config.Config
	data      dataset.Dataset
	device    device.Device
	store     *store.Store
	observer  Observer
	machine   string
	started   time.Time
	overwrite bool // see Options.Overwrite

	workers   int64
	slots     *semaphore.Weighted
	flights   singleflight.Group
	trainings atomic.Int64
	ids       atomic.Int64

	sample     sample.Sample
	validation []int // rows that score, nil for all
	// lookOnly refuses to train.
	lookOnly bool
}

// New checks the plan against the data set: modalities, metric, and that every candidate can be built.
func New(c *config.Config, data dataset.Dataset, o Options) (*Search, error) {
	workers := int64(max(o.Workers, 1))
	s := &Search{config: c, data: data, device: o.Device, store: o.Store, observer: o.Observer, machine: machine(), started: time.Now(),
		overwrite: o.Overwrite, workers: workers, slots: semaphore.NewWeighted(workers)}
	if s.observer == nil {
		s.observer = silent{}
	}
	if err := c.CheckData(data); err != nil {
		return nil, err
	}
	if err := s.checkCandidates(); err != nil {
		return nil, err
	}
	return s, nil
}

// Result is a finished search.
type Result struct {
	Sample sample.Sample
	// Stages in order: an encoder stage a modality, then fusion, then network.
	Stages []*Stage
	// Winner is the chosen trial of the last stage.
	Winner *Outcome
	// Trainings counts the trials that this run trained.
	Trainings int
}

// Run draws the sample and chooses stage by stage.
func (s *Search) Run(ctx context.Context) (*Result, error) {
	if err := s.drawSample(ctx); err != nil {
		return nil, err
	}
	encoders, err := s.chooseEncoders(ctx)
	if err != nil {
		return nil, err
	}
	fusion, err := s.chooseFusion(ctx, encoders)
	if err != nil {
		return nil, err
	}
	network, err := s.chooseNetwork(ctx, encoders, fusion)
	if err != nil {
		return nil, err
	}
	return &Result{Sample: s.sample, Stages: append(encoders, fusion, network), Winner: network.Winner(),
		Trainings: int(s.trainings.Load())}, nil
}

// ErrUntrained says that a trial has no score yet.
var ErrUntrained = errors.New("the search is not finished")

// LookUp is a Run that trains nothing: a trial without a score is [ErrUntrained].
func (s *Search) LookUp(ctx context.Context) (*Result, error) {
	s.lookOnly = true
	defer func() { s.lookOnly = false }()
	return s.Run(ctx)
}

// drawSample is the first stage: N' of the training rows, and the validation rows that score.
func (s *Search) drawSample(ctx context.Context) error {
	o := s.config.Sample.Options
	draw := func(split dataset.Split, o sample.Options) (sample.Sample, error) {
		samples, err := dataset.Select(s.data, split, nil, nil)
		if err != nil {
			return sample.Sample{}, err
		}
		drawn, err := sample.Draw(ctx, s.labels(samples), o, s.config.Seed)
		if err != nil {
			return drawn, fmt.Errorf("%s split: %w", split, err)
		}
		return drawn, nil
	}
	var err error
	if s.sample, err = draw(dataset.Train, o); err != nil {
		return err
	}
	s.validation = nil
	if s.config.Sample.Validation == "formula" {
		o.Size = 0
		drawn, err := draw(dataset.Validation, o)
		if err != nil {
			return err
		}
		s.validation = drawn.Rows
	}
	return nil
}

// chooseEncoders is the second stage: an encoder for each modality, independent of each other.
func (s *Search) chooseEncoders(ctx context.Context) ([]*Stage, error) {
	modalities := s.data.Modalities()
	stages := make([]*Stage, len(modalities))
	group, ctx := errgroup.WithContext(ctx)
	for i, m := range modalities {
		group.Go(func() (err error) {
			name := "encoder/" + m.Name
			var trials []*Trial
			for _, candidate := range s.config.Search.Encoders[m.Name] {
				trials = append(trials, s.trial(name, candidate.Label, s.encoderModel(m, candidate, s.dropout()), nil))
			}
			stages[i], err = s.choose(ctx, name, trials)
			return err
		})
	}
	return stages, group.Wait()
}

// chooseFusion is the third stage: the fusion function, under the first fusion network of the plan. One modality has
// nothing to fuse: all functions are the same, and only the first is tried.
func (s *Search) chooseFusion(ctx context.Context, encoders []*Stage) (*Stage, error) {
	functions := s.config.Search.Fusions
	if len(encoders) == 1 {
		functions = functions[:1]
	}
	var trials []*Trial
	for _, function := range functions {
		model := s.fusedModel(encoders, function, s.config.Search.Networks[0], s.dropout())
		trials = append(trials, s.trial("fusion", function.Label, model, encoders))
	}
	return s.choose(ctx, "fusion", trials)
}

// chooseNetwork is the fourth stage: the fusion network. The trial of the first one has run in the stage before.
func (s *Search) chooseNetwork(ctx context.Context, encoders []*Stage, fusion *Stage) (*Stage, error) {
	var trials []*Trial
	function := find(s.config.Search.Fusions, fusion.Winner().Trial.Label)
	for _, candidate := range s.config.Search.Networks {
		model := s.fusedModel(encoders, function, candidate, s.dropout())
		trials = append(trials, s.trial("network", candidate.Label, model, encoders))
	}
	return s.choose(ctx, "network", trials)
}

// trial is a short training of a model on the sample. With encoder stages it starts from their winners' weights, unless
// the plan says to start from scratch.
func (s *Search) trial(stage, label string, model mixer.Specification, encoders []*Stage) *Trial {
	t := &Trial{Name: stage + "/" + label, Label: label, train: s.sample.Rows, validation: s.validation,
		Specification: s.specification(model, s.config.Search.Training, s.sample.Rows, s.validation)}
	if s.config.Search.Start == "scratch" {
		return t
	}
	for i, stage := range encoders {
		if t.start == nil {
			t.start, t.Start = map[string]*Outcome{}, map[string]string{}
		}
		m := s.data.Modalities()[i].Name
		t.start[m], t.Start[m] = stage.Winner(), stage.Winner().Score.Key
	}
	return t
}

// specification is that of a model trained with a recipe on rows of the training split, and scored on rows of the validation
// split, nil for all.
func (s *Search) specification(model mixer.Specification, t config.Training, rows, validation []int) Specification {
	return Specification{Revision: NumericsRevision, Numerics: s.device.Numerics(), Data: s.data.Fingerprint(),
		Sample:     identify(rows, s.data.Len(dataset.Train)),
		Validation: identify(validation, s.data.Len(dataset.Validation)), Model: model, Seed: s.config.Seed,
		Recipe: Recipe{Recipe: t.Recipe}}
}

func (s *Search) dropout() float64 { return s.config.Search.Training.Dropout }
