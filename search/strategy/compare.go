package strategy

import (
	"context"
	"errors"
	"math"
	"slices"

	"mixmas/search/choice"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/packed"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// Draws of rows, from which intervals and tests of other metrics than accuracy follow. If they are only shown, there are fewer
// of many rows: more would take longer than trainings.
const (
	draws       = 200
	fewestDraws = 30
	shownRows   = 10_000_000 // in all draws of a run
)

// comparison is what the ranked candidates of a stage are compared by.
type comparison struct {
	*Space
	stage   *Stage
	runs    choice.Runs
	repeats int
	groups  []uint64 // of the rows that score; nil for none
	// share means that the score is the share of rows that are right; shown that nothing is chosen or tested by the rows, so that
	// they only give intervals.
	share, shown bool
}

// compare applies the rule of package choice to the ranked candidates of a stage.
func (s *Space) compare(ctx context.Context, e Evaluator, stage *Stage) (*choice.Standing, error) {
	job := stage.Candidates[0].Counted(s.Metric)[0].Job
	c := &comparison{Space: s, stage: stage, groups: s.groups(job)}
	c.runs = choice.Runs{Rows: job.Specification.ScoringRows(), LowerIsBetter: metric.LowerIsBetter(s.Metric), Share: metric.IsShare(s.Metric)}
	c.scores()
	c.share = s.Metric == "accuracy" && c.groups == nil
	c.shown = c.repeats == 1 && (!s.CheapestClose || len(stage.Candidates) == 1)
	if c.share && c.shown {
		return c.wilson()
	}
	known, err := c.rows(ctx, e)
	if err != nil {
		return nil, err
	}
	if !known {
		c.runs.Right, c.runs.Draws = nil, nil
	}
	if c.groups != nil {
		c.runs.Rows = distinct(c.groups)
	}
	return choice.Compare(c.runs)
}

// scores fills in the scores of all repeats.
func (c *comparison) scores() {
	for _, t := range c.stage.Candidates {
		c.repeats = max(c.repeats, len(t.Repeats))
	}
	for _, t := range c.stage.Candidates {
		scores := slices.Repeat([]float64{math.NaN()}, c.repeats)
		for r, o := range t.Repeats {
			if standing(c.Metric, o) == defined {
				scores[r] = o.Score.Metrics[c.Metric]
			}
		}
		c.runs.Scores = append(c.runs.Scores, scores)
	}
}

// wilson compares single runs, of which the accuracy and the number of rows say all that is shown.
func (c *comparison) wilson() (*choice.Standing, error) {
	s, err := choice.Compare(c.runs)
	if err != nil {
		return nil, err
	}
	for i, mean := range s.Mean {
		if !math.IsNaN(mean) {
			s.Low[i], s.High[i] = choice.Wilson(mean, c.runs.Rows)
		}
	}
	return s, nil
}

// rows fills in what each run says of each row. It returns false if there are no outputs: the scores are made up, or the outputs
// were lost and no choice depends on them.
func (c *comparison) rows(ctx context.Context, e Evaluator) (known bool, err error) {
	c.runs.Right, c.runs.Draws = nil, make([][][]float64, len(c.runs.Scores))
	if c.share {
		c.runs.Right, c.runs.Draws = make([][]packed.Bits, len(c.runs.Scores)), nil
	}
	for i, t := range c.stage.Candidates {
		if c.share {
			c.runs.Right[i] = make([]packed.Bits, c.repeats)
		} else {
			c.runs.Draws[i] = make([][]float64, c.repeats)
		}
		for r, o := range t.Repeats {
			if standing(c.Metric, o) != defined {
				continue
			}
			outputs, err := c.outputs(ctx, e, o)
			if lost(err) && (c.shown || !c.CheapestClose) || err == nil && outputs.Logits == nil {
				return false, nil
			}
			if err == nil {
				err = c.run(ctx, i, r, outputs)
			}
			if err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// run fills in what a run says of each row.
func (c *comparison) run(ctx context.Context, candidate, repeat int, o metric.Outputs) (err error) {
	if c.share {
		c.runs.Right[candidate][repeat], err = metric.RowsRight(ctx, o)
		return err
	}
	count := draws
	if c.shown {
		count = max(fewestDraws, min(draws, shownRows/max(o.Rows, 1)))
	}
	values, err := metric.Bootstrap(ctx, c.Metric, []metric.Outputs{o}, c.groups, count, c.Specification.Seed)
	if err != nil {
		return err
	}
	c.runs.Draws[candidate][repeat] = values[0]
	return nil
}

// lost reports whether outputs cannot be read, or made again.
func lost(err error) bool {
	return errors.Is(err, evaluate.ErrUntrained) || errors.Is(err, store.ErrPruned) || errors.Is(err, store.ErrDamaged)
}

// outputs returns the logits of an outcome with the labels of the rows that score it; nothing if its score is made up.
func (s *Space) outputs(ctx context.Context, e Evaluator, o *evaluate.Outcome) (metric.Outputs, error) {
	logits, err := e.Outputs(ctx, o)
	if err != nil || logits == nil {
		return metric.Outputs{}, err
	}
	rows, err := trial.Scoring(s.Data, o.Job, nil)
	if err != nil {
		return metric.Outputs{}, err
	}
	return metric.Outputs{Logits: logits, Rows: rows.Len(), Classes: len(s.Data.Task().Classes), Kind: s.Data.Task().Kind, Label: rows.Label}, nil
}

// groups returns the groups of the rows that score a job, in the order of its outputs; nil if the data have none.
func (s *Space) groups(job trial.Job) []uint64 {
	groups := dataset.Groups(s.Data, dataset.Validation, job.Validation)
	if groups != nil && len(job.Unused) > 0 {
		groups = slices.Concat(groups, dataset.Groups(s.Data, dataset.Train, job.Unused))
	}
	return groups
}

func distinct(groups []uint64) int {
	seen := map[uint64]bool{}
	for _, g := range groups {
		seen[g] = true
	}
	return len(seen)
}
