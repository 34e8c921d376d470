// Package choice says which of several candidates is ahead, by repeated runs that are scored on the same rows. It is statistics
// only: it knows neither models nor stages. What its rule was measured on, and how often it is wrong, is in
// docs/results/choosing.md.
package choice

import (
	"fmt"
	"math"
	"slices"

	"mixmas/search/packed"
)

// Runs are the scores of C candidates in R repeats. Repeat r of all candidates shares everything but the candidate: the training
// rows, the scoring rows, the seed.
type Runs struct {
	// Scores holds the metric of each candidate in each repeat, C×R; NaN for a run without one, such as a failed run.
	Scores [][]float64
	// Rows is the number of rows that score, or of groups of rows if Draws resamples groups.
	Rows int
	// Right says for each run which of the rows it predicts right, C×R of Rows values, if the score is the share of these rows;
	// nil otherwise. A run without a score may be nil.
	Right [][]packed.Bits
	// Draws holds bootstrap values of the metric for each run, C×R×draws: draw d has the same rows for all runs. A draw
	// for which the metric is undefined is NaN. It is not read if Right is given. If both are nil, nothing can be tested.
	Draws [][][]float64
	// LowerIsBetter is true for losses. Share is true for metrics with values from 0 to 1.
	LowerIsBetter, Share bool
}

// check returns an error if the lengths do not agree.
func (r Runs) check() error {
	if len(r.Scores) == 0 || len(r.Scores[0]) == 0 {
		return fmt.Errorf("choice: there are %d candidates, want at least 1 with at least 1 repeat", len(r.Scores))
	}
	repeats := len(r.Scores[0])
	draws := -1
	for c, scores := range r.Scores {
		if len(scores) != repeats {
			return fmt.Errorf("choice: candidate %d has %d repeats, want %d", c, len(scores), repeats)
		}
		for i, score := range scores {
			var err error
			switch {
			case math.IsInf(score, 0):
				err = fmt.Errorf("its score is %v, want a number", score)
			case math.IsNaN(score):
			case r.Right != nil:
				err = r.checkRight(c, i)
			case r.Draws != nil:
				err = r.checkDraws(c, i, &draws)
			}
			if err != nil {
				return fmt.Errorf("choice: candidate %d, repeat %d: %w", c, i+1, err)
			}
		}
	}
	return nil
}

func (r Runs) checkRight(c, i int) error {
	if c >= len(r.Right) || i >= len(r.Right[c]) {
		return fmt.Errorf("it has no predictions")
	}
	right, want := r.Right[c][i], (r.Rows+63)/64
	if r.Rows < 1 || len(right) != want || r.Rows%64 > 0 && right[want-1]>>(r.Rows%64) != 0 {
		return fmt.Errorf("it has %d words of predictions, want %d for %d rows", len(right), want, r.Rows)
	}
	return nil
}

func (r Runs) checkDraws(c, i int, draws *int) error {
	if c >= len(r.Draws) || i >= len(r.Draws[c]) {
		return fmt.Errorf("it has no bootstrap values")
	}
	n := len(r.Draws[c][i])
	if *draws < 0 {
		*draws = n
	}
	if n != *draws || n < 2 {
		return fmt.Errorf("it has %d bootstrap values, want %d", n, max(*draws, 2))
	}
	if slices.ContainsFunc(r.Draws[c][i], func(x float64) bool { return math.IsInf(x, 0) }) {
		return fmt.Errorf("a bootstrap value is infinite")
	}
	return nil
}

// finished reports whether a run has a score.
func (r Runs) finished(candidate, repeat int) bool { return !math.IsNaN(r.Scores[candidate][repeat]) }

// shared appends the repeats in which both candidates have a score. They may be the same candidate.
func (r Runs) shared(a, b int, repeats []int) []int {
	for i := range r.Scores[a] {
		if r.finished(a, i) && r.finished(b, i) {
			repeats = append(repeats, i)
		}
	}
	return repeats
}
