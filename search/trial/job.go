package trial

import (
	"context"
	"fmt"
	"slices"

	"mixmas/search/dataset"
	"mixmas/search/store"
)

// Job says everything that a training needs but for the data set itself. It is plain data: its JSON form may be sent to
// another machine, which has the same data and can ask for files by their digests.
type Job struct {
	// Name is the place in the search, such as "encoder/image/mlp_mixer"; Label is the candidate's own name.
	Name  string `json:"name"`
	Label string `json:"label"`
	// Specification decides the result, and is all that the job's key depends on.
	Specification Specification `json:"specification"`
	// Train and Validation are the rows that Specification.Sample and Validation identify, nil for all.
	Train      []int `json:"train"`
	Validation []int `json:"validation"`
	// Start is by modality what Specification.Start names by key.
	Start map[string]Origin `json:"start,omitempty"`
	// Until is the epoch to stop at for now, with a result that can be resumed; 0 goes on to the end.
	Until int `json:"until,omitempty"`
	// Outputs lists epochs, counted from 1, whose validation outputs are wanted beside those of the end. Those before the
	// checkpoint of Resume are not made again: who kept the one kept the others.
	Outputs []int `json:"outputs,omitempty"`
	// Resume is the checkpoint that an earlier part of the training ended with; nil begins with the first epoch.
	Resume *Origin `json:"resume,omitempty"`
	// CheckpointFile is a file of the machine that trains, written after every epoch and read when the job is run again;
	// empty for none.
	CheckpointFile string `json:"checkpoint_file,omitempty"`
}

// Origin is a file that an earlier training left: the weights that one starts from, or the checkpoint that one resumes.
type Origin struct {
	// Key and Name are those of the training that left it.
	Key  string `json:"key"`
	Name string `json:"name"`
	// File is the digest of the file.
	File store.Digest `json:"file"`
}

// From makes the job start from the encoder and head of a modality that a finished training of that modality ended with.
func (j *Job) From(modality string, o Origin) {
	if j.Start == nil {
		j.Start, j.Specification.Start = map[string]Origin{}, map[string]string{}
	}
	j.Start[modality], j.Specification.Start[modality] = o, o.Key
}

// check refuses what contradicts itself: a job may come from elsewhere.
func (j Job) check(data dataset.Dataset) error {
	spec := j.Specification
	switch {
	case spec.Data != data.Fingerprint():
		return fmt.Errorf("%s: the job is for data with fingerprint %.12s, but these data have %.12s", j.Name, spec.Data, data.Fingerprint())
	case len(j.Start) != len(spec.Start):
		return fmt.Errorf("%s: the job starts from %d trainings, but its specification from %d", j.Name, len(j.Start), len(spec.Start))
	case slices.ContainsFunc(j.Outputs, func(epoch int) bool { return epoch < 1 }):
		return fmt.Errorf("%s: outputs after epochs %v: want at least 1", j.Name, j.Outputs)
	case j.Until < 0 || spec.Repeat < 0:
		return fmt.Errorf("%s: until epoch %d, repeat %d: want at least 0", j.Name, j.Until, spec.Repeat)
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
	for modality, origin := range j.Start {
		if spec.Start[modality] != origin.Key {
			return fmt.Errorf("%s: modality %s starts from %.12s, but in the specification from %.12s", j.Name, modality, origin.Key, spec.Start[modality])
		}
	}
	return nil
}

// wantsOutputs reports whether the validation outputs after so many epochs are asked for.
func (j Job) wantsOutputs(epochs int) bool { return slices.Contains(j.Outputs, epochs) }

// Result is what a training came to.
type Result struct {
	// Score has the numbers: its status is finished, failed, or partial where [Job.Until] stopped it. The digests of files
	// are left to who keeps them.
	Score store.Score `json:"score"`
	// Weights are the trained weights, and Outputs the validation outputs by them, as files.
	Weights []byte `json:"weights,omitempty"`
	Outputs []byte `json:"outputs,omitempty"`
	// EpochOutputs are the validation outputs after the epochs that were asked for.
	EpochOutputs map[int][]byte `json:"epoch_outputs,omitempty"`
	// Checkpoint is what a partial training goes on from.
	Checkpoint []byte `json:"checkpoint,omitempty"`
}

// Runner runs jobs: here, or on another machine.
type Runner interface {
	// Run runs a training. One that fails by its own specification is a result of status failed, not an error. Errors are
	// those of the data, of the device ([device.ErrDevice], [device.ErrOutOfMemory]), of files that the job names
	// ([store.ErrPruned]), and of the context.
	Run(ctx context.Context, job Job, progress Progress) (Result, error)
}

// Progress is told how a training goes on.
type Progress interface {
	// Started comes before the first step, with the number of steps that all epochs of the recipe have.
	Started(steps int)
	// Step comes after each of these steps, counted from 1.
	Step(step int, loss float64)
	// Notice says in a line what people should know, such as that a checkpoint was damaged.
	Notice(text string)
}

// Source has the files that jobs name.
type Source interface {
	// Weights are the trained weights that an origin names, Checkpoint the checkpoint.
	Weights(o Origin) ([]byte, error)
	Checkpoint(o Origin) ([]byte, error)
}
