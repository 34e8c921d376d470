package trial

import (
	"context"
	"errors"
	"time"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/store"
)

// Local runs jobs on a device of this machine. It can run several at once.
type Local struct {
	Device device.Device
	Data   dataset.Dataset
	// Files provides the files that jobs name. It may be nil for jobs that name none.
	Files Source
	// Now is the clock; nil means the system's.
	Now func() time.Time

	tokens tokenCache
}

func (l *Local) now() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}

// Run implements [Runner].
func (l *Local) Run(ctx context.Context, job Job, progress Progress) (Result, error) {
	if err := job.check(l.Data); err != nil {
		return Result{}, err
	}
	r := Result{Score: store.Score{Name: job.Name, Status: store.Finished, Machine: Machine(), Numerics: job.Specification.Numerics}}
	if !job.Specification.Frozen {
		l.tokens.clear() // the stages of frozen encoders are over, or have not begun
	}
	t, err := l.start(ctx, job, progress)
	if err == nil {
		defer t.close()
		err = t.epochs(ctx)
		r.Score.Parameters, r.Score.FLOPs, r.Score.Curve = t.parameters, t.flops, t.state.Curve
		if err == nil {
			t.ended = true
			err = t.finish(ctx, &r)
		}
		r.Score.Seconds = t.seconds()
	}
	r.Score.Finished = l.now()
	if failed := new(trialError); errors.As(err, failed) {
		score := r.Score
		score.Status, score.Reason, score.Metrics = store.Failed, failed.Error(), nil
		if errors.Is(failed.error, nn.ErrDiverged) {
			where, err := l.whereDiverged(ctx, t)
			if err != nil {
				return Result{}, err
			}
			score.Reason += where
		}
		result := Result{Score: score}
		if t != nil {
			result.EpochOutputs = t.outputs
		}
		return result, nil
	}
	return r, err
}

// Predict computes a trained model's logits of samples.
func (l *Local) Predict(ctx context.Context, m nn.Model, batch int, weights nn.Weights, samples nn.Samples) ([]float32, error) {
	logits := make([]float32, 0, samples.Len()*m.Classes())
	err := l.predict(ctx, m, batch, weights, samples, func(batch []float32) error {
		logits = append(logits, batch...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return logits, nil
}

// predict is Predict batch by batch.
func (l *Local) predict(ctx context.Context, m nn.Model, batch int, weights nn.Weights, samples nn.Samples, use func(logits []float32) error) error {
	trainer, err := nn.NewTrainer(l.Device, m, nn.Recipe{Batch: batch}, 0)
	if err != nil {
		return err
	}
	defer trainer.Close()
	if err := trainer.Load(weights); err != nil {
		return err
	}
	return trainer.PredictBatches(ctx, samples, use)
}

// start builds the job's model with its initial weights.
func (l *Local) start(ctx context.Context, job Job, progress Progress) (*training, error) {
	spec := job.Specification
	seed, err := spec.seed()
	if err != nil {
		return nil, err
	}
	t := &training{Job: job, data: l.Data, files: l.Files, progress: progress, started: l.now(), now: l.now}
	if t.key, _, err = spec.Key(); err != nil {
		return nil, err
	}
	whole, err := mixer.Build(spec.Model)
	if err != nil {
		return nil, blame(ctx, err)
	}
	t.model, t.parameters = whole, whole.Parameters().Count()
	if t.scoring, err = Scoring(l.Data, job, Inputs(whole)); err != nil {
		return nil, err
	}
	encoders, err := l.startWeights(job)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	if spec.Frozen {
		err = l.freeze(ctx, t, encoders)
	} else {
		t.train, err = dataset.Select(l.Data, dataset.Train, job.Train, Inputs(whole))
		t.scored = t.scoring
	}
	if err != nil {
		return nil, err
	}
	learner := t.model
	if job.learns() {
		learning := spec
		if t.train, learning.Model, err = l.targets(job, t.train); err != nil {
			return nil, err
		}
		if t.model, err = learning.Build(); err != nil {
			return nil, blame(ctx, err)
		}
		learner = nn.SoftLabels(t.model)
	}
	if spec.Recipe.varies() {
		blanks, err := l.blanks(ctx, job, encoders)
		if err != nil {
			return nil, err
		}
		if t.train, err = newVaried(t.train, spec, t.model, seed, blanks); err != nil {
			return nil, blame(ctx, err)
		}
	}
	// The device's memory is allocated first: if the model is too large for it, the weights below would be too.
	if t.trainer, err = nn.NewTrainer(l.Device, learner, spec.Recipe.Recipe, seed); err != nil {
		return nil, err
	}
	if err = t.initialise(seed, encoders); err != nil {
		return nil, err
	}
	return t, nil
}

// Inputs returns the names of a model's inputs, which are modalities.
func Inputs(m nn.Model) []string {
	var names []string
	for _, in := range m.Inputs() {
		names = append(names, in.Name)
	}
	return names
}

// finish measures the model as it is now, or with its best weights if the training has ended, and adds its files to the
// result.
func (t *training) finish(ctx context.Context, r *Result) (err error) {
	recipe, partial := t.Specification.Recipe, !t.state.ended(t.Specification.Recipe)
	if partial {
		r.Score.Status = store.Partial
		tensors, metadata, err := t.checkpoint()
		if err != nil {
			return err
		}
		if r.Checkpoint, err = encode(tensors, metadata); err != nil {
			return err
		}
	} else if t.state.best != nil {
		if err := t.trainer.Load(t.state.best); err != nil {
			return err
		}
	}
	logits, err := t.trainer.Predict(ctx, t.scored)
	if err != nil {
		return blame(ctx, err)
	}
	if r.Score.Metrics, err = Measure(ctx, t.data, t.scoring, logits); err != nil {
		return err
	}
	if !recipe.Watches() {
		loss, err := metric.Loss(ctx, outputs(t.data, t.scoring, logits))
		if err != nil {
			return err
		}
		r.Score.Curve[len(r.Score.Curve)-1].ValidationLoss = loss
	}
	if r.Outputs, err = EncodeOutputs(t.data, logits); err != nil {
		return err
	}
	if partial { // so that they remain available after the training continues
		t.keepOutputs(len(t.state.Curve), r.Outputs)
	}
	r.EpochOutputs = t.outputs
	if partial && !t.Deadline.IsZero() {
		r.Best, err = t.best(ctx)
		return err
	}
	if partial {
		return nil
	}
	weights, err := t.weights()
	if err != nil {
		return err
	}
	r.Weights, err = encode(weights, nil)
	return err
}

// best measures the best model so far.
func (t *training) best(ctx context.Context) (*Best, error) {
	if t.state.best != nil {
		if err := t.trainer.Load(t.state.best); err != nil {
			return nil, err
		}
	}
	logits, err := t.trainer.Predict(ctx, t.scored)
	if err != nil {
		return nil, blame(ctx, err)
	}
	metrics, err := Measure(ctx, t.data, t.scoring, logits)
	if err != nil {
		return nil, err
	}
	weights, err := t.weights()
	if err != nil {
		return nil, err
	}
	file, err := encode(weights, nil)
	return &Best{Weights: file, Metrics: metrics}, err
}

// trialError is an error that depends on the specification alone: the same training would fail again.
type trialError struct{ error }

// blame attributes a training's error to its specification, unless the samples, the device or its memory, or an interruption
// caused it.
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
