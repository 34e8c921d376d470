package trial

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/store"
	"mixmas/search/task"
)

// NumericsRevision is part of every trial's key. It is raised only when the bits of a training change for the same
// specification; a test pins the digest of a tiny training for each kernel set.
const NumericsRevision = 4

// Specification holds everything that a trial's result depends on. The trial's key is a hash of its canonical JSON.
type Specification struct {
	// Revision is [NumericsRevision], and Numerics is the device's name for its way of computing.
	Revision int    `json:"revision"`
	Numerics string `json:"numerics"`
	// Data is the data set's fingerprint; Sample and Validation identify the rows for training and scoring.
	Data       string `json:"data"`
	Sample     Rows   `json:"sample"`
	Validation Rows   `json:"validation"`
	// Model is the architecture with every hyperparameter; Recipe is the training recipe.
	Model  mixer.Specification `json:"model"`
	Recipe Recipe              `json:"recipe"`
	// Seed is the search's seed. The trial's own seed is a hash of it and the specification.
	Seed uint64 `json:"seed"`
	// Start maps modalities to the keys of the trials whose trained encoder and head this one starts from.
	Start map[string]string `json:"start,omitempty"`
	// Repeat distinguishes trainings that differ only in their random numbers. The first is 0.
	Repeat int `json:"repeat,omitempty"`
	// Unused identifies rows of the training split that score the trial together with the validation rows; nil for none.
	Unused *Rows `json:"unused,omitempty"`
	// Frozen means that the encoders of Start are not trained: they run once, and the rest of the model learns from their tokens.
	Frozen bool `json:"frozen,omitempty"`
	// Soft are the predictions that the trial learns from besides the labels; nil for none.
	Soft *Soft `json:"soft,omitempty"`
}

// Soft are soft labels: the probabilities that another model predicts for the training rows.
type Soft struct {
	// Labels is the key of the score whose outputs they are, and Weight their share in the loss, between 0 and 1.
	Labels string  `json:"labels"`
	Weight float64 `json:"weight"`
}

// On returns a specification of trainings on rows of the training split that are scored on rows of the validation split; nil
// means all rows. The model, the recipe and the other fields are still to be set.
func On(data dataset.Dataset, train, validation []int) Specification {
	return Specification{Revision: NumericsRevision, Data: data.Fingerprint(), Sample: Identify(train, data.Len(dataset.Train)),
		Validation: Identify(validation, data.Len(dataset.Validation))}
}

// ScoringRows returns the number of rows that score the trial, see [Scoring].
func (s Specification) ScoringRows() int {
	n := s.Validation.Count
	if s.Unused != nil {
		n += s.Unused.Count
	}
	return n
}

// Model returns the outputs that all models of the data have in common. The rest is still to be set.
func Model(data dataset.Dataset) mixer.Specification {
	t := data.Task()
	spec := mixer.Specification{Classes: len(t.Classes)}
	switch t.Kind {
	case task.OneLabel:
	case task.MultiLabel:
		spec.MultiLabel = true
	default:
		panic(t.Kind.Unknown())
	}
	return spec
}

// Rows identifies a list of rows of a split by their number and the SHA-256 of the row numbers.
type Rows struct {
	Count  int    `json:"count"`
	Digest string `json:"digest"`
}

// Identify identifies rows of a split; nil means all rows.
func Identify(rows []int, length int) Rows {
	samples := length
	if rows != nil {
		samples = len(rows)
	}
	h := sha256.New()
	buffer := make([]byte, 0, 1<<12)
	for i := range samples {
		row := i
		if rows != nil {
			row = rows[i]
		}
		if buffer = binary.LittleEndian.AppendUint64(buffer, uint64(row)); len(buffer) == cap(buffer) {
			h.Write(buffer)
			buffer = buffer[:0]
		}
	}
	h.Write(buffer)
	return Rows{Count: samples, Digest: hex.EncodeToString(h.Sum(nil))}
}

// Key returns the SHA-256 of the canonical specification.
func (s Specification) Key() (key string, canonical json.RawMessage, err error) { return store.Key(s) }

// seed hashes the search's seed with the model, recipe and data of the training. It omits the numerics and the trials to
// start from, so that every machine draws the same numbers, and what draws none: the unused rows that score it, whether it
// trains the encoders, what the labels become, how the samples vary, and what selects the best epoch.
func (s Specification) seed() (uint64, error) {
	s.Revision, s.Numerics, s.Start, s.Recipe.Select = 0, "", nil, ""
	s.Unused, s.Frozen, s.Soft = nil, false, nil
	s.Recipe.ClassWeights, s.Recipe.LabelSmoothing = "", 0
	s.Recipe.Augment, s.Recipe.Mixup, s.Recipe.DropModality = nil, 0, 0 // they draw under the seed, apart from the rest
	_, canonical, err := s.Key()
	if err != nil {
		return 0, err
	}
	sum := sha256.Sum256(canonical)
	return binary.LittleEndian.Uint64(sum[:]), nil
}
