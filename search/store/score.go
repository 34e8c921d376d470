package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"mixmas/search/metric"
)

// Status is the state of a trial: how it ended, or that it has not.
type Status string

const (
	Finished Status = "finished"
	Failed   Status = "failed"
	// Partial means that the trial stopped after the last epoch of its curve, and resumes from its checkpoint.
	Partial Status = "partial"
)

// Score is the result of one trial. Its JSON form is stored, exported and imported.
type Score struct {
	// Key is the SHA-256 (hex) of Specification, see [Key].
	Key string `json:"key"`
	// Name describes the trial, e.g. "encoder/image/mlp_mixer".
	Name string `json:"name"`
	// Search is the name of the search that first computed the score; "" in records of earlier versions.
	Search string `json:"search,omitempty"`
	// Specification is everything that determines the trial, as canonical JSON.
	Specification json.RawMessage `json:"specification"`
	Status        Status          `json:"status"`
	// Reason is the reason why the trial failed.
	Reason string `json:"reason,omitempty"`
	// Metrics are the finite values of every metric that was defined.
	Metrics map[string]float64 `json:"metrics,omitempty"`
	// Curve has one entry per epoch. The curve of a failed trial ends with its last epoch of finite numbers.
	Curve []Epoch `json:"curve,omitempty"`
	// Parameters is the model's number of trained parameters.
	Parameters int `json:"parameters"`
	// FLOPs is the number of floating-point operations of one training step.
	FLOPs int64 `json:"flops"`
	// Seconds is the duration of the trial.
	Seconds float64 `json:"seconds"`
	// Machine describes the processor, operating system and architecture.
	Machine string `json:"machine,omitempty"`
	// Numerics is the kernel set, e.g. "cpu/avx2".
	Numerics string `json:"numerics,omitempty"`
	// Finished is when the trial ended, or stopped; stored in UTC.
	Finished time.Time `json:"finished"`
	// Weights and Outputs are the digests of the files; "" if the trial left none. Pruning removes files and keeps the
	// digests, so that weights that are trained again can be compared.
	Weights Digest `json:"weights,omitempty"`
	Outputs Digest `json:"outputs,omitempty"`
	// Checkpoint is the digest of the file from which a partial trial resumes; "" for all others.
	Checkpoint Digest `json:"checkpoint,omitempty"`
	// EpochOutputs are the digests of the validation outputs after some epochs, counted from 1. A failed trial has none.
	EpochOutputs map[int]Digest `json:"epoch_outputs,omitempty"`
}

// Epoch is one point of a learning curve.
type Epoch struct {
	TrainLoss      float64 `json:"train_loss"`
	ValidationLoss float64 `json:"validation_loss,omitempty"` // 0 if it was not evaluated
	// ValidationMetric is the value of the metric that selects the best epoch; nil if the loss does, or if it is undefined.
	ValidationMetric *float64 `json:"validation_metric,omitempty"`
	LearningRate     float64  `json:"learning_rate"`
	Seconds          float64  `json:"seconds"`
}

// Validation returns the validation loss and the value of the metric that selects the best epoch; NaN for one that was not evaluated.
func (e Epoch) Validation() (loss, metric float64) {
	loss, metric = math.NaN(), math.NaN()
	if e.ValidationLoss != 0 {
		loss = e.ValidationLoss
	}
	if e.ValidationMetric != nil {
		metric = *e.ValidationMetric
	}
	return loss, metric
}

