package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/metric"
	"mixmas/search/store"
)

// Job holds everything that a training needs except the data set. It is plain data: its JSON form may be sent to another
// machine that has the same data and can ask for files by their digests.
type Job struct {
	// Name is the trial's place in the search, such as "encoder/image/mlp_mixer"; Label is the candidate's label.
	Name  string `json:"name"`
	Label string `json:"label"`
	// Specification determines the result, and is all that the job's key depends on.
	Specification Specification `json:"specification"`
	// Train and Validation are the rows that Specification.Sample and Validation identify; nil means all.
	Train      []int `json:"train"`
	Validation []int `json:"validation"`
	// Unused are the rows of the training split that Specification.Unused identifies, none of which is in Train.
	Unused []int `json:"unused,omitempty"`
	// Soft names the outputs whose key Specification.Soft names.
	Soft *Origin `json:"soft,omitempty"`
	// Start holds by modality the weights whose keys Specification.Start names.
	Start map[string]Origin `json:"start,omitempty"`
	// Until is the epoch to stop at for now, with a result that can be resumed; 0 means to train to the end.
	Until int `json:"until,omitempty"`
	// Outputs lists epochs, counted from 1, whose outputs are wanted in addition to those of the end. Those before
	// the checkpoint of Resume are not computed again: they are stored with it.
	Outputs []int `json:"outputs,omitempty"`
	// Resume is the checkpoint of an earlier part of the training; nil means to begin with the first epoch.
	Resume *Origin `json:"resume,omitempty"`
	// Deadline is when the training should have ended. It stops for now after an epoch, at least one, if the next would
	// probably end later, and its result has the best model so far. The zero time means that there is none.
	Deadline time.Time `json:"deadline,omitzero"`
	// CheckpointFile is a file on the machine that trains. It is written after every epoch and read when the job runs again;
	// empty means that there is none.
	CheckpointFile string `json:"checkpoint_file,omitempty"`
}

// Origin identifies a file of an earlier training: weights to start from, a checkpoint to resume, or outputs to learn from.
type Origin struct {
	// Key and Name are those of the earlier training.
	Key  string `json:"key"`
	Name string `json:"name"`
	// File is the digest of the file.
	File store.Digest `json:"file"`
}

// From makes the job start from the encoder and head of a finished training of a modality.
func (j *Job) From(modality string, o Origin) {
	if j.Start == nil {
		j.Start, j.Specification.Start = map[string]Origin{}, map[string]string{}
	}
	j.Start[modality], j.Specification.Start[modality] = o, o.Key
}

// Repeated returns repeat r of the job, counted from 1: the same training with other random numbers, and so other initial
// weights. Repeat 1 is the job itself.
func (j Job) Repeated(r int) Job {
	j.Name = strings.TrimSuffix(j.Name, repeatSuffix(j.Specification.Repeat)) + repeatSuffix(r-1)
	j.Specification.Repeat = r - 1
	return j
}

// Stage returns the stage of the job: its name without the candidate's label and the repeat.
func (j Job) Stage() string {
	return strings.TrimSuffix(strings.TrimSuffix(j.Name, repeatSuffix(j.Specification.Repeat)), "/"+j.Label)
}

// repeatSuffix ends the names of later repeats, whose number in a specification counts from 0.
func repeatSuffix(repeat int) string {
	if repeat == 0 {
		return ""
	}
	return fmt.Sprintf(" (repeat %d)", repeat+1)
}

// check returns an error if the job contradicts itself: it may come from elsewhere.
func (j Job) check(data dataset.Dataset) error {
	spec := j.Specification
	switch {
	case spec.Data != data.Fingerprint():
		return fmt.Errorf("%s: the job is for data with fingerprint %.12s, but these data have %.12s", j.Name, spec.Data, data.Fingerprint())
	case len(j.Start) != len(spec.Start):
		return fmt.Errorf("%s: the job starts from %d trainings, but its specification from %d", j.Name, len(j.Start), len(spec.Start))
	case slices.ContainsFunc(j.Outputs, func(epoch int) bool { return epoch < 1 }):
		return fmt.Errorf("%s: outputs after epochs %v: want at least 1", j.Name, j.Outputs)
	case (j.Soft == nil) != (spec.Soft == nil) || j.Soft != nil && j.Soft.Key != spec.Soft.Labels:
		return fmt.Errorf("%s: the job and its specification name different soft labels", j.Name)
	case spec.Soft != nil && !(spec.Soft.Weight > 0 && spec.Soft.Weight <= 1):
		return fmt.Errorf("%s: soft labels of weight %v: want more than 0 and at most 1", j.Name, spec.Soft.Weight)
	case spec.Recipe.ClassWeights != "" && spec.Recipe.ClassWeights != Balanced:
		return fmt.Errorf("%s: class weights %q: want none or %q", j.Name, spec.Recipe.ClassWeights, Balanced)
	case spec.Recipe.ClassWeights != "" && len(spec.Model.PosWeight) > 0:
		return fmt.Errorf("%s: the classes have weights by the recipe and by the model's pos_weight: want one of the two", j.Name)
	case !(spec.Recipe.LabelSmoothing >= 0 && spec.Recipe.LabelSmoothing < 1):
		return fmt.Errorf("%s: label smoothing %v: want from 0 to less than 1", j.Name, spec.Recipe.LabelSmoothing)
	case j.Until < 0 || spec.Repeat < 0:
		return fmt.Errorf("%s: until epoch %d, repeat %d: want at least 0", j.Name, j.Until, spec.Repeat)
	}
	if by := spec.Recipe.Select; by != "" {
		if err := metric.Check(by, data.Task().Kind); err != nil {
			return fmt.Errorf("%s: the best epoch: %w", j.Name, err)
		}
	}
	for _, rows := range []struct {
		split dataset.Split
		list  []int
		want  Rows
	}{{dataset.Train, j.Train, spec.Sample}, {dataset.Validation, j.Validation, spec.Validation}} {
		have := data.Len(rows.split)
		if rows.list != nil {
			have = len(rows.list)
		}
		if have != rows.want.Count {
			return fmt.Errorf("%s: the job has %d rows of the %s split, but its specification has %d", j.Name, have, rows.split, rows.want.Count)
		}
	}
	if err := j.checkFrozen(); err != nil {
		return err
	}
	if err := spec.checkVaried(); err != nil {
		return fmt.Errorf("%s: %w", j.Name, err)
	}
	if err := j.checkUnused(data); err != nil {
		return fmt.Errorf("%s: %w", j.Name, err)
	}
	for modality, origin := range j.Start {
		if !slices.ContainsFunc(spec.Model.Modalities, func(m mixer.Modality) bool { return m.Name == modality }) {
			return fmt.Errorf("%s: modality %s starts from an earlier training, but the model has no such modality", j.Name, modality)
		}
		if spec.Start[modality] != origin.Key {
			return fmt.Errorf("%s: modality %s starts from %.12s, but in the specification from %.12s", j.Name, modality, origin.Key, spec.Start[modality])
		}
	}
	return nil
}

