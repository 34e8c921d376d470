package defaults

import (
	"slices"

	"mixmas/search/dataset"
	"mixmas/search/task"
)

// metricOf returns f1_weighted for multi-label data, balanced_accuracy if the classes are very uneven, and otherwise accuracy.
func metricOf(data dataset.Dataset) (string, error) {
	t := data.Task()
	if t.Kind == task.MultiLabel {
		return "f1_weighted", nil
	}
	counts := make([]int, len(t.Classes))
	label := make([]float32, t.Width())
	for row := range data.Len(dataset.Train) {
		if err := data.Label(dataset.Train, row, label); err != nil {
			return "", err
		}
		task.Count(t.Kind, counts, label)
	}
	if uneven(counts) {
		return "balanced_accuracy", nil
	}
	return "accuracy", nil
}

// uneven reports whether always answering with the most frequent class is right at least a third as often, beyond guessing, as
// always being right would be: in 67% of the rows with two classes, in 40% with ten.
func uneven(counts []int) bool {
	counts = slices.DeleteFunc(slices.Clone(counts), func(n int) bool { return n == 0 })
	if len(counts) < 2 {
		return false
	}
	rows := 0
	for _, n := range counts {
		rows += n
	}
	return 3*slices.Max(counts)*len(counts) >= rows*(len(counts)+2)
}
