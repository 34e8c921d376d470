package task_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"mixmas/search/task"
)

func TestCheck(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		kind   task.Kind
		labels []float32
		at     int
		want   string
	}{
		{task.OneLabel, []float32{0, 1, 2, 0}, -1, ""},
		{task.OneLabel, []float32{0, 3}, 1, "label 3 is out of range, want 0 to 2"},
		{task.OneLabel, []float32{-1}, 0, "label -1 is out of range"},
		{task.OneLabel, []float32{1, 0.5}, 1, "label 0.5 is not a whole number: these look like values to predict (regression)"},
		{task.OneLabel, []float32{nan}, 0, "label NaN is not a class"},
		{task.OneLabel, []float32{inf}, 0, "label +Inf is not a class"},
		{task.OneLabel, []float32{1 << 32}, 0, "out of range"},
		{task.MultiLabel, []float32{0, 1, 1, 0, 0, 0}, -1, ""},
		{task.MultiLabel, []float32{0, 1, 1, 0, 2, 0}, 4, "label 2 of class 1 is neither 0 nor 1"},
		{task.MultiLabel, []float32{nan, 0, 0}, 0, "label NaN of class 0 is neither 0 nor 1"},
	} {
		at, err := task.Check(c.kind, 3, c.labels)
		if at != c.at || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %d, %v, want %d, %q", c.labels, at, err, c.at, c.want)
		}
	}
}

func TestTask(t *testing.T) {
	one, many := task.Task{Classes: []string{"a", "b"}}, task.Task{Kind: task.KindOf(true), Classes: []string{"a", "b"}}
	if one.Width() != 1 || many.Width() != 2 || many.Kind != task.MultiLabel {
		t.Errorf("%+v, %+v", one, many)
	}
	counts := make([]int, 2)
	task.Count(one.Kind, counts, []float32{1})
	task.Count(many.Kind, counts, []float32{1, 1})
	if !slices.Equal(counts, []int{1, 2}) {
		t.Errorf("counts %v", counts)
	}
}

// Every kind says what its labels are, and nothing but a kind does.
func TestKinds(t *testing.T) {
	for _, kind := range task.Kinds() {
		counts := make([]int, 3)
		label := make([]float32, task.Width(kind, 3))
		if at, err := task.Check(kind, 3, label); at >= 0 || err != nil {
			t.Errorf("%v: %v at %d", kind, err, at)
		}
		task.Count(kind, counts, label)
		if task.Largest(kind, 3) == 0 || strings.Contains(kind.String(), "Kind") {
			t.Errorf("%v: largest element %d", kind, task.Largest(kind, 3))
		}
	}
	for name, use := range map[string]func(kind task.Kind){
		"Width": func(kind task.Kind) { task.Width(kind, 3) },
		"Check": func(kind task.Kind) { task.Check(kind, 3, nil) },
		"Count": func(kind task.Kind) { task.Count(kind, nil, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s takes a kind that there is not", name)
				}
			}()
			use(task.Kind(len(task.Kinds())))
		}()
	}
}
