package dataset_test

import (
	"strings"
	"testing"

	"mixmas/search/dataset"
	"mixmas/search/task"
)

// people are rows without samples, every so many of which are of one group.
type people struct {
	dataset.Dataset
	rows, groups int
}

func (p people) Len(dataset.Split) int        { return p.rows }
func (people) Modalities() []dataset.Modality { return nil }
func (people) Task() task.Task                { return task.Task{Classes: []string{"a", "b"}} }
func (people) Label(_ dataset.Split, row int, dst []float32) error {
	dst[0] = float32(row % 2)
	return nil
}
func (p people) Groups(split dataset.Split, rows []int) (list []uint64) {
	if p.groups == 0 {
		return nil
	}
	for _, row := range rows {
		list = append(list, uint64(row%p.groups))
	}
	return list
}

// Validation rows of fewer than ten groups are a warning; rows without groups are none.
func TestFewGroups(t *testing.T) {
	for groups, want := range map[int]string{0: "", 1: "the validation rows are all of one group", 2: "the validation rows are of only 2 groups",
		9: "of only 9 groups", 10: "", 5000: ""} {
		p := people{rows: 10_000, groups: groups}
		warnings, err := dataset.CheckSplits(t.Context(), p, 0.05, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(warnings, "; "); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%d groups: warnings %q, want %q", groups, got, want)
		}
		for most, want := range map[int]int{1: min(1, groups), 100: min(100, groups), 1 << 20: groups} {
			if got := dataset.CountGroups(p, dataset.Test, most); got != want {
				t.Errorf("%d groups: counted %d, at most %d", groups, got, most)
			}
		}
	}
}
