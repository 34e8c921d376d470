package search

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/dataset"
	"mixmas/search/store"
)

// Trial is one training and its score.
type Trial struct {
	// Name is the place in the search, "encoder/image/mlp_mixer"; Label is the candidate's own name.
	Name, Label string
	Specification

	// train and validation are the rows that Sample and Validation identify.
	train, validation []int
	// start holds the trials of Start, in case one must be trained again because its weights were pruned.
	start map[string]*Outcome
	// checkpoint is the file that an interrupted training goes on from; empty for none.
	checkpoint string
	// id tells the observer which training it was; 0 for none.
	id int
}

// Outcome is a trial with its score.
type Outcome struct {
	Trial *Trial
	Score store.Score
	// Cached says that the score was there already.
	Cached bool
	// Foreign says that the score was computed with other numerics.
	Foreign bool

	// memory is the error of a trial that failed because the device's memory is full. Its score is not kept.
	memory error
}

// run returns the trial's score: from the store if it is there, else by training. A training that fails by its own
// specification is a score of status failed, not an error. Equal trials at the same time are trained once.
func (s *Search) run(ctx context.Context, t *Trial) (*Outcome, error) {
	key, canonical, err := t.Key()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	result, err, _ := s.flights.Do(key, func() (any, error) {
		if o, err := s.lookUp(t, key); o != nil || err != nil {
			return o, err
		}
		if s.lookOnly {
			return nil, fmt.Errorf("%s has no score: %w", t.Name, ErrUntrained)
		}
		sc, weights, outputs, err := s.trainBeside(ctx, t)
		if errors.Is(err, device.ErrOutOfMemory) {
			// Another day the memory may suffice: the trial loses this search, but has no score.
			sc = store.Score{Key: key, Name: t.Name, Status: store.Failed, Reason: err.Error()}
			return &Outcome{Trial: t, Score: sc, memory: err}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		if err := s.data.Unchanged(); err != nil { // the score would be that of other data
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		sc.Key, sc.Specification = key, canonical
		if sc, err = s.store.Put(sc, weights, outputs); err != nil {
			return nil, err
		}
		return &Outcome{Trial: t, Score: sc}, nil
	})
	if err != nil {
		return nil, err
	}
	o := *result.(*Outcome)
	if o.Trial != t { // an equal trial of another name was trained at the same time
		o.Trial, o.Cached = t, true
	}
	return &o, nil
}

// trainBeside trains the trial beside others. The weights that it starts from come first: to train them again takes a slot,
// and who holds one must not wait for another.
func (s *Search) trainBeside(ctx context.Context, t *Trial) (sc store.Score, weights, outputs []byte, err error) {
	for {
		for _, from := range t.start {
			if _, err := s.weights(ctx, from); err != nil {
				return sc, nil, nil, err
			}
		}
		err = s.beside(ctx, func() (err error) {
			sc, weights, outputs, err = s.train(ctx, t)
			return err
		})
		if !errors.Is(err, store.ErrPruned) { // while it waited for the slot
			return sc, weights, outputs, err
		}
	}
}

// beside uses the device beside other trials when there is a free slot, and again alone if the device's memory was too full
// for that.
func (s *Search) beside(ctx context.Context, use func() error) error {
	err := s.holding(ctx, 1, use)
	if errors.Is(err, device.ErrOutOfMemory) && s.workers > 1 {
		err = s.holding(ctx, s.workers, use)
	}
	return err
}

// holding uses the device while it holds a number of slots.
func (s *Search) holding(ctx context.Context, slots int64, use func() error) error {
	if err := s.slots.Acquire(ctx, slots); err != nil {
		return err
	}
	defer s.slots.Release(slots)
	return use()
}

// lookUp returns the kept outcome of a trial, or nil.
func (s *Search) lookUp(t *Trial, key string) (*Outcome, error) {
	sc, err := s.store.Get(key)
	foreign := false
	if errors.Is(err, store.ErrNotFound) && s.config.Search.Reuse == "any-numerics" {
		sc, err = s.lookUpForeign(t)
		foreign = err == nil
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case sc.Status == store.Failed && s.config.Search.RetryFailed && !s.lookOnly:
		return nil, nil
	case foreign && !s.hasWeights(sc): // trained again here, they would be others
		return nil, nil
	}
	if _, known := sc.Metrics[s.config.Search.Metric]; !known && sc.Status == store.Finished {
		if err := s.measure(t, &sc); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
	}
	return &Outcome{Trial: t, Score: sc, Cached: true, Foreign: foreign}, nil
}

// measure computes the metrics of a kept score from its outputs: the plan may ask for one that is newer than the score.
func (s *Search) measure(t *Trial, sc *store.Score) error {
	file, err := s.store.Outputs(*sc)
	if err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	tensors, _, err := safetensors.Parse(file)
	if err != nil {
		return fmt.Errorf("outputs: %w", err)
	}
	validation, err := dataset.Select(s.data, dataset.Validation, t.validation, nil)
	if err != nil {
		return err
	}
	sc.Metrics, err = s.evaluate(validation, tensors["logits"].Data)
	return err
}

// train runs the trial and returns its score with the trained weights and the validation outputs as files.
func (s *Search) train(ctx context.Context, t *Trial) (sc store.Score, weights, outputs []byte, err error) {
	s.trainings.Add(1)
	sc = store.Score{Name: t.Name, Status: store.Finished, Machine: s.machine, Numerics: t.Numerics}
	run, err := s.newRun(ctx, t)
	var logits []float32
	if err == nil {
		defer run.trainer.Close()
		logits, err = run.epochs(ctx)
		sc.Parameters, sc.FLOPs = run.model.Parameters().Count(), run.flops
		sc.Curve, sc.Seconds = run.state.Curve, run.seconds()
	}
	sc.Finished = time.Now()
	if failed := new(trialError); errors.As(err, failed) {
		sc.Status, sc.Reason = store.Failed, failed.Error()
		return sc, nil, nil, nil
	}
	if err != nil {
		return sc, nil, nil, err
	}
	if sc.Metrics, err = s.evaluate(run.validation, logits); err != nil {
		return sc, nil, nil, err
	}
	if !t.Recipe.full() {
		sc.Curve[len(sc.Curve)-1].ValidationLoss = sc.Metrics["loss"]
	}
	trained, err := run.trainer.Weights()
	if err != nil {
		return sc, nil, nil, err
	}
	if weights, err = encode(trained, nil); err != nil {
		return sc, nil, nil, err
	}
	outputs, err = s.encodeOutputs(logits)
	return sc, weights, outputs, err
}

// trialError is an error that the trial's specification alone decides: the same training would fail again.
type trialError struct{ error }

// blame makes an error of a training the trial's own, unless the samples, the device or its memory, or an interruption are
// at fault.
func blame(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	for _, innocent := range []error{nn.ErrSamples, device.ErrOutOfMemory, device.ErrDevice} {
		if errors.Is(err, innocent) {
			return err
		}
	}
	return trialError{err}
}

func encode(w nn.Weights, metadata map[string]string) ([]byte, error) {
	var file bytes.Buffer
	err := safetensors.Write(&file, w, metadata)
	return file.Bytes(), err
}

// encodeOutputs makes a file of logits that says which data they are about.
func (s *Search) encodeOutputs(logits []float32) ([]byte, error) {
	classes := len(s.data.Classes())
	return encode(nn.Weights{"logits": {Shape: []int{len(logits) / classes, classes}, Data: logits}},
		map[string]string{"data": s.data.Fingerprint()})
}

// hasWeights reports whether a score's weights are still there, and whole.
func (s *Search) hasWeights(sc store.Score) bool {
	_, err := s.store.Weights(sc)
	return err == nil
}

// run is one training under way.
type run struct {
	search            *Search
	trial             *Trial
	model             nn.Model
	trainer           *nn.Trainer
	train, validation *dataset.Samples
	flops             int64
	started           time.Time
	state             progress
}

// seconds is how long the training has taken, before interruptions too.
func (r *run) seconds() float64 { return r.state.Seconds + time.Since(r.started).Seconds() }

// newRun builds the trial's model with its initial weights.
func (s *Search) newRun(ctx context.Context, t *Trial) (*run, error) {
	seed, err := t.trialSeed()
	if err != nil {
		return nil, err
	}
	r := &run{search: s, trial: t, started: time.Now()}
	t.id = int(s.ids.Add(1))
	if r.model, err = mixer.Build(t.Model); err != nil {
		return nil, blame(ctx, err)
	}
	if r.train, err = dataset.Select(s.data, dataset.Train, t.train, inputs(r.model)); err != nil {
		return nil, err
	}
	if r.validation, err = dataset.Select(s.data, dataset.Validation, t.validation, inputs(r.model)); err != nil {
		return nil, err
	}
	// The device's memory first: it refuses a model that is too large, for which the weights below would be too.
	r.trainer, err = nn.NewTrainer(s.device, r.model, nn.Recipe{Batch: t.Recipe.Batch, Seed: seed, Optimiser: nn.Optimiser{
		Name: t.Recipe.Optimiser, WeightDecay: t.Recipe.WeightDecay, Momentum: t.Recipe.Momentum}})
	if err != nil {
		return nil, err
	}
	if err := r.initialise(seed); err != nil {
		r.trainer.Close()
		return nil, err
	}
	return r, nil
}

// initialise sets the weights that the training starts from.
func (r *run) initialise(seed uint64) error {
	weights := r.model.Parameters().Initialise(seed)
	for modality, from := range r.trial.start {
		if err := r.search.warm(weights, modality, from); err != nil {
			return err
		}
	}
	return r.trainer.Load(weights)
}

// inputs are the names of a model's inputs, which are modalities.
func inputs(m nn.Model) []string {
	var names []string
	for _, in := range m.Inputs() {
		names = append(names, in.Name)
	}
	return names
}

// warm replaces a modality's encoder and head in the weights by those that an encoder trial ended with.
func (s *Search) warm(weights nn.Weights, modality string, from *Outcome) error {
	file, err := s.store.Weights(from.Score)
	if err != nil {
		return fmt.Errorf("weights of %s: %w", from.Trial.Name, err)
	}
	trained, _, err := safetensors.Parse(file)
	if err != nil {
		return fmt.Errorf("weights of %s: %w", from.Trial.Name, err)
	}
	for name, tensor := range mixer.WarmStart(modality, trained) {
		if old, ok := weights[name]; !ok || !slices.Equal(old.Shape, tensor.Shape) {
			return fmt.Errorf("weights of %s: %s does not fit the fused model", from.Trial.Name, name)
		}
		weights[name] = tensor
	}
	return nil
}

// weights is the file of weights that a trial ended with. Weights that were pruned or damaged are trained again and kept.
func (s *Search) weights(ctx context.Context, o *Outcome) ([]byte, error) {
	file, err := s.store.Weights(o.Score)
	if errors.Is(err, store.ErrPruned) || errors.Is(err, store.ErrDamaged) {
		file, err = s.trainAgain(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("weights of %s: %w", o.Trial.Name, err)
	}
	return file, nil
}

// trainAgain trains a trial whose weights were pruned or damaged, and keeps them. The score stays: it would be the same.
func (s *Search) trainAgain(ctx context.Context, o *Outcome) ([]byte, error) {
	file, err, _ := s.flights.Do("again "+o.Score.Key, func() (any, error) {
		sc, weights, _, err := s.trainBeside(ctx, o.Trial)
		if err != nil {
			return nil, err
		}
		if sc.Status == store.Failed {
			return nil, errors.New(sc.Reason)
		}
		return weights, s.store.PutWeights(o.Score.Key, weights)
	})
	if err != nil {
		return nil, err
	}
	return file.([]byte), nil
}
