// Package split divides the rows of a data set into training, validation and test rows: by the values of a column, at random,
// by groups, or from the end.
//
// The same rows, options and seed give the same split on every machine. Each list of rows is in ascending order. Besides these
// lists, it takes at most 12 bytes of memory per row.
package split

import (
	"fmt"
	"math"

	"mixmas/nn/options"
)

// Options say how the rows are split: by Column, by Last, or at random, with or without Group. Without any, rows are split at
// random by [DefaultShares].
type Options struct {
	Column     string        `yaml:"column,omitempty" json:"column,omitempty" doc:"column that names the split of each row: train, validation (or val, valid, dev) or test, in any case; or the values that train, validation and test list. If no row is a validation row, some training rows become validation rows at random"`
	Train      options.Words `yaml:"train,omitempty" json:"train,omitempty" doc:"values of the column in training rows; 1..16 means all whole numbers from 1 to 16"`
	Validation options.Words `yaml:"validation,omitempty" json:"validation,omitempty" doc:"values of the column in validation rows"`
	Test       options.Words `yaml:"test,omitempty" json:"test,omitempty" doc:"values of the column in test rows"`
	Unused     options.Words `yaml:"unused,omitempty" json:"unused,omitempty" doc:"values of the column in rows that are not used"`
	Random     []float64     `yaml:"random,omitempty" json:"random,omitempty" jsonschema:"minimum=0,maximum=1" doc:"shares of the training, validation and test rows, drawn at random from each class alike; default: [0.7, 0.15, 0.15]"`
	Seed       uint64        `yaml:"seed,omitempty" json:"seed,omitempty" doc:"seed of the random split"`
	Group      string        `yaml:"group,omitempty" json:"group,omitempty" doc:"column that names the group of each row, such as a person: no group is in two splits"`
	Last       []int         `yaml:"last,omitempty" json:"last,omitempty" jsonschema:"minimum=0" doc:"numbers of validation and test rows, such as [500, 1000]: the test rows are the last ones, the validation rows those before them"`
}

// DefaultShares are the shares of training, validation and test rows if the options give none.
var DefaultShares = [3]float64{0.7, 0.15, 0.15}

// names are the names of the splits, in order.
var names = [3]string{"train", "validation", "test"}

// Rows are what a split depends on.
type Rows struct {
	Count int
	// Labels appends the classes of a row to dst: one, or for multi-label data any number. Nil if the rows have no classes.
	Labels func(row int, dst []int) []int
	// MultiLabel means that a row may have any number of classes.
	MultiLabel bool
	// Values are the cells of Options.Column; nil without one.
	Values *Values
	// Groups are the hashes, by [Hash], of the cells of Options.Group; nil without one.
	Groups []uint64
	// Elsewhere says which splits have rows in other files: they get none of these.
	Elsewhere [3]bool
}

// Check returns an [*options.Error] for the first option that is missing or contradicts another.
func (o *Options) Check() error {
	var given []string
	for name, is := range map[string]bool{"column": o.Column != "", "random": o.Random != nil || o.Group != "", "last": o.Last != nil} {
		if is {
			given = append(given, name)
		}
	}
	if len(given) > 1 {
		return options.Errorf("split", "want one of column, last, and random or group")
	}
	if o.Column == "" {
		for i, list := range []options.Words{o.Train, o.Validation, o.Test, o.Unused} {
			if list != nil {
				return options.Errorf([]string{"train", "validation", "test", "unused"}[i], "lists values of a column, but column is missing")
			}
		}
	} else if _, err := o.values(); err != nil {
		return err
	}
	if o.Random != nil {
		if _, err := o.shares([3]bool{}); err != nil {
			return err
		}
	}
	if o.Last != nil && len(o.Last) != 2 {
		return options.Errorf("last", "want two numbers, of validation and of test rows, got %d", len(o.Last))
	}
	return nil
}

// shares are the shares of the splits that take some of the rows.
func (o *Options) shares(elsewhere [3]bool) ([3]float64, error) {
	shares := DefaultShares
	if o.Random != nil {
		if len(o.Random) != 2 && len(o.Random) != 3 {
			return shares, options.Errorf("random", "want the shares of the training, validation and test rows, got %d numbers", len(o.Random))
		}
		shares = [3]float64{}
		copy(shares[:], o.Random)
		sum := shares[0] + shares[1] + shares[2]
		if !(math.Abs(sum-1) <= 1e-6) {
			return shares, options.Errorf("random", "the shares add up to %.6g, want 1", sum)
		}
	}
	sum := 0.0
	for s := range shares {
		if elsewhere[s] {
			if o.Random != nil && shares[s] > 0 {
				return shares, options.Errorf("random", "the share of %s is %v, but its rows are in other files: want 0", names[s], shares[s])
			}
			shares[s] = 0
		} else if s < 2 && shares[s] == 0 {
			return shares, options.Errorf("random", "the share of %s is 0: it needs rows", names[s])
		}
		sum += shares[s]
	}
	for s := range shares {
		shares[s] /= sum
	}
	return shares, nil
}

// Split returns the training, validation and test rows.
func (o *Options) Split(r Rows) (rows [3][]int, err error) {
	if err := o.Check(); err != nil {
		return rows, err
	}
	if o.Last != nil {
		return Last(r.Count, [2]int(o.Last))
	}
	if o.Column != "" {
		return rows, fmt.Errorf("not yet")
	}
	return rows, fmt.Errorf("not yet")
}

// values reads the listed values.
func (o *Options) values() (any, error) { return nil, nil }
