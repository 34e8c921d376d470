package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Status is how a trial ended.
type Status string

const (
	Finished Status = "finished"
	Failed   Status = "failed"
)

// Score is what one trial left behind; its JSON form is what is stored, exported and imported.
type Score struct {
	// Key is the SHA-256 (hex) of Specification, see [Key].
	Key string `json:"key"`
	// Name says what was tried, e.g. "encoder/image/mlp_mixer".
	Name string `json:"name"`
	// Specification is everything that determines the trial, as canonical JSON.
	Specification json.RawMessage `json:"specification"`
	Status        Status          `json:"status"`
	// Reason is why the trial failed.
	Reason string `json:"reason,omitempty"`
	// Metrics are the finite values of every metric that was defined.
	Metrics map[string]float64 `json:"metrics,omitempty"`
	// Curve has one entry an epoch. That of a failed trial is kept up to its last epoch of finite numbers.
	Curve []Epoch `json:"curve,omitempty"`
	// Parameters is the number of trained numbers of the model.
	Parameters int `json:"parameters"`
	// FLOPs are those of one training step.
	FLOPs int64 `json:"flops"`
	// Seconds is what the trial took.
	Seconds float64 `json:"seconds"`
	// Machine is the processor and os/arch.
	Machine string `json:"machine,omitempty"`
	// Numerics is the kernel set, e.g. "cpu/avx2".
	Numerics string `json:"numerics,omitempty"`
	// Finished is when the trial ended; stored in UTC.
	Finished time.Time `json:"finished"`
	// Weights and Outputs are the digests of the files; "" where the trial left none. Pruning removes files and leaves
	// the digests, so that weights trained again can be compared.
	Weights Digest `json:"weights,omitempty"`
	Outputs Digest `json:"outputs,omitempty"`
}

// Epoch is one point of a learning curve.
type Epoch struct {
	TrainLoss      float64 `json:"train_loss"`
	ValidationLoss float64 `json:"validation_loss,omitempty"` // 0 where it was not evaluated
	LearningRate   float64 `json:"learning_rate"`
	Seconds        float64 `json:"seconds"`
}

func (e Epoch) finite() bool {
	return finite(e.TrainLoss) && finite(e.ValidationLoss) && finite(e.LearningRate) && finite(e.Seconds)
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// encode checks a score and gives the bytes to store.
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
	case sc.Key != string(digest(canonical)):
		return nil, broken("key is not the SHA-256 of the specification, which is %s", digest(canonical))
	case sc.Name == "":
		return nil, broken("has no name")
	case sc.Status != Finished && sc.Status != Failed:
		return nil, broken("status %q is neither %q nor %q", sc.Status, Finished, Failed)
	case !finite(sc.Seconds):
		return nil, broken("seconds are %v", sc.Seconds)
	case sc.Weights != "" && !sc.Weights.valid() || sc.Outputs != "" && !sc.Outputs.valid():
		return nil, broken("digests %q and %q must be SHA-256 in hex or empty", sc.Weights, sc.Outputs)
	}
	for _, name := range slices.Sorted(maps.Keys(sc.Metrics)) {
		if !finite(sc.Metrics[name]) {
			return nil, broken("metric %s is %v: leave undefined metrics out", name, sc.Metrics[name])
		}
	}
	if i := slices.IndexFunc(sc.Curve, func(e Epoch) bool { return !e.finite() }); i >= 0 {
		if sc.Status == Finished {
			return nil, broken("epoch %d of the curve holds a number that is not finite", i+1)
		}
		sc.Curve = sc.Curve[:i]
	}
	sc.Reason = strings.ToValidUTF8(sc.Reason, "\uFFFD")
	sc.Finished = sc.Finished.UTC()
	record, err := marshal(sc)
	if err != nil {
		return nil, broken("%w", err)
	}
	return record, nil
}

// decode reads what encode wrote.
func decode(record []byte) (Score, error) {
	var sc Score
	if err := json.Unmarshal(record, &sc); err != nil {
		return Score{}, err
	}
	return sc, nil
}

// abbreviate shortens a key for people.
func abbreviate(key string) string { return key[:min(len(key), 12)] }
