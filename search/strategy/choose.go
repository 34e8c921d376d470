package strategy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"mixmas/search/choice"
	"mixmas/search/cost"
	"mixmas/search/dataset"
	"mixmas/search/evaluate"
	"mixmas/search/metric"
	"mixmas/search/packed"
	"mixmas/search/store"
	"mixmas/search/trial"
)

// choose compares the ranked candidates of a stage and chooses one.
func (s *Space) choose(ctx context.Context, e Evaluator, stage *Stage) (err error) {
	if stage.Standing, err = s.compare(ctx, e, stage); err != nil {
		return fmt.Errorf("stage %s: %w", stage.Name, err)
	}
	for i, t := range stage.Candidates {
		t.Low, t.High, t.Tie = stage.Standing.Low[i], stage.Standing.High[i], stage.Standing.Ties[i]
	}
	best := 0
	if s.CheapestClose {
		best = stage.Standing.Close(costs(stage.Candidates))
	}
	stage.win(best, s.reason(stage.Candidates, best))
	return nil
}

// win makes a candidate the winner.
func (s *Stage) win(candidate int, reason string) {
	s.Winner, s.Reason = s.Candidates[candidate], reason
	s.Standing.Choose(candidate)
}

// costs sets the costs of ranked candidates, and returns those that count: NaN if unknown, and that of the best if they differ
// from it by less than a hundredth, which is no reason for a worse score.
func costs(ranked []*Tried) []float64 {
	list := make([]float64, len(ranked))
	for i, t := range ranked {
		list[i] = math.NaN()
		if c, err := cost.Of(t.First().Job.Specification.Model); err == nil {
			t.Cost = float64(c.FLOPs)
			list[i] = t.Cost
		}
		if math.Abs(list[i]-list[0]) < 0.01*list[0] {
			list[i] = list[0]
		}
	}
	return list
}

// reason says in one line why a candidate won.
func (s *Space) reason(ranked []*Tried, winner int) string {
	if len(ranked) == 1 {
		return "the only candidate"
	}
	best, second := ranked[0], ranked[1]
	if chosen := ranked[winner]; winner != 0 {
		return fmt.Sprintf("needs %.0f%% of the operations of %s, which has the best score, and is within one standard error and one point of it",
			100*chosen.Cost/best.Cost, best.Label)
	}
	mean := ""
	if len(best.Repeats) > 1 {
		mean = "mean "
	}
	text := fmt.Sprintf("the best %s%s of %d candidates", mean, s.Metric, len(ranked))
	switch {
	case second.standing(s.Metric) != defined || best.Score != second.Score:
		return text
	case best.Parameters() < second.Parameters():
		return text + ", and fewer parameters than " + second.Label
	}
	return text + ", and first by name before " + second.Label
}

// draws is the number of draws of rows from which intervals and tests of other metrics than accuracy follow.
const draws = 200

// compare applies the rule of package choice to the ranked candidates of a stage.
func (s *Space) compare(ctx context.Context, e Evaluator, stage *Stage) (*choice.Standing, error) {
	first := stage.Candidates[0].Counted(s.Metric)[0]
	runs := choice.Runs{Rows: first.Job.Specification.ScoringRows(), LowerIsBetter: !metric.Better(s.Metric, 1, 0), Share: metric.IsShare(s.Metric)}
	repeats := 0
	for _, t := range stage.Candidates {
		repeats = max(repeats, len(t.Repeats))
	}
	for _, t := range stage.Candidates {
		scores := make([]float64, repeats)
		for r := range scores {
			scores[r] = math.NaN()
			if r < len(t.Repeats) && standing(s.Metric, t.Repeats[r]) == defined {
				scores[r] = t.Repeats[r].Score.Metrics[s.Metric]
			}
		}
		runs.Scores = append(runs.Scores, scores)
	}
	groups := s.groups(first.Job)
	share := s.Metric == "accuracy" && groups == nil
	if share && repeats == 1 && !s.CheapestClose { // the score and the number of rows say all
		standing, err := choice.Compare(runs)
		if err != nil {
			return nil, err
		}
		for i, mean := range standing.Mean {
			if !math.IsNaN(mean) {
				standing.Low[i], standing.High[i] = choice.Wilson(mean, runs.Rows)
			}
		}
		return standing, nil
	}
	if share {
		runs.Right = make([][]packed.Bits, len(runs.Scores))
	} else {
		runs.Draws = make([][][]float64, len(runs.Scores))
	}
	for c, t := range stage.Candidates {
		if share {
			runs.Right[c] = make([]packed.Bits, repeats)
		} else {
			runs.Draws[c] = make([][]float64, repeats)
		}
		for r, o := range t.Repeats {
			if standing(s.Metric, o) != defined {
				continue
			}
			outputs, err := s.outputs(ctx, e, o)
			lost := errors.Is(err, evaluate.ErrUntrained) || errors.Is(err, store.ErrPruned) || errors.Is(err, store.ErrDamaged)
			switch {
			case err == nil && outputs.Logits == nil, lost && !s.CheapestClose: // the choice does not depend on them
				runs.Right, runs.Draws = nil, nil
				return choice.Compare(runs)
			case err != nil:
				return nil, err
			case share:
				runs.Right[c][r], err = metric.RowsRight(ctx, outputs)
			default:
				var values [][]float64
				if values, err = metric.Bootstrap(ctx, s.Metric, []metric.Outputs{outputs}, groups, draws, s.Specification.Seed); err == nil {
					runs.Draws[c][r] = values[0]
				}
			}
			if err != nil {
				return nil, err
			}
		}
	}
	if groups != nil {
		runs.Rows = distinct(groups)
	}
	return choice.Compare(runs)
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
