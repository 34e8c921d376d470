package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

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

// bestPrefix marks the best weights in a checkpoint, beside the tensor "state".
const bestPrefix = "best."

// save writes a checkpoint, where the trial wants one.
func (r *training) save() error {
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
func (r *training) resume() error {
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
