// Package split divides the rows of a data set into training, validation and test rows: by the values of a column, at random,
// by groups, or from the end.
//
// The same rows, options and seed give the same split on every machine. Each list of rows is in ascending order. Besides these
// lists, it takes some 16 bytes of memory per row.
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

// The splits, in the order of package dataset.
const (
	training = iota
	validation
	test
	none // a row that is not used
)

// names are the names of the splits in errors.
var names = [3]string{"training", "validation", "test"}

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
	ways := 0
	for _, given := range []bool{o.Column != "", o.Last != nil, o.Random != nil || o.Group != ""} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		return options.Errorf("column", "rows are split by a column, by last, or by random and group: want one of these")
	}
	if _, err := o.matcher(); err != nil {
		return err
	}
	elsewhere := [3]bool{validation: true} // whether validation rows may be 0 is known when rows are split
	if len(o.Random) > validation && o.Random[validation] > 0 {
		elsewhere[validation] = false
	}
	if _, err := o.shares(elsewhere); o.Random != nil && err != nil {
		return err
	}
	if n := len(o.Last); o.Last != nil && n != 1 && n != 2 {
		return options.Errorf("last", "want the number of validation rows and the number of test rows, got %d numbers", n)
	}
	return nil
}

// shares are the shares of the splits, 0 for those with rows elsewhere. They add up to 1.
func (o *Options) shares(elsewhere [3]bool) ([3]float64, error) {
	shares := DefaultShares
	if o.Random != nil {
		if n := len(o.Random); n != 2 && n != 3 {
			return shares, options.Errorf("random", "want the shares of the training, validation and test rows, got %d numbers", n)
		}
		shares = [3]float64{}
		copy(shares[:], o.Random)
		if err := checkShares(shares); err != nil {
			return shares, err
		}
	}
	for s := range shares {
		switch {
		case elsewhere[s] && o.Random != nil && shares[s] > 0 && s != training:
			return shares, options.Errorf("random", "the share of the %s rows is %v, but they are in files of their own: want 0", names[s], shares[s])
		case elsewhere[s]:
			shares[s] = 0
		case shares[s] == 0 && s != test:
			return shares, options.Errorf("random", "the share of the %s rows is 0: want more", names[s])
		}
	}
	return normal(shares), nil
}

// normal makes the sum of shares 1.
func normal(shares [3]float64) [3]float64 {
	sum := shares[0] + shares[1] + shares[2]
	for s := range shares {
		shares[s] /= sum
	}
	return shares
}

// checkShares returns an error for shares that do not add up to 1.
func checkShares(shares [3]float64) error {
	if sum := shares[0] + shares[1] + shares[2]; !(math.Abs(sum-1) <= 1e-6) || min(shares[0], shares[1], shares[2]) < 0 {
		return options.Errorf("random", "the shares %v are not between 0 and 1 with the sum 1: their sum is %.6g", shares, sum)
	}
	return nil
}

// Split returns the training, validation and test rows. Errors are [*options.Error]s. Rows of a split that has rows elsewhere are
// an error.
func (o *Options) Split(r Rows) (rows [3][]int, err error) {
	if err := o.Check(); err != nil {
		return rows, err
	}
	if r.Elsewhere[training] {
		return rows, fmt.Errorf("training rows cannot be in other files than the rows that are split")
	}
	switch {
	case o.Column != "":
		return o.byValue(r)
	case o.Last != nil:
		counts := [2]int{o.Last[0]}
		if len(o.Last) > 1 {
			counts[1] = o.Last[1]
		}
		for i, n := range counts {
			if s := i + 1; n > 0 && r.Elsewhere[s] {
				return rows, options.Errorf("last", "%d %s rows are wanted, but they are in files of their own: want 0", n, names[s])
			}
		}
		if counts[0] == 0 && !r.Elsewhere[validation] {
			return rows, options.Errorf("last", "0 validation rows are wanted: want at least 1")
		}
		return Last(r.Count, counts)
	}
	shares, err := o.shares(r.Elsewhere)
	if err != nil {
		return rows, err
	}
	if o.Group != "" {
		if len(r.Groups) != r.Count {
			return rows, fmt.Errorf("column %q does not have a group for each of the %d rows", o.Group, r.Count)
		}
		return Grouped(r.Groups, r.Labels, shares, o.Seed)
	}
	return r.random(shares, o.Seed)
}

// random splits the rows at random, in each class alike.
func (r Rows) random(shares [3]float64, seed uint64) ([3][]int, error) {
	strata := make([]uint32, r.Count)
	if r.Labels == nil {
		return Stratified(strata, shares, seed)
	}
	if r.MultiLabel {
		combinations(strata, r.Labels, shares)
	} else {
		var label []int
		for row := range strata {
			if label = r.Labels(row, label[:0]); len(label) > 0 {
				strata[row] = uint32(label[0])
			}
		}
	}
	of, err := stratified(strata, shares, seed)
	if err != nil {
		return [3][]int{}, err
	}
	if r.MultiLabel {
		train(of, r.Labels)
	}
	return lists(of), filled(of, shares)
}

// lists collects the rows of each split. Rows of no split are left out.
func lists(of []uint8) (rows [3][]int) {
	var counts [4]int
	for _, s := range of {
		counts[s]++
	}
	for s := range rows {
		rows[s] = make([]int, 0, counts[s])
	}
	for row, s := range of {
		if s != none {
			rows[s] = append(rows[s], row)
		}
	}
	return rows
}

// filled returns an error if a split with a share has no rows.
func filled(of []uint8, shares [3]float64) error {
	var counts [4]int
	for _, s := range of {
		counts[s]++
	}
	for s, share := range shares {
		if share > 0 && counts[s] == 0 {
			return options.Errorf("random", "with the shares %.4g, none of the %d rows is a %s row: a class with one row is only trained on, one with two rows is not tested", shares, len(of), names[s])
		}
	}
	return nil
}
