package metric

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"mixmas/search/task"
)

// Bootstrap returns values of the named metric on rows that are drawn with replacement, as many as there are: runs × draws. Each
// draw has the same rows for all runs. If groups is not nil, it holds the group of each row, and whole groups are drawn
// instead, as many as there are. A value is NaN if the metric is undefined for the rows of a draw. The runs are outputs
// for the same rows; the labels of the first are read. The draws depend on the seed alone.
//
// It takes up to 64 MiB, and a few numbers per row and per class.
func Bootstrap(ctx context.Context, name string, runs []Outputs, groups []uint64, draws int, seed uint64) ([][]float64, error) {
	if len(runs) == 0 || draws < 1 {
		return nil, fmt.Errorf("metric: bootstrap with %d draws of %d runs", draws, len(runs))
	}
	s, err := NewScorer(ctx, name, runs[0])
	if err != nil {
		return nil, err
	}
	if groups != nil && len(groups) != s.rows {
		return nil, fmt.Errorf("metric: %d groups for %d rows", len(groups), s.rows)
	}
	for i, o := range runs {
		if o.Rows != s.rows || o.Classes != s.classes || o.Kind != s.kind {
			return nil, fmt.Errorf("metric: run %d has %d rows × %d classes, %v; the first has %d × %d, %v", i+1, o.Rows, o.Classes, o.Kind, s.rows, s.classes, s.kind)
		}
		if err := checkScores("logits", o.Logits, o.Rows, o.Classes); err != nil {
			return nil, fmt.Errorf("run %d: %w", i+1, err)
		}
	}
	b := &bootstrap{Scorer: s, seed: seed, groups: newGrouping(groups)}
	values := make([][]float64, len(runs))
	for i := range values {
		values[i] = make([]float64, draws)
	}
	size := max(1, min(mostWeights/s.rows, draws))
	for first := 0; first < draws; first += size {
		last := min(first+size, draws)
		weights, totals := b.weights(first, last)
		for i, o := range runs {
			if err := b.values(ctx, o, first, weights, totals, values[i][first:last]); err != nil {
				return nil, err
			}
		}
	}
	return values, nil
}

// mostWeights bounds the numbers of times that rows are drawn that are held at a time: 64 MiB, or one draw if it has more rows.
const mostWeights = 1 << 25

// bootstrap draws rows.
type bootstrap struct {
	*Scorer
	seed   uint64
	groups [][]uint32 // the rows of each group; nil if rows are drawn one by one
}

// newGrouping lists the rows of each group, in the order in which the groups occur.
func newGrouping(groups []uint64) [][]uint32 {
	if groups == nil {
		return nil
	}
	lists, places := [][]uint32{}, map[uint64]int{}
	for row, group := range groups {
		place, known := places[group]
		if !known {
			place = len(lists)
			places[group], lists = place, append(lists, nil)
		}
		lists[place] = append(lists[place], uint32(row))
	}
	return lists
}

// sample appends the rows of a draw to a list.
func (b *bootstrap) sample(draw int, rows []uint32) []uint32 {
	rng := rand.New(rand.NewPCG(b.seed, uint64(draw)))
	if b.groups == nil {
		for range b.rows {
			rows = append(rows, uint32(rng.IntN(b.rows)))
		}
		return rows
	}
	for range b.groups {
		rows = append(rows, b.groups[rng.IntN(len(b.groups))]...)
	}
	return rows
}

// weights are how often each row is in each of some draws, rows × draws, and the number of rows of each draw. None is near the
// largest number that fits.
func (b *bootstrap) weights(first, last int) (weights []uint16, totals []int) {
	draws := last - first
	weights = make([]uint16, b.rows*draws)
	var rows []uint32
	for i := range draws {
		rows = b.sample(first+i, rows[:0])
		for _, row := range rows {
			weights[int(row)*draws+i]++
		}
		totals = append(totals, len(rows))
	}
	return weights, totals
}

