package strategy

import (
	"context"
	"fmt"
	"math"

	"mixmas/search/choice"
	"mixmas/search/cost"
	"mixmas/search/metric"
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
		point := "one point"
		if !metric.IsShare(s.Metric) {
			point = fmt.Sprint(choice.Point)
		}
		return fmt.Sprintf("needs %.0f%% of the operations of %s, which has the best score, and is within one standard error and %s of it",
			100*chosen.Cost/best.Cost, best.Label, point)
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
