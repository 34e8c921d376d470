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
	"mixmas/search/evaluate"
	"mixmas/search/model"
	"mixmas/search/plan"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// The files in the folder of a full training.
const (
	modelFile       = "model.safetensors"
	descriptionFile = "model.json"
)

// ErrFailed marks a full training that failed, such as one that diverged. It would fail again.
var ErrFailed = errors.New("the full training failed")

// Trained is a full training and its results.
type Trained struct {
	*evaluate.Outcome
	// Metrics are those on the validation split.
	Metrics map[string]float64
	// Stopped means that the budget stopped the training: the model is its best so far, and the same training resumes from its
	// last epoch.
	Stopped bool
	// Test holds the metrics on the test split; nil if the data set has none.
	Test map[string]float64
	// Path is the model file. Its folder also has the description as a JSON file.
	Path string
}

// Train trains a model in full: from scratch, on all training rows, by the plan's recipe for full trainings. Then it scores
// the test split once and writes the model file to the folder, unless that holds another model (ErrOccupied, see
// [Search.CheckFolder]). Under a budget it may stop early; then the test's score is not stored either. The folder also holds the checkpoints of the last two epochs, from which an interrupted training
// resumes; damaged ones are set aside there.
func (s *Search) Train(ctx context.Context, name string, m mixer.Specification, recipe config.Train, folder string) (*Trained, error) {
	return s.trainJob(ctx, name, folder, func() (trial.Job, error) { return s.fullJob(name, m, recipe, folder) })
}

// trainJob is Train for the job that a function makes once the folder is there.
func (s *Search) trainJob(ctx context.Context, name, folder string, makeJob func() (trial.Job, error)) (*Trained, error) {
	if err := s.CheckFolder(name, folder); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	job, err := makeJob()
	if err != nil {
		return nil, err
	}
	job.Deadline = s.deadline()
	s.observer.TrainingStarted(TrainingStarted{name})
	outcomes, err := s.evaluator.Score(ctx, job)
	if err != nil {
		return nil, err
	}
	o := outcomes[0]
	if o.OutOfMemory != nil {
		return nil, lackOfMemory("the full training", o.OutOfMemory)
	}
	if o.Score.Status == store.Failed {
		_ = trial.RemoveCheckpoints(job.CheckpointFile) // it would fail again from there
		return nil, fmt.Errorf("%w: %s (try a lower learning rate)", ErrFailed, o.Score.Reason)
	}
	trained := &Trained{Outcome: o, Path: filepath.Join(folder, modelFile), Metrics: o.Score.Metrics, Stopped: o.Best != nil}
	var file []byte
	if trained.Stopped {
		file, trained.Metrics = o.Best.Weights, o.Best.Metrics
		s.observer.Notice(fmt.Sprintf("full/%s: the budget stopped the training after epoch %d; the same command with more time resumes it",
			name, len(o.Score.Curve)))
	} else if file, err = s.evaluator.Weights(ctx, o); err != nil {
		return nil, lackOfMemory("the full training", err)
	}
	weights, _, err := safetensors.Parse(file)
	if err != nil {
		return nil, err
	}
	measure := s.test
	if trained.Stopped {
		measure = s.measureTest
	}
	if trained.Test, err = measure(ctx, o, weights); err != nil {
		return nil, lackOfMemory("the test", err)
	}
	if err := s.CheckFolder(name, folder); err != nil { // another training may have written there meanwhile
		_ = trial.RemoveCheckpoints(job.CheckpointFile)
		return nil, fmt.Errorf("%w; the result of the training is stored", err)
	}
	if err := s.writeModel(name, trained, weights); err != nil {
		return nil, err
	}
	s.observer.TrainingDone(TrainingDone{name})
	return trained, trial.RemoveCheckpoints(job.CheckpointFile)
}

// lackOfMemory adds advice to an out-of-memory error. It returns other errors unchanged.
func lackOfMemory(what string, err error) error {
	if !errors.Is(err, device.ErrOutOfMemory) {
		return err
	}
	return fmt.Errorf("%s: %w: free memory and run the same command again to resume, or set a smaller train.training.batch",
		what, err)
}

// fullJob returns the job of a full training, which keeps its checkpoints in a folder.
func (s *Search) fullJob(name string, m mixer.Specification, recipe config.Train, folder string) (trial.Job, error) {
	spec := trial.On(s.data, nil, nil)
	spec.Numerics, spec.Model, spec.Recipe, spec.Seed = s.runner.Device.Numerics(), m, plan.FullRecipe(recipe, s.config.Search.Metric), s.config.Seed
	job := trial.Job{Name: "full/" + name, Label: name, Specification: spec}
	err := checkpointIn(folder, &job)
	return job, err
}

// checkpointIn makes a full training keep its checkpoints in a folder.
func checkpointIn(folder string, job *trial.Job) error {
	key, _, err := job.Specification.Key()
	job.CheckpointFile = filepath.Join(folder, fmt.Sprintf("checkpoint-%.12s.safetensors", key))
	return err
}

// writeModel writes the model file and its description.
func (s *Search) writeModel(name string, t *Trained, weights nn.Weights) error {
	d := model.Description{Name: name, Model: t.Job.Specification.Model, Preprocessing: s.data.Preprocessing(),
		Classes: s.data.Task().Classes, Training: t.Score.Key,
		Data:    model.Data{Format: s.config.Data.Format, Fingerprint: s.data.Fingerprint()},
		Metrics: map[string]map[string]float64{"validation": t.Metrics}}
	if t.Stopped {
		d.Stopped = len(t.Score.Curve)
	}
	if t.Test != nil {
		d.Metrics["test"] = t.Test
	}
	if raw, ok := s.data.(dataset.Raw); ok {
		recipe, err := raw.Recipe()
		if err != nil {
			return err
		}
		d.Input = recipe
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
