package metric

import (
	"cmp"
	"context"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// drawRanks computes the AUROC of every class for draws, as [Evaluation.rank] does. Scores are sorted once per class.
func (e *Evaluation) drawRanks(ctx context.Context, weights []uint16, drawn []Evaluation) error {
	for draw := range drawn {
		drawn[draw].AUROC = make([]float64, e.Classes)
	}
	workers := min(runtime.GOMAXPROCS(0), e.Classes)
	var group errgroup.Group
	for w := range workers {
		group.Go(func() error {
			r := newRanking(e.Rows, len(drawn))
			for class := w; class < e.Classes; class += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				r.class(e, class, weights)
				for draw := range drawn {
					drawn[draw].AUROC[class] = r.area(draw)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// ranking ranks one class after another in several draws.
type ranking struct {
	order []ranked
	// per draw: the weights of the negatives below, of all positives, of the positives and negatives that tie, and twice the pairs
	// in the right order with those that tie once
	below, positives, tiedPositives, tiedNegatives, halves []uint64
}

type ranked struct {
	score    uint64
	row      uint32
	positive bool
}

func newRanking(rows, draws int) *ranking {
	list := func() []uint64 { return make([]uint64, draws) }
	return &ranking{make([]ranked, rows), list(), list(), list(), list(), list()}
}

// area is the class's AUROC in a draw, NaN for only positives or only negatives.
func (r *ranking) area(draw int) float64 {
	return float64(r.halves[draw]) / (2 * float64(r.positives[draw]) * float64(r.below[draw]))
}

// class ranks a class. weights are rows × draws.
func (r *ranking) class(e *Evaluation, class int, weights []uint16) {
	for row := range r.order {
		r.order[row] = ranked{ordered(e.Score(row, class)), uint32(row), e.Truth(row, class)}
	}
	slices.SortFunc(r.order, func(a, b ranked) int { return cmp.Compare(a.score, b.score) })
	for _, list := range [][]uint64{r.below, r.positives, r.halves} {
		clear(list)
	}
	for start := 0; start < len(r.order); {
		end := start + 1
		for end < len(r.order) && r.order[end].score == r.order[start].score {
			end++
		}
		if end == start+1 {
			r.one(r.order[start], weights)
		} else {
			r.tied(r.order[start:end], weights)
		}
		start = end
	}
}

// one adds a row whose score no other has.
func (r *ranking) one(row ranked, weights []uint16) {
	draws := len(r.below)
	weights = weights[int(row.row)*draws:][:draws]
	below := r.below[:len(weights)]
	if !row.positive {
		for draw, w := range weights {
			below[draw] += uint64(w)
		}
		return
	}
	positives, halves := r.positives[:len(weights)], r.halves[:len(weights)]
	for draw, w := range weights {
		positives[draw] += uint64(w)
		halves[draw] += 2 * uint64(w) * below[draw]
	}
}

// tied adds rows with the same score.
func (r *ranking) tied(rows []ranked, weights []uint16) {
	draws := len(r.below)
	clear(r.tiedPositives)
	clear(r.tiedNegatives)
	for _, row := range rows {
		sum := r.tiedNegatives
		if row.positive {
			sum = r.tiedPositives
		}
		for draw, w := range weights[int(row.row)*draws:][:draws] {
			sum[draw] += uint64(w)
		}
	}
	for draw, positives := range r.tiedPositives {
		negatives := r.tiedNegatives[draw]
		r.halves[draw] += positives * (2*r.below[draw] + negatives)
		r.positives[draw] += positives
		r.below[draw] += negatives
	}
}
