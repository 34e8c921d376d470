package metric

import (
	"cmp"
	"context"
	"math"
	"slices"

	"mixmas/search/task"
)

// Thresholds returns thresholds, one per class, with which logits (rows × classes) have the best value of the metric on the rows
// that the search for them sees, see [Outputs]. They are nil if the metric does not depend on which classes are predicted, or if
// none are better than zeros, or for a metric that is OneSided. First one for all classes is fitted; then those of classes move away from it, the further the more
// rows have the class.
func (s *Scorer) Thresholds(ctx context.Context, logits []float32) ([]float64, error) {
	if s.metric.Reads == Ranks || s.metric.Reads == LossOnly || s.metric.OneSided && s.kind == task.MultiLabel || s.rows == 0 || s.classes == 1 && s.kind == task.OneLabel {
		return nil, nil
	}
	d, err := newDecision(ctx, s, logits)
	if err != nil {
		return nil, err
	}
	plain := s.value(d.e)
	if err := d.common(ctx); err != nil {
		return nil, err
	}
	if err := d.perClass(ctx); err != nil {
		return nil, err
	}
	fitted, err := s.Score(ctx, logits, d.e.thresholds)
	if err != nil || !s.Better(fitted, plain) {
		return nil, err
	}
	return d.e.thresholds, nil
}

// A class's own threshold counts as much as the common one when this many rows have the class. Measured on mdi_icons (24 labels,
// 282 rows): weighted F1 of an ensemble .729 with 0, .731 with 10, .734 with 30, .730 with 100, .728 with the common one alone.
const shrinkage = 30

// placesTried bounds the thresholds that are tried for a class at a time.
const placesTried = 256

// decision is an evaluation whose thresholds move: the counts follow the rows whose prediction changes.
type decision struct {
	s *Scorer
	e *Evaluation
	// wrong is the number of wrong labels per row, for multi-label data.
	wrong []int
}

func newDecision(ctx context.Context, s *Scorer, logits []float32) (*decision, error) {
	e, err := s.evaluation(ctx, logits, make([]float64, s.classes))
	if err != nil {
		return nil, err
	}
	d := &decision{s: s, e: e}
	if s.kind == task.MultiLabel {
		d.wrong = make([]int, s.rows)
		for row := range d.wrong {
			for class := range s.classes {
				if e.Truth(row, class) != e.Predicted(row, class) {
					d.wrong[row]++
				}
			}
		}
	}
	return d, nil
}

// others is what a row's class is compared with: the class that is predicted otherwise, the first of the best, and how much its logit
// is above its threshold. For multi-label data there is none, and 0.
func (d *decision) others(row, class int) (rival int, best float64) {
	if d.e.Kind == task.MultiLabel {
		return -1, 0
	}
	best = math.Inf(-1)
	for k, x := range d.e.logits[row*d.e.Classes:][:d.e.Classes] {
		if above := float64(x) - d.e.thresholds[k]; k != class && above > best {
			rival, best = k, above
		}
	}
	return rival, best
}

// predict changes whether a row is predicted to have a class: for a single label, instead of the rival.
func (d *decision) predict(row, class, rival int, has bool) {
	e := d.e
	if e.Kind == task.MultiLabel {
		d.add(class, e.Truth(row, class), has, 1)
		d.add(class, e.Truth(row, class), !has, -1)
		before := d.wrong[row]
		if e.Truth(row, class) == has {
			d.wrong[row]--
		} else {
			d.wrong[row]++
		}
		switch {
		case before == 0:
			e.Right--
		case d.wrong[row] == 0:
			e.Right++
		}
		return
	}
	from, to := rival, class
	if !has {
		from, to = class, rival
	}
	truth := int(e.truth.At(row))
	for _, move := range []struct{ class, by int }{{from, -1}, {to, 1}} {
		if move.class == truth {
			d.add(truth, true, true, move.by)
			d.add(truth, true, false, -move.by)
			e.Right += move.by
		} else {
			d.add(move.class, false, true, move.by)
		}
	}
	e.predicted[row] = uint32(to)
}

