// Package task says what is predicted of a row, and is the one place that checks labels.
package task

import (
	"fmt"
	"math"
)

// Kind is the form of a row's label.
type Kind int

// The kinds of tasks. Numbers to predict (regression) would be a third: then [Kinds] has it, and tests name what does not.
const (
	OneLabel   Kind = iota // exactly one class per row: a label is one element, the number of the class
	MultiLabel             // any number of classes per row: a label is one element per class, 0 or 1
)

// Kinds lists all kinds.
func Kinds() []Kind { return []Kind{OneLabel, MultiLabel} }

// Classification lists the kinds whose labels are classes.
func Classification() []Kind { return []Kind{OneLabel, MultiLabel} }

// KindOf is the kind that data, models and files mean which say only whether they are multi-label.
func KindOf(multiLabel bool) Kind {
	if multiLabel {
		return MultiLabel
	}
	return OneLabel
}

// String says what a row has: "one label per row".
func (k Kind) String() string {
	switch k {
	case OneLabel:
		return "one label per row"
	case MultiLabel:
		return "any number of labels per row"
	}
	return fmt.Sprintf("task.Kind(%d)", int(k))
}

// Unknown is for the end of a switch over all kinds.
func (k Kind) Unknown() error { return fmt.Errorf("%v: this kind of label is not supported here", k) }

// Task is what is predicted of a row.
type Task struct {
	Kind Kind
	// Classes are the names of the classes. Their number is the number of logits.
	Classes []string
}

// Width is the number of elements of a label.
func (t Task) Width() int { return Width(t.Kind, len(t.Classes)) }

// Width is the number of elements of a label of so many classes.
func Width(kind Kind, classes int) int {
	switch kind {
	case OneLabel:
		return 1
	case MultiLabel:
		return classes
	}
	panic(kind.Unknown())
}

// Largest is the largest value that an element of a label of so many classes has.
func Largest(kind Kind, classes int) uint32 {
	switch kind {
	case OneLabel:
		return uint32(classes - 1)
	case MultiLabel:
		return 1
	}
	panic(kind.Unknown())
}

// Check returns the place of the first element that cannot be part of a label, and why, or -1 and nil. labels may hold the
// labels of any number of rows.
func Check(kind Kind, classes int, labels []float32) (int, error) {
	values := Largest(kind, classes) + 1
	for i, v := range labels {
		if whole := uint32(v); float32(whole) != v || whole >= values {
			return i, wrong(kind, classes, i, v)
		}
	}
	return -1, nil
}

// wrong says why a value is no label.
func wrong(kind Kind, classes, i int, v float32) error {
	switch {
	case kind == MultiLabel:
		return fmt.Errorf("label %v of class %d is neither 0 nor 1", v, i%classes)
	case v-v != 0: // infinite or no number
		return fmt.Errorf("label %v is not a class: want a whole number", v)
	case v != float32(math.Trunc(float64(v))):
		return fmt.Errorf("label %v is not a whole number: these look like values to predict (regression), which is not supported;"+
			" labels are classes, 0 to K-1 (numpy.digitize(y, numpy.quantile(y, numpy.arange(1, K) / K)) turns values y into K classes)", v)
	}
	return fmt.Errorf("label %v is out of range, want 0 to %d", v, classes-1)
}

// Count adds a row's label, which [Check] passes, to the numbers of rows that have each class.
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
