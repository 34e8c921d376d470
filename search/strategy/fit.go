package strategy

import (
	"container/heap"
	"context"
	"fmt"
	"math"
	"slices"
)

// mostCombinations limits the combinations of encoders that are looked at for one that fits.
const mostCombinations = 1000

// fit returns the encoders and the first network with which a whole model may be tried: the winners of the stages, or if these
// together break a constraint, the candidates that together lose least by the metric. It makes them the winners. If nothing
// fits, the winners stay, and the next stage says what is wrong.
func (s *Space) fit(ctx context.Context, o Observer, encoders []*Stage, functions []Function) (chosen map[string]Candidate, first Candidate, err error) {
	choices := func(at []int) map[string]Candidate {
		c := map[string]Candidate{}
		for i, m := range s.Modalities {
			label := encoders[i].Candidates[at[i]].Label
			c[m.Name] = m.Encoders[slices.IndexFunc(m.Encoders, func(c Candidate) bool { return c.Label == label })]
		}
		return c
	}
	winners := make([]int, len(encoders))
	for i, stage := range encoders {
		winners[i] = slices.Index(stage.Candidates, stage.Winner)
	}
	if s.LeaveOut == nil {
		return choices(winners), s.Networks[0], nil
	}
	broken := ""
	queue := &combos{{at: winners}}
	for seen := map[string]bool{}; queue.Len() > 0 && len(seen) < mostCombinations; {
		at := heap.Pop(queue).(combo).at
		if key := fmt.Sprint(at); seen[key] {
			continue
		} else {
			seen[key] = true
		}
		for _, network := range s.Networks {
			for _, function := range functions {
				reason, err := s.leftOut(ctx, s.Model(Choices{choices(at), function, network}))
				if err != nil {
					return nil, first, err
				}
				if reason == "" {
					for i, stage := range encoders {
						if at[i] != winners[i] {
							stage.win(at[i], fmt.Sprintf("the best that fits: with %s the whole model %s", stage.Winner.Label, broken))
							o.StageDone(stage.done())
						}
					}
					return choices(at), network, nil
				}
				if broken == "" {
					broken = reason
				}
			}
		}
		for i, stage := range encoders { // the next best of each modality
			next := slices.Clone(at)
			if next[i] = stage.after(next[i], winners[i]); next[i] >= 0 {
				heap.Push(queue, combo{next, s.loss(encoders, next)})
			}
		}
	}
	return choices(winners), s.Networks[0], nil
}

// after returns the next candidate with a score in the order of rank, after the winner comes the best of the others; -1 if there
// is none.
func (s *Stage) after(candidate, winner int) int {
	next := candidate + 1
	if candidate == winner {
		next = 0
	}
	if next == winner {
		next++
	}
	if next < len(s.Candidates) && !math.IsNaN(s.Candidates[next].Score) {
		return next
	}
	return -1
}

// loss is by how much the scores of candidates are below the best of their stages, together.
func (s *Space) loss(encoders []*Stage, at []int) (sum float64) {
	for i, stage := range encoders {
		sum += math.Abs(stage.Candidates[0].Score - stage.Candidates[at[i]].Score)
	}
	return sum
}

// combo is a candidate of each stage, by its index, with what the scores lose.
type combo struct {
	at   []int
	loss float64
}

// combos is a heap of combos, the one that loses least first.
type combos []combo

func (c combos) Len() int           { return len(c) }
func (c combos) Less(i, j int) bool { return c[i].loss < c[j].loss }
func (c combos) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *combos) Push(x any)        { *c = append(*c, x.(combo)) }

func (c *combos) Pop() any {
	last := len(*c) - 1
	x := (*c)[last]
	*c = (*c)[:last]
	return x
}
