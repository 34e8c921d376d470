package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"mixmas/nn"
	"mixmas/nn/safetensors"
	"mixmas/search/atomicfile"
	"mixmas/search/store"
)

// progress is how far a training has come; its JSON form is kept in checkpoints.
type progress struct {
	Key   string        `json:"key"`
	Epoch int           `json:"epoch"` // epochs done
	Curve []store.Epoch `json:"curve"`
	// Seconds is the time that the training took before its last interruption.
	Seconds float64 `json:"seconds"`
	// Updates counts the optimiser's steps.
	Updates int         `json:"updates"`
	Plateau *nn.Plateau `json:"plateau,omitempty"`
	// BestLoss is the lowest validation loss so far, reached after BestEpoch epochs.
	BestLoss  float64 `json:"best_loss"`
	BestEpoch int     `json:"best_epoch"`

	best nn.Weights
}

// epochs trains to the end of the recipe, from the checkpoint if there is one, and returns the validation logits.
func (r *run) epochs(ctx context.Context) ([]float32, error) {
	recipe, steps := r.trial.Recipe, r.trainer.Steps(r.train.Len())
	if recipe.Plateau != nil {
		r.state.Plateau = nn.NewPlateau(recipe.LearningRate, recipe.Plateau.Factor, recipe.Plateau.Patience)
	}
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
	for r.state.Epoch < recipe.Epochs && !r.stopped() {
		epoch, began, rate := r.state.Epoch, time.Now(), recipe.LearningRate
		if r.state.Plateau != nil {
			rate = r.state.Plateau.Rate
		}
		loss, err := r.trainer.Epoch(ctx, r.train, epoch, rate, func(step int, loss float64) {
			observer.TrialStep(r.trial.id, epoch*steps+step, loss)
		})
		if err != nil {
			return nil, blame(ctx, err)
		}
		entry := store.Epoch{TrainLoss: loss, LearningRate: rate}
		if recipe.full() {
			if entry.ValidationLoss, err = r.validate(ctx); err != nil {
				return nil, err
			}
		}
		entry.Seconds = time.Since(began).Seconds()
		r.state.Epoch++
		r.state.Curve = append(r.state.Curve, entry)
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

// stopped reports whether the validation loss has not improved for as many epochs as the recipe bears.
func (r *run) stopped() bool {
	patience := r.trial.Recipe.EarlyStopping
	return patience > 0 && r.state.Epoch-r.state.BestEpoch >= patience && r.state.BestEpoch > 0
}

// validate computes the validation loss, and keeps the weights if it is the best so far.
func (r *run) validate(ctx context.Context) (float64, error) {
	logits, err := r.trainer.Predict(ctx, r.validation)
	if err != nil {
		return 0, blame(ctx, err)
	}
	metrics, err := r.search.evaluate(r.validation, logits)
	if err != nil {
		return 0, err
	}
	loss := metrics["loss"]
	if r.state.Plateau != nil {
		r.state.Plateau.Observe(loss)
	}
	if r.state.BestEpoch == 0 || loss < r.state.BestLoss {
		r.state.BestLoss, r.state.BestEpoch = loss, r.state.Epoch+1
		r.state.best, err = r.trainer.Weights()
	}
	return loss, err
}

// bestPrefix marks the best weights in a checkpoint, beside the tensor "state".
const bestPrefix = "best."

// save writes a checkpoint, where the trial wants one.
func (r *run) save() error {
	if r.trial.checkpoint == "" {
		return nil
	}
	state, updates, err := r.trainer.State()
	if err != nil {
		return err
	}
	if r.state.Key, _, err = r.trial.Key(); err != nil {
		return err
	}
	r.state.Updates = updates
	saved := r.state
	saved.Seconds = r.seconds()
	tensors := nn.Weights{"state": {Shape: []int{len(state)}, Data: state}}
	for name, tensor := range r.state.best {
		tensors[bestPrefix+name] = tensor
	}
	text, err := json.Marshal(saved)
	if err != nil {
		return err
	}
	return atomicfile.Write(r.trial.checkpoint, func(w io.Writer) error {
		return safetensors.Write(w, tensors, map[string]string{"progress": string(text)})
	})
}

// resume goes on from the checkpoint, where there is one.
func (r *run) resume() error {
	path := r.trial.checkpoint
	if path == "" {
		return nil
	}
	file, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	tensors, metadata, err := safetensors.Parse(file)
	if err == nil {
		err = json.Unmarshal([]byte(metadata["progress"]), &r.state)
	}
	if err != nil {
		return fmt.Errorf("checkpoint %s is damaged, remove it to train from the beginning: %w", path, err)
	}
	key, _, err := r.trial.Key()
	if err != nil {
		return err
	}
	if r.state.Key != key {
		return fmt.Errorf("checkpoint %s belongs to another training (%.12s, not %.12s): remove it, or train into another folder",
			path, r.state.Key, key)
	}
	for name, tensor := range tensors {
		if best, ok := strings.CutPrefix(name, bestPrefix); ok {
			if r.state.best == nil {
				r.state.best = nn.Weights{}
			}
			r.state.best[best] = tensor
		}
	}
	if err := r.trainer.Restore(tensors["state"].Data, r.state.Updates); err != nil {
		return fmt.Errorf("checkpoint %s: %w", path, err)
	}
	return nil
}
