// Package task says what is predicted of a row, and is the one place that checks labels.
package task

import (
	"fmt"
	"math"
)

// Kind is the form of a row's label.
type Kind int

// The kinds of tasks. Numbers to predict (regression) would be a third.
const (
	OneLabel   Kind = iota // exactly one class per row: a label is one element, the number of the class
	MultiLabel             // any number of classes per row: a label is one element per class, 0 or 1
)

// KindOf is MultiLabel or OneLabel.
func KindOf(multiLabel bool) Kind {
	if multiLabel {
		return MultiLabel
	}
	return OneLabel
}

// Task is what is predicted of a row.
type Task struct {
	Kind Kind
	// Classes are the names of the classes. Their number is the number of logits.
	Classes []string
}

// MultiLabel reports whether a row may have any number of classes.
func (t Task) MultiLabel() bool { return t.Kind == MultiLabel }

// Width is the number of elements of a label.
func (t Task) Width() int { return Width(t.Kind, len(t.Classes)) }

// Width is the number of elements of a label of so many classes.
func Width(kind Kind, classes int) int {
	if kind == MultiLabel {
		return classes
	}
	return 1
}

// Check returns the place of the first element that cannot be part of a label, and why, or -1 and nil. labels may hold the
// labels of any number of rows.
func Check(kind Kind, classes int, labels []float32) (int, error) {
	values := uint32(classes)
	if kind == MultiLabel {
		values = 2
	}
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
	if kind == OneLabel {
		counts[int(label[0])]++
		return
	}
	for class, has := range label {
		counts[class] += int(has)
	}
}
