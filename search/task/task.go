// Package task describes what is predicted for a row, and is the only place that checks labels.
package task

import (
	"fmt"
	"math"
)

// Kind is the form of a row's label.
type Kind int

// The kinds of tasks. To add one, such as regression, add it to [Kinds]: tests then name the code that does not handle it.
const (
	OneLabel   Kind = iota // exactly one class per row: a label is one element, the number of the class
	MultiLabel             // any number of classes per row: a label is one element per class, 0 or 1
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{OneLabel, MultiLabel} }

// Classification returns the kinds whose labels are classes.
func Classification() []Kind { return []Kind{OneLabel, MultiLabel} }

// KindOf returns the kind for data, models and files that only say whether they are multi-label.
func KindOf(multiLabel bool) Kind {
	if multiLabel {
		return MultiLabel
	}
	return OneLabel
}

// String describes the labels of a row, as in "one label per row".
func (k Kind) String() string {
	switch k {
	case OneLabel:
		return "one label per row"
	case MultiLabel:
		return "any number of labels per row"
	}
	return fmt.Sprintf("task.Kind(%d)", int(k))
}

// Unknown returns the error for the end of a switch over all kinds.
func (k Kind) Unknown() error { return fmt.Errorf("%v: this kind of label is not supported here", k) }

// Task describes what is predicted for a row.
type Task struct {
	Kind Kind
	// Classes are the names of the classes. Their number is the number of logits.
	Classes []string
}

// Width returns the number of elements of a label.
func (t Task) Width() int { return Width(t.Kind, len(t.Classes)) }

// Width returns the number of elements of a label with the given number of classes.
func Width(kind Kind, classes int) int {
	switch kind {
	case OneLabel:
		return 1
	case MultiLabel:
		return classes
	}
	panic(kind.Unknown())
}

// Largest returns the largest value of an element of a label with the given number of classes.
func Largest(kind Kind, classes int) uint32 {
	switch kind {
	case OneLabel:
		return uint32(classes - 1)
	case MultiLabel:
		return 1
	}
	panic(kind.Unknown())
}

// Check returns the index of the first element that cannot be part of a label, and the reason, or -1 and nil. labels may hold
// the labels of any number of rows.
func Check(kind Kind, classes int, labels []float32) (int, error) {
	values := Largest(kind, classes) + 1
	for i, v := range labels {
		if whole := uint32(v); float32(whole) != v || whole >= values {
			return i, wrong(kind, classes, i, v)
		}
	}
	return -1, nil
}

// wrong explains why a value is not a label.
func wrong(kind Kind, classes, i int, v float32) error {
	switch {
	case kind == MultiLabel:
		return fmt.Errorf("label %v of class %d is neither 0 nor 1", v, i%classes)
	case v-v != 0: // infinite or not a number
		return fmt.Errorf("label %v is not a class: want a whole number", v)
	case v != float32(math.Trunc(float64(v))):
		return fmt.Errorf("label %v is not a whole number: these look like values to predict (regression), which is not supported;"+
			" labels are classes, 0 to K-1 (numpy.digitize(y, numpy.quantile(y, numpy.arange(1, K) / K)) turns values y into K classes)", v)
	}
	return fmt.Errorf("label %v is out of range, want 0 to %d", v, classes-1)
}

// Count adds a row's label, which must pass [Check], to the number of rows that have each class.
func Count(kind Kind, counts []int, label []float32) {
	switch kind {
	case OneLabel:
		counts[int(label[0])]++
	case MultiLabel:
		for class, has := range label {
			counts[class] += int(has)
		}
	default:
		panic(kind.Unknown())
	}
}
