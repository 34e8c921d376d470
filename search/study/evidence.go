package study

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/combin"

	"mixmas/search/choice"
	"mixmas/search/packed"
)

// Evidence is what the recorded trainings of a stage say about choosing. The best candidate is the one with the best mean accuracy
// on the test rows over all trainings, and the regret of a choice is how far its mean is below that. Figures that a recording
// does not give are NaN.
type Evidence struct {
	Stage string
	// Candidates and Trainings of each.
	Candidates, Trainings int
	// Spread is the difference between the best and the worst candidate.
	Spread float64
	// Chance is the share of choices that are the best if one is drawn.
	Chance float64
	// Best is what the best mean on the validation rows chooses, by number of repeats, see [Repeats].
	Best [3]Choice
	// Close is the cheapest within a standard error and a point of it with three repeats, Tied the cheapest that ties with it.
	Close, Tied Choice
	// BestEpoch is how much better than the last epoch the best one is, which is found on one half of the validation rows and
	// scored on the other; Optimism is how much better it looks on the half where it was found.
	BestEpoch, Optimism float64
	// Different is the share of pairs of trainings of one candidate on one sample that McNemar's test at 5% calls different.
	Different float64
}

// Choice is how a way to choose does on average.
type Choice struct {
	// Right is the share of choices that are the best candidate, Regret their regret, Cost their cost by that of the leader.
	Right, Regret, Cost float64
}

// Repeats are the numbers of repeats of [Evidence.Best].
var Repeats = [3]int{1, 3, 5}

