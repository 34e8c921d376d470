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
	"mixmas/search/metric"
	"mixmas/search/store"
)

// train runs the trial and returns its score with the trained weights and the validation outputs as files.
func (s *Search) train(ctx context.Context, t *Trial) (sc store.Score, weights, outputs []byte, err error) {
	s.trainings.Add(1)
	sc = store.Score{Name: t.Name, Search: s.config.Name, Status: store.Finished, Machine: s.machine, Numerics: t.Numerics}
	r, err := s.newTraining(ctx, t)
	var logits []float32
	if err == nil {
		defer r.trainer.Close()
		logits, err = r.epochs(ctx)
		sc.Parameters, sc.FLOPs = r.model.Parameters().Count(), r.flops
		sc.Curve, sc.Seconds = r.state.Curve, r.seconds()
	}
	sc.Finished = time.Now()
	if failed := new(trialError); errors.As(err, failed) {
		sc.Status, sc.Reason = store.Failed, failed.Error()
		return sc, nil, nil, nil
	}
	if err != nil {
		return sc, nil, nil, err
	}
	if sc.Metrics, err = s.evaluate(ctx, r.validation, logits); err != nil {
		return sc, nil, nil, err
	}
	if !t.Recipe.watches() {
		sc.Curve[len(sc.Curve)-1].ValidationLoss = sc.Metrics["loss"]
	}
	trained, err := r.trainer.Weights()
	if err != nil {
		return sc, nil, nil, err
	}
	if weights, err = encode(trained, nil); err != nil {
		return sc, nil, nil, err
	}
	outputs, err = s.encodeOutputs(logits)
	return sc, weights, outputs, err
}

// training is one training under way.
type training struct {
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
func (r *training) seconds() float64 { return r.state.Seconds + time.Since(r.started).Seconds() }

// newTraining builds the trial's model with its initial weights.
func (s *Search) newTraining(ctx context.Context, t *Trial) (*training, error) {
	seed, err := t.trialSeed()
	if err != nil {
		return nil, err
	}
	r := &training{search: s, trial: t, started: time.Now()}
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
	r.trainer, err = nn.NewTrainer(s.device, r.model, t.Recipe.Recipe, seed)
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
func (r *training) initialise(seed uint64) error {
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

// epochs trains to the end of the recipe, from the checkpoint if there is one, and returns the validation logits.
func (r *training) epochs(ctx context.Context) ([]float32, error) {
	recipe, steps := r.trial.Recipe, r.trainer.Steps(r.train.Len())
	r.state = newProgress(recipe)
	if err := r.resume(); err != nil {
		return nil, err
	}
	program, err := r.trainer.Program(min(recipe.Batch, r.train.Len()))
	if err != nil {
		return nil, blame(ctx, err)
	}
	r.flops = program.Cost().FLOPs
	observer := r.search.observer
	observer.TrialStarted(r.trial.id, r.trial.Name, recipe.Epochs*steps)
	for !r.state.ended(recipe) {
		epoch, began, rate := len(r.state.Curve), time.Now(), r.state.rate(recipe)
		loss, err := r.trainer.Epoch(ctx, r.train, epoch, rate, func(step int, loss float64) {
			observer.TrialStep(r.trial.id, epoch*steps+step, loss)
		})
		if err != nil {
			return nil, blame(ctx, err)
		}
		entry := store.Epoch{TrainLoss: loss, LearningRate: rate}
		if recipe.watches() {
			if entry.ValidationLoss, err = r.validate(ctx); err != nil {
				return nil, err
			}
		}
		entry.Seconds = time.Since(began).Seconds()
		if r.state.add(recipe, entry) {
			if r.state.best, err = r.trainer.Weights(); err != nil {
				return nil, err
			}
		}
		if err := r.save(); err != nil {
			return nil, err
		}
	}
	if r.state.best != nil {
		if err := r.trainer.Load(r.state.best); err != nil {
			return nil, err
		}
	}
	logits, err := r.trainer.Predict(ctx, r.validation)
	return logits, blame(ctx, err)
}

// validate computes the validation loss.
func (r *training) validate(ctx context.Context) (float64, error) {
	logits, err := r.trainer.Predict(ctx, r.validation)
	if err != nil {
		return 0, blame(ctx, err)
	}
	return metric.Loss(ctx, r.search.outputs(r.validation, logits))
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
	classes := len(s.data.Task().Classes)
	return encode(nn.Weights{"logits": {Shape: []int{len(logits) / classes, classes}, Data: logits}},
		map[string]string{"data": s.data.Fingerprint()})
}
