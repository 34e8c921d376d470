package trial

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/store"
)

// training is a job that is running.
type training struct {
	Job
	key            string
	data           dataset.Dataset
	files          Source
	progress       Progress
	model          nn.Model
	trainer        *nn.Trainer
	train, scoring *dataset.Samples
	samples        nn.Samples // those of train, with what the model learns as their labels
	flops          int64
	started        time.Time
	now            func() time.Time
	state          progress
	outputs        map[int][]byte // files of outputs of the scoring rows by epoch
}

// seconds returns the duration of the training, including the time before interruptions.
func (t *training) seconds() float64 { return t.state.Seconds + t.now().Sub(t.started).Seconds() }

// initialise sets the initial weights of the training.
func (t *training) initialise(seed uint64) error {
	weights := t.model.Parameters().Initialise(seed)
	for _, m := range t.Specification.Model.Modalities {
		if m.Vectors == 0 {
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
	for modality, origin := range t.Start {
		if err := t.warm(weights, modality, origin); err != nil {
			return fmt.Errorf("weights of %s: %w", origin.Name, err)
		}
	}
	return t.trainer.Load(weights)
}

// warm replaces a modality's encoder and head in the weights with those of a finished encoder training.
func (t *training) warm(weights nn.Weights, modality string, origin Origin) error {
	file, err := t.files.Weights(origin)
	if err != nil {
		return err
	}
	trained, _, err := safetensors.Parse(file)
	if err != nil {
		return err
	}
	for name, tensor := range mixer.WarmStart(modality, trained) {
		if old, ok := weights[name]; !ok || !slices.Equal(old.Shape, tensor.Shape) {
			return fmt.Errorf("%s does not fit the fused model", name)
		}
		weights[name] = tensor
	}
	return nil
}

// epochs trains to the epoch that the job wants, from the checkpoint if there is one.
func (t *training) epochs(ctx context.Context) error {
	recipe, steps := t.Specification.Recipe, t.trainer.Steps(t.train.Len())
	t.state = newProgress(recipe)
	if err := t.resume(); err != nil {
		return err
	}
	program, err := t.trainer.Program(min(recipe.Batch, t.train.Len()))
	if err != nil {
		return blame(ctx, err)
	}
	t.flops = program.Cost().FLOPs
	last := recipe.Epochs
	if t.Until > 0 {
		last = min(last, t.Until)
	}
	t.progress.Started(last * steps)
	for !t.state.ended(recipe) && len(t.state.Curve) < last {
		epoch, began, rate := len(t.state.Curve), t.now(), t.state.rate(recipe)
		loss, err := t.trainer.Epoch(ctx, t.samples, epoch, rate, func(step int, loss float64) {
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
	logits, err := t.trainer.Predict(ctx, t.scoring)
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
