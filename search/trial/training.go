package trial

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/store"
)

// training is a job that is running.
type training struct {
	Job
	key        string
	data       dataset.Dataset
	files      Source
	progress   Progress
	model      nn.Model // what is trained: the whole model, or the part behind frozen encoders
	parameters int      // of the whole model
	trainer    *nn.Trainer
	train      nn.Samples       // with what the model learns as their labels
	scoring    *dataset.Samples // the rows that score the trial
	scored     nn.Samples       // the same rows as inputs of the model
	frozen     nn.Weights       // of frozen encoders
	release    []func()         // end the use of tokens
	flops      int64
	started    time.Time
	now        func() time.Time
	state      progress
	outputs    map[int][]byte // files of outputs of the scoring rows by epoch
	ended      bool           // all epochs are done
}

// close frees what the training holds. A second call does nothing.
func (t *training) close() {
	if t.trainer != nil {
		t.trainer.Close()
	}
	for _, release := range t.release {
		release()
	}
	t.trainer, t.release = nil, nil
}

// seconds returns the duration of the training, including the time before interruptions.
func (t *training) seconds() float64 { return t.state.Seconds + t.now().Sub(t.started).Seconds() }

// initialise sets the initial weights of the training.
func (t *training) initialise(seed uint64, encoders []trainedEncoder) error {
	weights := t.model.Parameters().Initialise(seed)
	for _, m := range t.Specification.Model.Modalities {
		if m.Vectors == 0 || t.Specification.Frozen {
			continue
		}
		data, ok := t.data.(dataset.WordVectors)
		if !ok {
			return fmt.Errorf("modality %s: the data set %s has no word vectors", m.Name, t.data.Name())
		}
		vectors, err := data.Vectors(dataset.ModalityIndex(t.data, m.Name))
		if err != nil {
			return err
		}
		if err := t.Specification.Model.StartFromVectors(weights, m.Name, vectors); err != nil {
			return trialError{err}
		}
	}
	for _, e := range encoders {
		for name, tensor := range mixer.WarmStart(e.modality.Name, e.weights) {
			if _, frozen := t.frozen[name]; frozen {
				continue
			}
			if old, ok := weights[name]; !ok || !slices.Equal(old.Shape, tensor.Shape) {
				return fmt.Errorf("weights of %s: %s does not fit the fused model", e.origin.Name, name)
			}
			weights[name] = tensor
		}
	}
	return t.trainer.Load(weights)
}

// weights returns the weights of the whole model as it is now.
func (t *training) weights() (nn.Weights, error) {
	weights, err := t.trainer.Weights()
	if err == nil {
		maps.Copy(weights, t.frozen)
	}
	return weights, err
}

// epochs trains to the epoch that the job wants, from the checkpoint if there is one.
func (t *training) epochs(ctx context.Context) error {
	if err := t.begin(); err != nil {
		return err
	}
	last := t.Specification.Recipe.Epochs
	if t.Until > 0 {
		last = min(last, t.Until)
	}
	return t.trainTo(ctx, last)
}

// begin sets the progress to that of the checkpoint, or to none.
func (t *training) begin() error {
	t.state = newProgress(t.Specification.Recipe)
	return t.resume()
}

// trainTo trains to a given epoch.
func (t *training) trainTo(ctx context.Context, last int) error {
	recipe, steps := t.Specification.Recipe, t.trainer.Steps(t.train.Len())
	program, err := t.trainer.Program(min(recipe.Batch, t.train.Len()))
	if err != nil {
		return blame(ctx, err)
	}
	t.flops = program.Cost().FLOPs
	t.progress.Started(last * steps)
	for !t.state.ended(recipe) && len(t.state.Curve) < last {
		epoch, began, rate := len(t.state.Curve), t.now(), t.state.rate(recipe)
		loss, err := t.trainer.Epoch(ctx, t.train, epoch, rate, func(step int, loss float64) {
			t.progress.Step(epoch*steps+step, loss)
		})
		if err != nil {
			return blame(ctx, err)
		}
		entry := store.Epoch{TrainLoss: loss, LearningRate: rate}
		if err := t.validate(ctx, &entry); err != nil {
			return err
		}
		entry.Seconds = t.now().Sub(began).Seconds()
		if t.state.add(recipe, entry) {
			if t.state.best, err = t.trainer.Weights(); err != nil {
				return err
			}
		}
		if err := t.saveCheckpoint(); err != nil {
			return err
		}
		if now := t.now(); !t.Deadline.IsZero() && now.Add(now.Sub(began)).After(t.Deadline) {
			return nil
		}
	}
	return nil
}

// validate predicts the scoring rows after an epoch, if the recipe watches them or their outputs are wanted.
func (t *training) validate(ctx context.Context, entry *store.Epoch) error {
	epoch, watches, by := len(t.state.Curve)+1, t.Specification.Recipe.Watches(), t.Specification.Recipe.Select
	if !watches && !t.wantsOutputs(epoch) {
		return nil
	}
	logits, err := t.trainer.Predict(ctx, t.scored)
	if err != nil {
		return blame(ctx, err)
	}
	if t.wantsOutputs(epoch) {
		file, err := EncodeOutputs(t.data, logits)
		if err != nil {
			return err
		}
		t.keepOutputs(epoch, file)
	}
	switch {
	case !watches:
	case by == "":
		entry.ValidationLoss, err = metric.Loss(ctx, outputs(t.data, t.scoring, logits))
	default:
		var metrics map[string]float64
		if metrics, err = Measure(ctx, t.data, t.scoring, logits); err != nil {
			return err
		}
		entry.ValidationLoss = metrics["loss"]
		if value, defined := metrics[by]; defined {
			entry.ValidationMetric = &value
		}
	}
	return err
}

// keepOutputs adds the file of outputs after an epoch to the result.
func (t *training) keepOutputs(epoch int, file []byte) {
	if t.outputs == nil {
		t.outputs = map[int][]byte{}
	}
	t.outputs[epoch] = file
}