// values computes the metric of a run for some draws, from the first on.
func (b *bootstrap) values(ctx context.Context, o Outputs, first int, weights []uint16, totals []int, values []float64) error {
	e, err := b.evaluation(ctx, o.Logits, o.Thresholds)
	if err != nil {
		return err
	}
	reads := b.metric.Reads
	drawn := make([]Evaluation, len(values))
	for draw := range drawn {
		drawn[draw] = *e
		drawn[draw].Rows = totals[draw]
	}
	if reads == LossOnly || reads == Everything {
		if err := e.drawLosses(ctx, weights, drawn); err != nil {
			return err
		}
	}
	if reads != LossOnly {
		if err := e.drawCounts(ctx, weights, drawn); err != nil {
			return err
		}
	}
	if reads == Ranks || reads == Everything {
		if err := e.drawRanks(ctx, weights, drawn); err != nil {
			return err
		}
	}
	readsRows := reads == Predictions || reads == Everything
	return beside(ctx, 0, len(values), func(draw int) {
		if readsRows {
			drawn[draw].drawn = b.sample(first+draw, make([]uint32, 0, totals[draw]))
		}
		values[draw] = b.value(&drawn[draw])
		drawn[draw] = Evaluation{} // its rows are not needed any more
	})
}

// drawLosses computes the losses of draws.
func (e *Evaluation) drawLosses(ctx context.Context, weights []uint16, drawn []Evaluation) error {
	losses := make([]float64, e.Rows)
	err := beside(ctx, 0, e.Rows, func(row int) { losses[row] = e.rowLoss(row) })
	if err != nil {
		return err
	}
	for draw := range drawn {
		drawn[draw].Loss = 0
	}
	for row, loss := range losses {
		for draw, w := range weights[row*len(drawn):][:len(drawn)] {
			drawn[draw].Loss += float64(w) * loss
		}
	}
	for draw := range drawn {
		drawn[draw].Loss /= float64(drawn[draw].Rows)
	}
	return nil
}

// rowLoss is a row's share in the loss, which is the mean over the rows.
func (e *Evaluation) rowLoss(row int) float64 {
	logits := e.logits[row*e.Classes:][:e.Classes]
	if e.Kind == task.OneLabel {
		return math.Log(e.sum[row]) - (float64(logits[e.truth.At(row)]) - e.top[row])
	}
	sum := 0.0
	for class, v := range logits {
		z := float64(v)
		sum += max(z, 0) + math.Log1p(math.Exp(-math.Abs(z)))
		if e.Truth(row, class) {
			sum -= z
		}
	}
	return sum / float64(e.Classes)
}

// drawCounts computes the counts of draws: sums of weights per cell.
func (e *Evaluation) drawCounts(ctx context.Context, weights []uint16, drawn []Evaluation) error {
	const kinds = 3
	draws := len(drawn)
	sums, right := make([]uint32, e.Classes*kinds*draws), make([]uint32, draws)
	add := func(sums []uint32, row int) {
		for draw, w := range weights[row*draws:][:draws] {
			sums[draw] += uint32(w)
		}
	}
	var cells []cell
	for row := range e.Rows {
		if err := interrupted(ctx, row); err != nil {
			return err
		}
		cells = e.cells(row, cells[:0])
		if completelyRight(cells) {
			add(right, row)
		}
		for _, c := range cells {
			add(sums[(c.class()*kinds+c.kind())*draws:][:draws], row)
		}
	}
	for draw := range drawn {
		e := &drawn[draw]
		e.Right, e.Classwise = int(right[draw]), make([]Counts, e.Classes)
		for class := range e.Classwise {
			count := func(kind int) int { return int(sums[(class*kinds+kind)*draws+draw]) }
			e.Classwise[class] = Counts{count(truePositive), count(falsePositive), count(falseNegative)}
		}
		e.addUp()
	}
	return nil
}