// add counts a row of a class.
func (d *decision) add(class int, truth, predicted bool, by int) {
	for _, c := range []*Counts{&d.e.Classwise[class], &d.e.Total} {
		switch {
		case truth && predicted:
			c.TruePositive += by
		case truth:
			c.FalseNegative += by
		case predicted:
			c.FalsePositive += by
		}
	}
}

// set sets one threshold, and moves the rows between the old one and the new.
func (d *decision) set(class int, threshold float64) {
	for row := range d.e.Rows {
		rival, best := d.others(row, class)
		above := float64(d.e.logits[row*d.e.Classes+class]) - threshold
		d.move(row, class, rival, above > best || above == best && class < rival)
	}
	d.e.thresholds[class] = threshold
}

func (d *decision) move(row, class, rival int, has bool) {
	now := false
	if d.e.Kind == task.OneLabel {
		now = d.e.predicted[row] == uint32(class)
	} else {
		now = float64(d.e.logits[row*d.e.Classes+class]) > d.e.thresholds[class]
	}
	if now != has {
		d.predict(row, class, rival, has)
	}
}

// common fits one number for all classes: a threshold for multi-label data, otherwise how much of the logarithm of the classes'
// shares is subtracted from their logits.
func (d *decision) common(ctx context.Context) error {
	direction := make([]float64, d.e.Classes)
	var places []float64
	if d.e.Kind == task.MultiLabel {
		for k := range direction {
			direction[k] = 1
		}
		places = quantiles(d.e.logits, placesTried)
	} else {
		for k, c := range d.e.Classwise {
			direction[k] = math.Log(float64(c.Support())+0.5) - math.Log(float64(d.e.Rows))
		}
		for i := range 31 {
			places = append(places, float64(i-5)/20)
		}
	}
	best, at := d.s.value(d.e), 0.0
	try := func(x float64) {
		for k, by := range direction {
			d.set(k, x*by)
		}
	}
	for _, x := range places {
		if err := ctx.Err(); err != nil {
			return err
		}
		try(x)
		if v := d.s.value(d.e); d.s.Better(v, best) {
			best, at = v, x
		}
	}
	try(at)
	return nil
}

// quantiles are up to n numbers between neighbours of different value.
func quantiles(values []float32, n int) []float64 {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	var places []float64
	step := max(1, float64(len(sorted))/float64(n))
	for x := step; int(x) < len(sorted); x += step {
		if low, high := sorted[int(x)-1], sorted[int(x)]; low < high {
			places = append(places, (float64(low)+float64(high))/2)
		}
	}
	return places
}

// perClass moves each class's threshold from the common one towards the one that is best for it.
func (d *decision) perClass(ctx context.Context) error {
	type place struct {
		margin     float64 // the class is predicted when its threshold is below
		row, rival int
	}
	rows := make([]place, d.e.Rows)
	for class := range d.e.Classes {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := d.e.thresholds[class]
		before := d.s.value(d.e)
		for row := range rows {
			rival, best := d.others(row, class)
			rows[row] = place{float64(d.e.logits[row*d.e.Classes+class]) - best, row, rival}
		}
		slices.SortFunc(rows, func(a, b place) int { return cmp.Or(cmp.Compare(b.margin, a.margin), cmp.Compare(a.row, b.row)) })
		d.set(class, rows[0].margin) // none is predicted
		best, at := before, start
		step := max(1, len(rows)/placesTried)
		last := rows[len(rows)-1].margin
		for i := 0; rows[i].margin > last; i++ {
			d.predict(rows[i].row, class, rows[i].rival, true)
			if i%step != 0 || rows[i].margin == rows[i+1].margin {
				continue
			}
			middle := (rows[i].margin + rows[i+1].margin) / 2
			d.e.thresholds[class] = middle
			if v := d.s.value(d.e); d.s.Better(v, best) || v == best && math.Abs(middle-start) < math.Abs(at-start) {
				best, at = v, middle
			}
		}
		d.e.thresholds[class] = last // so the counts are now
		support := float64(d.e.Classwise[class].Support())
		d.set(class, start+(at-start)*support/(support+shrinkage))
	}
	return nil
}