func (e Epoch) finite() bool {
	return finite(e.TrainLoss) && finite(e.ValidationLoss) && (e.ValidationMetric == nil || finite(*e.ValidationMetric)) && finite(e.LearningRate) && finite(e.Seconds)
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

const (
	// recordEnd precedes the checksum at the end of a record: the SHA-256 of the record without this field.
	recordEnd      = `,"checksum":"`
	checksumLength = 2 * sha256.Size
	// longestRecord is the largest size in bytes of a record that is read or written.
	longestRecord = 64 << 20
)

// encode checks a score and returns its record.
func encode(sc Score) ([]byte, error) {
	broken := func(format string, a ...any) error {
		return fmt.Errorf("store: score %s (%s): %w", abbreviate(sc.Key), sc.Name, fmt.Errorf(format, a...))
	}
	canonical, err := canonicalise(sc.Specification)
	switch {
	case err != nil:
		return nil, broken("specification is not JSON: %w", err)
	case !bytes.Equal(canonical, sc.Specification):
		return nil, broken("specification is not canonical JSON: take it from store.Key")
	}
	if i := slices.IndexFunc(sc.Curve, func(e Epoch) bool { return !e.finite() }); i >= 0 && sc.Status == Failed {
		sc.Curve = sc.Curve[:i]
	}
	if err := sc.check(); err != nil {
		return nil, broken("%w", err)
	}
	sc.Reason = strings.ToValidUTF8(sc.Reason, "\uFFFD")
	sc.Finished = sc.Finished.UTC()
	record, err := marshal(sc)
	if err != nil {
		return nil, broken("%w", err)
	}
	if len(record) > longestRecord {
		return nil, broken("its record has %d bytes, more than %d", len(record), longestRecord)
	}
	return withSum(record), nil
}

// withSum adds the checksum to a record, which is a JSON object with at least one field.
func withSum(record []byte) []byte {
	sum := digest(record)
	return append(append(append(record[:len(record)-1], recordEnd...), sum...), `"}`...)
}

// check returns an error for a score that cannot exist.
func (sc Score) check() error {
	switch key := digest(sc.Specification); {
	case sc.Key != string(key):
		return fmt.Errorf("key is not the SHA-256 of the specification, which is %s", key)
	case sc.Name == "":
		return errors.New("has no name")
	case sc.Status != Finished && sc.Status != Failed && sc.Status != Partial:
		return fmt.Errorf("status %q: want %q, %q or %q", sc.Status, Finished, Failed, Partial)
	case !duration(sc.Seconds):
		return fmt.Errorf("a time of %v seconds is impossible", sc.Seconds)
	case sc.Parameters < 0 || sc.FLOPs < 0:
		return fmt.Errorf("%d parameters and %d FLOPs are impossible", sc.Parameters, sc.FLOPs)
	}
	if err := sc.checkParts(); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(sc.Metrics)) {
		if !finite(sc.Metrics[name]) {
			return fmt.Errorf("metric %s is %v: omit undefined metrics", name, sc.Metrics[name])
		}
		if err := metric.CheckRange(name, sc.Metrics[name]); err != nil {
			return err
		}
	}
	for i, e := range sc.Curve {
		switch {
		case !e.finite():
			return fmt.Errorf("epoch %d of the curve holds a number that is not finite", i+1)
		case e.LearningRate < 0 || !duration(e.Seconds):
			return fmt.Errorf("epoch %d of the curve has a learning rate of %v and took %v seconds", i+1, e.LearningRate, e.Seconds)
		}
	}
	return nil
}

// duration reports whether a number of seconds is a possible duration.
func duration(seconds float64) bool { return seconds >= 0 && seconds < 1e10 }

// decode decodes and checks a record that encode wrote under the key. It does not check again that the specification is
// canonical: its SHA-256 is the key.
func decode(key string, record []byte) (Score, error) {
	if len(record) > longestRecord {
		return Score{}, fmt.Errorf("%d bytes are more than a score can have", len(record))
	}
	sum, hasSum := recordSum(record)
	var read struct {
		Score
		Checksum *string `json:"checksum"`
	}
	if err := json.Unmarshal(record, &read); err != nil {
		return Score{}, err
	}
	switch {
	case hasSum != (read.Checksum != nil) || hasSum && *read.Checksum != sum:
		return Score{}, errors.New("its checksum does not match its content")
	case read.Key != key:
		return Score{}, fmt.Errorf("holds the score with key %q", read.Key)
	}
	if err := read.check(); err != nil {
		return Score{}, err
	}
	return read.Score, nil
}

// recordSum returns the expected checksum of a record. Records of older versions have none.
func recordSum(record []byte) (sum string, hasSum bool) {
	end := len(record) - len(recordEnd) - checksumLength - len(`"}`)
	if end < 0 || string(record[end:][:len(recordEnd)]) != recordEnd {
		return "", false
	}
	hash := sha256.New()
	hash.Write(record[:end])
	hash.Write([]byte{'}'})
	return hex.EncodeToString(hash.Sum(nil)), true
}

// writtenSum is the checksum at the end of a record, whether it is right or not; nil if there is none.
func writtenSum(record []byte) []byte {
	end := len(record) - checksumLength - len(`"}`)
	if start := end - len(recordEnd); start < 0 || string(record[start:end]) != recordEnd {
		return nil
	}
	return record[end:][:checksumLength]
}

// abbreviate shortens a key for messages.
func abbreviate(key string) string { return key[:min(len(key), 12)] }
