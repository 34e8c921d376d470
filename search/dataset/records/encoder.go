package records

import (
	"context"
	"errors"
	"fmt"
	"math"

	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search/dataset/npy"
)

// encoder turns the cells of a row into the numbers of a modality. What it learned from the training rows is its JSON. It may be
// used by several goroutines.
type encoder interface {
	// form is the kind and shape of a sample, and the vocabulary of a text.
	form() (kind mixer.Kind, shape []int, vocabulary int)
	// stored is the type in which samples are kept.
	stored() npy.Type
	// raw are the features that are not standardised.
	raw() []int
	// encode writes the sample of a row into dst and returns the number of its real steps: 0 if the row lacks the modality. Numbers
	// that are missing in a sample are NaN. dst is unspecified behind the real steps.
	encode(ctx context.Context, s *sample, dst []float32) (steps int, err error)
	// check returns an error for an encoder that cannot have been learned, such as one from a damaged model file.
	check() error
}

// sample is what an encoder reads of a row.
type sample struct {
	cells  []string                                               // of the columns of the modality
	name   string                                                 // path of the row's file; "" if it has none
	read   func(ctx context.Context, name string) ([]byte, error) // reads a file
	values []float32                                              // of an array file
}

// cellError is an error in one of the cells of a sample.
type cellError struct {
	cell int
	err  error
}

func (e *cellError) Error() string { return e.err.Error() }
func (e *cellError) Unwrap() error { return e.err }

// holdsNaN reports whether a type can say that a number is missing.
func holdsNaN(t npy.Type) bool { return t.Kind == 'f' }

// lacking fills a sample that a row lacks: with missing numbers if the type has them, otherwise zeros.
func lacking(t npy.Type, dst []float32) {
	if !holdsNaN(t) {
		clear(dst)
		return
	}
	for i := range dst {
		dst[i] = float32(math.NaN())
	}
}

// checkShape returns an error for a shape that no sample has: a recipe is untrusted.
func checkShape(kind mixer.Kind, shape []int) error {
	if len(shape) != kind.Rank() {
		return fmt.Errorf("a %s has %d axes, not %d", kind, kind.Rank(), len(shape))
	}
	if _, ok := device.Elements(shape...); !ok {
		return fmt.Errorf("a sample has too many elements")
	}
	for _, n := range shape {
		if n < 1 {
			return errors.New("a sample has an axis without elements")
		}
	}
	return nil
}