// Evidence collects what each stage says.
func (r *Recording) Evidence(ctx context.Context, layout Layout) ([]Evidence, error) {
	stages, err := r.Stages(layout)
	if err != nil {
		return nil, err
	}
	var list []Evidence
	for _, s := range stages {
		e, err := r.evidence(ctx, s)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func (r *Recording) evidence(ctx context.Context, s Stage) (Evidence, error) {
	e := Evidence{Stage: s.Name, Candidates: len(s.Candidates), Trainings: len(s.Keys), Chance: 1 / float64(len(s.Candidates))}
	truth := s.truth(r.Test)
	e.Spread = slices.Max(truth) - slices.Min(truth)
	for i, repeats := range Repeats {
		var best, near, tied tally
		for _, keys := range s.subsets(repeats) {
			if err := ctx.Err(); err != nil {
				return e, err
			}
			standing, err := choice.Compare(s.lastEpoch(keys, r.Validation))
			if err != nil {
				return e, err
			}
			cost := s.cost()
			leader := standing.Leader
			best.add(truth, cost, leader, leader)
			if repeats == 3 {
				near.add(truth, cost, leader, standing.Close(cost))
				tied.add(truth, cost, leader, cheapest(cost, standing.Ties, leader))
			}
		}
		e.Best[i] = best.mean()
		if repeats == 3 {
			e.Close, e.Tied = near.mean(), tied.mean()
		}
	}
	e.BestEpoch, e.Optimism = s.epochs(r.Validation)
	e.Different = s.different()
	return e, nil
}

// truth are the candidates' mean accuracies on the test rows.
func (s Stage) truth(rows int) []float64 {
	truth := make([]float64, len(s.Runs))
	for c, runs := range s.Runs {
		right := 0
		for _, run := range runs {
			right += run.Test.Count()
		}
		truth[c] = float64(right) / float64(rows*len(runs))
	}
	return truth
}

// cost are the candidates' costs.
func (s Stage) cost() []float64 {
	cost := make([]float64, len(s.Runs))
	for c, runs := range s.Runs {
		cost[c] = runs[0].FLOPs
	}
	return cost
}

// mostSubsets bounds the sets of repeats that are looked at per draw; of more, some are drawn.
const mostSubsets = 500

// subsets are the sets of so many repeats of one draw, as places in the stage's keys.
func (s Stage) subsets(repeats int) (list [][]int) {
	byDraw := map[int][]int{}
	var draws []int
	for i, key := range s.Keys {
		if byDraw[key.Draw] == nil {
			draws = append(draws, key.Draw)
		}
		byDraw[key.Draw] = append(byDraw[key.Draw], i)
	}
	pick := func(places, of []int) []int {
		keys := make([]int, len(places))
		for i, place := range places {
			keys[i] = of[place]
		}
		return keys
	}
	for _, draw := range draws {
		keys := byDraw[draw]
		switch {
		case len(keys) < repeats:
		case combin.GeneralizedBinomial(float64(len(keys)), float64(repeats)) <= mostSubsets+0.5:
			for _, places := range combin.Combinations(len(keys), repeats) {
				list = append(list, pick(places, keys))
			}
		default:
			rng := rand.New(rand.NewPCG(1, uint64(draw)))
			for range mostSubsets {
				list = append(list, pick(rng.Perm(len(keys))[:repeats], keys))
			}
		}
	}
	return list
}

// lastEpoch are the runs with some keys, by their validation rows after the last epoch.
func (s Stage) lastEpoch(keys []int, rows int) choice.Runs {
	runs := choice.Runs{Rows: rows}
	for _, all := range s.Runs {
		var right []packed.Bits
		var scores []float64
		for _, key := range keys {
			bits := all[key].Last()
			right, scores = append(right, bits), append(scores, float64(bits.Count())/float64(rows))
		}
		runs.Right, runs.Scores = append(runs.Right, right), append(runs.Scores, scores)
	}
	return runs
}

// cheapest is the cheapest of some candidates, the leader if none is cheaper.
func cheapest(cost []float64, of []bool, leader int) int {
	best := leader
	for c, x := range cost {
		if of[c] && x < cost[best] {
			best = c
		}
	}
	return best
}

// tally sums up choices.
type tally struct{ n, right, regret, cost float64 }

func (t *tally) add(truth, cost []float64, leader, chosen int) {
	best := slices.Max(truth)
	t.n++
	if truth[chosen] == best {
		t.right++
	}
	t.regret += best - truth[chosen]
	t.cost += cost[chosen] / cost[leader]
}

// mean is NaN without choices.
func (t *tally) mean() Choice { return Choice{t.right / t.n, t.regret / t.n, t.cost / t.n} }

// epochs finds the best epoch on every other validation row, and scores it on the rest, and the other way round.
func (s Stage) epochs(rows int) (gain, optimism float64) {
	halves := [2]packed.Bits{packed.NewBits(rows), packed.NewBits(rows)}
	for row := range rows {
		halves[row%2].Set(row)
	}
	share := func(right packed.Bits, half int) float64 {
		return float64(right.CountBoth(halves[half])) / float64(halves[half].Count())
	}
	n := 0.0
	for _, runs := range s.Runs {
		for _, run := range runs {
			for half := range 2 {
				best, at := math.Inf(-1), 0
				for epoch, right := range run.Right {
					if x := share(right, half); x > best {
						best, at = x, epoch
					}
				}
				honest := share(run.Right[at], 1-half)
				gain += honest - share(run.Last(), 1-half)
				optimism += best - honest
				n++
			}
		}
	}
	return gain / n, optimism / n
}

// different is the share of pairs of repeats on one draw that McNemar's test at 5% calls different.
func (s Stage) different() float64 {
	const critical = 3.841459 // chi-squared with one degree of freedom
	different, pairs := 0.0, 0.0
	for _, runs := range s.Runs {
		for i, a := range s.Keys {
			for j, b := range s.Keys[:i] {
				if a.Draw != b.Draw {
					continue
				}
				x, y := runs[i].Last(), runs[j].Last()
				n, m, both := x.Count(), y.Count(), x.CountBoth(y)
				discordant, difference := float64(n+m-2*both), float64(n-m)
				pairs++
				if difference*difference > critical*discordant {
					different++
				}
			}
		}
	}
	return different / pairs
}
