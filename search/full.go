package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/nn/safetensors"
	"mixmas/search/atomicfile"
	"mixmas/search/card"
	"mixmas/search/combine"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/model"
	"mixmas/search/plan"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// The files in the folder of a run.
const (
	modelFile       = "model.safetensors"
	descriptionFile = "model.json"
	ensembleFile    = "ensemble.safetensors"
	distilledFile   = "distilled.safetensors"
	cheapestFile    = "cheapest.safetensors"
)

// modelFiles are the models in the folder: the searched one, and other answers. Each has a description beside it.
var modelFiles = []string{modelFile, ensembleFile, distilledFile, cheapestFile}

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
	// Thresholds are those of the model file, see [metric.Outputs]; nil means zeros, with which Metrics and Test are measured.
	// WithThresholds are the same metrics with the thresholds, by split; nil if there are none.
	Thresholds     []float64
	WithThresholds map[string]map[string]float64
	// Path is the model file. Its folder also has the description as a JSON file.
	Path string
	// alone is what was fitted to the model, on some rows of the validation split (nil means all); nil if nothing was.
	alone *combine.Ensemble
	rows  []int
}

// Train trains a model in full: from scratch, on all training rows, by the plan's recipe for full trainings. Then it scores
// the test split once and writes the model file to the folder, unless that holds another model (ErrOccupied, see
// [Search.CheckFolder]). Under a budget it may stop early; then the test's score is not stored either. The folder also holds the
// checkpoints of the last two epochs, from which an interrupted training resumes; damaged ones are set aside there.
func (s *Search) Train(ctx context.Context, name string, m mixer.Specification, recipe config.Train, folder string) (*Trained, error) {
	t, err := s.trainTo(ctx, modelFile, name, folder, s.deadline(s.winnerShare()), func() (trial.Job, error) {
		return s.fullJob(name, m, recipe, folder)
	})
	if err == nil && !s.more() {
		err = removeOthers(folder)
	}
	return t, err
}

// trainTo is Train for the job that a function makes once the folder is there, with its file and its deadline.
func (s *Search) trainTo(ctx context.Context, file, name, folder string, deadline time.Time, makeJob func() (trial.Job, error)) (*Trained, error) {
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
	job.Deadline = deadline
	s.observer.TrainingStarted(TrainingStarted{Model: name})
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
	trained := &Trained{Outcome: o, Path: filepath.Join(folder, file), Metrics: o.Score.Metrics, Stopped: o.Best != nil}
	if trained.Stopped {
		trained.Metrics = o.Best.Metrics
		s.observer.Notice(fmt.Sprintf("%s: the budget stopped the training after epoch %d; the same command with more time resumes it",
			job.Name, len(o.Score.Curve)))
	}
	weights, err := s.weights(ctx, o)
	if err != nil {
		return nil, lackOfMemory("the full training", err)
	}
	if err := s.fitThresholds(ctx, trained); err != nil {
		return nil, lackOfMemory("the thresholds", err)
	}
	if trained.Test, err = s.test(ctx, o); err != nil {
		return nil, lackOfMemory("the test", err)
	}
	if err := s.measureThresholds(ctx, trained); err != nil {
		return nil, lackOfMemory("the figures with thresholds", err)
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

// weights returns the weights of an outcome, of a training that its budget stopped those of the best model so far.
func (s *Search) weights(ctx context.Context, o *evaluate.Outcome) (weights nn.Weights, err error) {
	var file []byte
	if o.Best != nil {
		file = o.Best.Weights
	} else if file, err = s.evaluator.Weights(ctx, o); err != nil {
		return nil, err
	}
	weights, _, err = safetensors.Parse(file)
	return weights, err
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
	job.Settle()
	err := checkpointIn(folder, &job)
	return job, err
}

// checkpointIn makes a full training keep its checkpoints in a folder, if there is one.
func checkpointIn(folder string, job *trial.Job) error {
	if folder == "" {
		return nil
	}
	key, _, err := job.Specification.Key()
	job.CheckpointFile = filepath.Join(folder, fmt.Sprintf("checkpoint-%.12s.safetensors", key))
	return err
}

// writeModel writes the model file and its description.
func (s *Search) writeModel(name string, t *Trained, weights nn.Weights) error {
	d, err := s.description(name, map[string]map[string]float64{"validation": t.Metrics})
	if err != nil {
		return err
	}
	d.Model, d.Training, d.Thresholds, d.MetricsWithThresholds = t.Job.Specification.Model, t.Score.Key, t.Thresholds, t.WithThresholds
	if t.Stopped {
		d.Stopped = len(t.Score.Curve)
	}
	if t.Test != nil {
		d.Metrics["test"] = t.Test
	}
	return writeFiles(t.Path, &d, weights)
}

// description returns what the descriptions of all models of the search have in common.
func (s *Search) description(name string, metrics map[string]map[string]float64) (model.Description, error) {
	d := model.Description{Name: name, Preprocessing: s.data.Preprocessing(), Classes: s.data.Task().Classes,
		Data: model.Data{Format: s.config.Data.Format, Fingerprint: s.data.Fingerprint()}, Metrics: metrics}
	if raw, ok := s.data.(dataset.Raw); ok {
		recipe, err := raw.Recipe()
		if err != nil {
			return d, err
		}
		d.Input = recipe
	}
	return d, nil
}

// writeFiles writes a model file, and its description beside it for people. The card of the model that was there goes.
func writeFiles(path string, d *model.Description, weights nn.Weights) error {
	if err := card.Remove(path); err != nil {
		return err
	}
	if err := atomicfile.Replace(path, func(w io.Writer) error { return model.Write(w, d, weights) }); err != nil {
		return err
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Replace(descriptionOf(path), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

// descriptionOf is the path of the description beside a model file.
func descriptionOf(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + filepath.Ext(descriptionFile)
}