// checkUnused returns an error unless the unused rows are those of the specification, and none of them is trained on.
func (j Job) checkUnused(data dataset.Dataset) error {
	want := 0
	if j.Specification.Unused != nil {
		want = j.Specification.Unused.Count
	}
	switch {
	case len(j.Unused) != want:
		return fmt.Errorf("the job has %d unused rows that score it, but its specification has %d", len(j.Unused), want)
	case want == 0:
		return nil
	case j.Train == nil:
		return errors.New("the job trains on all rows of the train split, so none is unused")
	}
	trained := make([]bool, data.Len(dataset.Train))
	for _, row := range j.Train {
		if row >= 0 && row < len(trained) { // others cannot be read
			trained[row] = true
		}
	}
	for _, row := range j.Unused {
		if row >= 0 && row < len(trained) && trained[row] {
			return fmt.Errorf("row %d of the train split scores the job, which trains on it", row)
		}
	}
	return nil
}

// Scoring returns the rows that score a job, in the order of its outputs: its validation rows, then its unused training rows.
// The inputs are those of a model, see [dataset.Select]; nil for the labels alone.
func Scoring(data dataset.Dataset, job Job, inputs []string) (*dataset.Samples, error) {
	samples, err := dataset.Select(data, dataset.Validation, job.Validation, inputs)
	if err == nil && len(job.Unused) > 0 {
		samples = samples.Then(dataset.Train, job.Unused)
	}
	return samples, err
}

// wantsOutputs reports whether the outputs after the given number of epochs are wanted.
func (j Job) wantsOutputs(epochs int) bool { return slices.Contains(j.Outputs, epochs) }

// Result is the result of a training.
type Result struct {
	// Score holds the numbers. Its status is finished, failed, or partial if [Job.Until] or [Job.Deadline] stopped the training.
	// The store sets the digests of the files.
	Score store.Score `json:"score"`
	// Weights are the trained weights, and Outputs the outputs of the model with them for the rows of [Scoring], as files.
	Weights []byte `json:"weights,omitempty"`
	Outputs []byte `json:"outputs,omitempty"`
	// EpochOutputs are the outputs after the requested epochs.
	EpochOutputs map[int][]byte `json:"epoch_outputs,omitempty"`
	// Checkpoint is the file from which a partial training resumes.
	Checkpoint []byte `json:"checkpoint,omitempty"`
	// Best is the best model so far of a training that its deadline stopped; nil for all others.
	Best *Best `json:"best,omitempty"`
}

// Best is the best model so far of a training that has not ended; if its recipe does not watch the validation rows, the last.
type Best struct {
	Weights []byte             `json:"weights"`
	Metrics map[string]float64 `json:"metrics"`
}

// Runner runs jobs, on this machine or another.
type Runner interface {
	// Run runs a training. One that fails by its own specification is a result with status failed, not an error. Errors are
	// those of the data, of the device ([device.ErrDevice], [device.ErrOutOfMemory]), of files that the job names
	// ([store.ErrPruned]), and of the context.
	Run(ctx context.Context, job Job, progress Progress) (Result, error)
}

// Progress observes a training.
type Progress interface {
	// Encoded is called before Started while frozen encoders run over the rows of a training, again and again: done of all rows are
	// encoded, each counted once per encoder. A training whose tokens another one makes calls it only at the end.
	Encoded(done, all int)
	// Started is called before the first step, with the number of steps in all epochs of the recipe.
	Started(steps int)
	// Step is called after each of these steps, counted from 1.
	Step(step int, loss float64)
	// Notice reports an event in one line, such as a damaged checkpoint.
	Notice(text string)
}

// Source provides the files that jobs name, and those that they need for a while.
type Source interface {
	// Weights returns the trained weights that an origin names, Checkpoint the checkpoint, and Outputs the outputs.
	Weights(o Origin) ([]byte, error)
	Checkpoint(o Origin) ([]byte, error)
	Outputs(o Origin) ([]byte, error)
	// Temporary returns a new file that nobody else uses, for what does not fit into memory. Whoever gets it closes and removes it.
	Temporary() (*os.File, error)
}
