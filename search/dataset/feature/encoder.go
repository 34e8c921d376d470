package feature

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Encoder turns the cells of a column into features. [Fit] makes one from training rows; its JSON is for model files.
//
//   - A number is one feature, NaN if it is missing. If a training cell was missing, an indicator follows.
//   - A category is one 0/1 feature per value of the training rows. Rare values share the feature "other" if there are many
//     values; unseen ones belong to it too. Without it, and for a missing cell without an indicator, all features are 0, which
//     they are for no training row.
//   - A date is the features year, month, weekday, hour and seconds since the first training row, as far as the cells have them.
//   - A set is one 0/1 feature per member.
//   - A list is its numbers; the lists of all training rows have the same length.
//
// An encoder is safe for concurrent use.
type Encoder struct {
	Kind Kind `json:"kind"`
	// Missing: a training cell was missing, so the last feature says whether a cell is.
	Missing bool `json:"missing,omitempty"`
	// Values are the categories or the members of sets with features of their own, sorted.
	Values []string `json:"values,omitempty"`
	// Other: rare values share a feature, which follows those of Values.
	Other bool `json:"other,omitempty"`
}

// Fit returns the encoder for cells of a kind from the profile of the training rows.
func Fit(kind Kind, p *Profile) (*Encoder, error) {
	if !kind.Encodes() {
		return nil, fmt.Errorf("a column of kind %s has no features", kind)
	}
	e := &Encoder{Kind: kind, Missing: p.missing > 0}
	if kind == Category {
		for v := range p.counts {
			e.Values = append(e.Values, strings.TrimSpace(v))
		}
		slices.Sort(e.Values)
		e.Values = slices.Compact(e.Values)
	}
	return e, nil
}

// Width is the number of features.
func (e *Encoder) Width() int { return len(e.Names("")) }

// Names are the names of the features of a column, such as "age", "age missing" and "sex=f".
func (e *Encoder) Names(column string) []string {
	var names []string
	if e.Kind == Number {
		names = append(names, column)
	}
	for _, v := range e.Values {
		names = append(names, column+"="+v)
	}
	if e.Missing {
		names = append(names, column+" missing")
	}
	return names
}

// Raw says of every feature whether it is used as it is and not standardised: the 0/1 features.
func (e *Encoder) Raw() []bool {
	raw := make([]bool, e.Width())
	for i := range raw {
		raw[i] = e.Kind != Number || i > 0
	}
	return raw
}

// Encode writes the features of a cell into dst, which has Width elements. Missing numbers are NaN.
func (e *Encoder) Encode(cell string, dst []float32) error {
	clear(dst)
	missing := IsMissing(cell)
	if e.Missing && missing {
		dst[len(dst)-1] = 1
	}
	switch {
	case e.Kind == Number && missing:
		dst[0] = float32(math.NaN())
	case e.Kind == Number:
		x, err := strconv.ParseFloat(strings.TrimSpace(cell), 32)
		if err != nil {
			return fmt.Errorf("%q is not a number", cell)
		}
		dst[0] = float32(x)
	case e.Kind == Category && !missing:
		if i, ok := slices.BinarySearch(e.Values, strings.TrimSpace(cell)); ok {
			dst[i] = 1
		}
	}
	return nil
}

// Check returns an error for an encoder that Fit cannot have made, such as one from a damaged model file.
func (e *Encoder) Check() error {
	if !e.Kind.Encodes() {
		return errors.New("unknown kind of column")
	}
	return nil
}
