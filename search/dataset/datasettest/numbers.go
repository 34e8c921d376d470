package datasettest

import (
	"context"
	"math/rand/v2"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/task"
)

// Numbers is a data set of tables of 3 numbers and three classes, which are learnt within a few epochs: 60 training, 30
// validation and 20 test rows. It has the methods that a training and its evaluation call.
type Numbers struct{ dataset.Dataset }

// Name implements [dataset.Dataset], as do the other methods.
func (Numbers) Name() string { return "numbers" }

func (Numbers) Modalities() []dataset.Modality {
	return []dataset.Modality{{Name: "numbers", Kind: mixer.Table, Shape: []int{3}}}
}
func (Numbers) Task() task.Task                 { return task.Task{Classes: []string{"a", "b", "c"}} }
func (Numbers) Len(s dataset.Split) int         { return [...]int{60, 30, 20}[s] }
func (Numbers) Fingerprint() string             { return strings.Repeat("ab", 32) }
func (Numbers) Unchanged(context.Context) error { return nil }

func (Numbers) Read(s dataset.Split, modality, row int, dst []float32) error {
	rng := rand.New(rand.NewPCG(uint64(s)<<32|uint64(row), uint64(modality)))
	for i := range dst {
		dst[i] = float32(rng.NormFloat64())
		if i%3 == row%3 {
			dst[i] += 1.5
		}
	}
	return nil
}

func (Numbers) Label(_ dataset.Split, row int, dst []float32) error {
	dst[0] = float32(row % 3)
	return nil
}
