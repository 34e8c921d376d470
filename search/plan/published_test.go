package plan_test

import (
	"testing"

	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/plan"
	"mixmas/search/task"
)

// rows is a data set of labels.
type rows struct {
	dataset.Dataset
	of [3]int
}

func (r rows) Len(s dataset.Split) int { return r.of[s] }
func (rows) Task() task.Task           { return task.Task{Kind: task.OneLabel, Classes: make([]string, 10)} }
func (rows) Label(_ dataset.Split, row int, dst []float32) error {
	dst[0] = float32(row % 10)
	return nil
}

// The paper samples 12.06% of the rows of all splits, where its formula for the training rows gives 11.0% of those.
func TestPublishedFraction(t *testing.T) {
	for name, want := range map[string]int{"avmnist": 6025, "avmnist-published": 8446} {
		c, err := config.Load("../../testdata/configs/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		drawn, validation, unused, err := plan.Draw(t.Context(), c, rows{of: [3]int{55_000, 5_000, 10_000}})
		if err != nil {
			t.Fatal(err)
		}
		if len(drawn.Rows) != want || validation != nil || unused != nil || c.Settings != config.Paper {
			t.Errorf("%s: %d rows with %s settings, want %d", name, len(drawn.Rows), c.Settings, want)
		}
	}
}
