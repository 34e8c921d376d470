package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/atomicfile"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/model"
	"mixmas/search/store"
)

// The files of a full training, in its folder.
const (
	modelFile       = "model.safetensors"
	descriptionFile = "model.json"
)

// Trained is a full training and what it left.
type Trained struct {
	*Outcome
	// Test holds the metrics on the test split, nil where the data set has none.
	Test map[string]float64
	// Path is the model file; beside it lies the same description as JSON.
	Path string
}

// Train trains a model in full: from scratch, on all training rows, by the plan's recipe for it. Then it scores the test
// split, once, and writes the model file to the folder, unless that holds another model: ErrOccupied, see
// [Search.CheckFolder]. Checkpoints of the last two epochs lie in the folder as well, so that an interrupted training goes on;
// damaged ones are set aside there.
func (s *Search) Train(ctx context.Context, name string, m mixer.Specification, recipe config.Train, folder string) (*Trained, error) {
	if err := s.CheckFolder(name, folder); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	t := s.fullTrial(name, m, recipe)
	key, _, err := t.Key()
	if err != nil {
		return nil, err
	}
	t.checkpoint = filepath.Join(folder, fmt.Sprintf("checkpoint-%.12s.safetensors", key))
	s.observer.StageStarted("full", 1)
	o, err := s.score(ctx, t)
	if err != nil {
		return nil, err
	}
	s.announce(o)
	if o.memory != nil {
		return nil, lackOfMemory("the full training", o.memory)
	}
	if o.Score.Status == store.Failed {
		_ = removeCheckpoints(t.checkpoint) // it would fail again from there
		return nil, fmt.Errorf("the full training failed: %s (try a lower learning rate)", o.Score.Reason)
	}
	file, err := s.weights(ctx, o)
	if err != nil {
		return nil, lackOfMemory("the full training", err)
	}
	weights, _, err := safetensors.Parse(file)
	if err != nil {
		return nil, err
	}
	trained := &Trained{Outcome: o, Path: filepath.Join(folder, modelFile)}
	if trained.Test, err = s.test(ctx, o, weights); err != nil {
		return nil, lackOfMemory("the test", err)
	}
	if err := s.CheckFolder(name, folder); err != nil { // another plan may have ended there meanwhile
		_ = removeCheckpoints(t.checkpoint)
		return nil, fmt.Errorf("%w; the training itself is kept", err)
	}
	if err := s.writeModel(name, trained, weights); err != nil {
		return nil, err
	}
	s.observer.StageDone("full", t.Label)
	return trained, removeCheckpoints(t.checkpoint)
}

// lackOfMemory adds to an error for want of memory what can be done. Other errors stay as they are.
func lackOfMemory(what string, err error) error {
	if !errors.Is(err, device.ErrOutOfMemory) {
		return err
	}
	return fmt.Errorf("%s: %w: free memory and run the same command again, which continues from here, or set a smaller train.training.batch",
		what, err)
}

// fullTrial is the trial of a full training.
func (s *Search) fullTrial(name string, m mixer.Specification, recipe config.Train) *Trial {
	t := &Trial{Name: "full/" + name, Label: name, Specification: s.specification(m, recipe.Training, nil, nil)}
	t.Recipe.EarlyStopping = recipe.EarlyStopping
	if recipe.Plateau.Factor < 1 {
		t.Recipe.Plateau = &recipe.Plateau
	}
	return t
}

// test scores the test split with a trained model, and keeps the score as any other.
func (s *Search) test(ctx context.Context, o *Outcome, weights nn.Weights) (map[string]float64, error) {
	if s.data.Len(dataset.Test) == 0 {
		return nil, nil
	}
	key, canonical, err := store.Key(struct {
		Test string `json:"test"`
		Data string `json:"data"`
	}{o.Score.Key, s.data.Fingerprint()})
	if err != nil {
		return nil, err
	}
	var metrics map[string]float64
	look := func() (found bool, err error) {
		sc, err := s.store.Get(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		metrics = sc.Metrics
		return err == nil, err
	}
	if found, err := look(); found || err != nil {
		return metrics, err
	}
	network, err := mixer.Build(o.Trial.Model)
	if err != nil {
		return nil, err
	}
	samples, err := dataset.Select(s.data, dataset.Test, nil, inputs(network))
	if err != nil {
		return nil, err
	}
	name := "test/" + o.Trial.Label
	var logits []float32
	lease, err := s.once(ctx, work{key: key, look: look, waiting: name + ": scored by another process, waiting", do: func() (err error) {
		logits, err = s.predict(ctx, network, o.Trial.Recipe.Batch, weights, samples)
		return err
	}})
	if lease == nil || err != nil {
		return metrics, err
	}
	defer lease.Release()
	if metrics, err = s.evaluate(ctx, samples, logits); err != nil {
		return nil, err
	}
	outputs, err := s.encodeOutputs(logits)
	if err != nil {
		return nil, err
	}
	if err := s.data.Unchanged(ctx); err != nil {
		return nil, err
	}
	sc := store.Score{Key: key, Name: name, Search: s.config.Name, Specification: canonical, Status: store.Finished, Metrics: metrics,
		Parameters: o.Score.Parameters, Machine: s.machine, Numerics: o.Trial.Numerics, Finished: o.Score.Finished}
	_, err = s.store.Put(ctx, sc, nil, outputs)
	return metrics, err
}

// predict computes the logits of samples with a trained model.
func (s *Search) predict(ctx context.Context, m nn.Model, batch int, weights nn.Weights, samples nn.Samples) ([]float32, error) {
	trainer, err := nn.NewTrainer(s.device, m, nn.Recipe{Batch: batch}, 0)
	if err != nil {
		return nil, err
	}
	defer trainer.Close()
	if err := trainer.Load(weights); err != nil {
		return nil, err
	}
	return trainer.Predict(ctx, samples)
}

// writeModel writes the model file and its description.
func (s *Search) writeModel(name string, t *Trained, weights nn.Weights) error {
	d := model.Description{Name: name, Model: t.Trial.Model, Preprocessing: s.data.Preprocessing(),
		Classes: s.data.Task().Classes, Training: t.Score.Key,
		Data:    model.Data{Format: s.config.Data.Format, Fingerprint: s.data.Fingerprint()},
		Metrics: map[string]map[string]float64{"validation": t.Score.Metrics}}
	if t.Test != nil {
		d.Metrics["test"] = t.Test
	}
	if err := atomicfile.Replace(t.Path, func(w io.Writer) error { return model.Write(w, &d, weights) }); err != nil {
		return err
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Replace(filepath.Join(filepath.Dir(t.Path), descriptionFile), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}
