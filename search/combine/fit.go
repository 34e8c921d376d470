package combine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"mixmas/search/metric"
)

// fitter fits ensembles to some rows of a pool.
type fitter struct {
	pool Pool
	// scorer and loss are the metric and the log loss of the rows.
	scorer, loss *metric.Scorer
	rows         []int
	// temperatures are those of the models on the rows.
	temperatures []float64
	options      Options
	last         *greed
}

func newFitter(ctx context.Context, p Pool, all *metric.Scorer, rows []int, o Options) (*fitter, error) {
	f := &fitter{pool: p, scorer: all.Of(rows), loss: all.By("loss").Of(rows), rows: rows, options: o, temperatures: make([]float64, len(p.Logits))}
	for i, logits := range p.Logits {
		f.temperatures[i] = fitTemperature(ctx, p.Kind, p.Classes, f.scorer.Truth, logits, rows)
	}
	return f, ctx.Err()
}

// weigh returns the ensemble of models by their weights, without those of weight 0. Members are at their temperatures; a single
// one stays as it is, at temperature 1.
func (f *fitter) weigh(ctx context.Context, mean Mean, weights []float64) (*Ensemble, error) {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	e := &Ensemble{Mean: mean, Score: undefined, Honest: undefined}
	for i, w := range weights {
		if w > 0 {
			e.Members, e.Weights, e.Temperatures = append(e.Members, i), append(e.Weights, w/total), append(e.Temperatures, f.temperatures[i])
		}
	}
	if len(e.Members) == 1 {
		e.Temperatures[0] = 1
	}
	return e, f.finish(ctx, e)
}

// finish fits what comes after the combination: thresholds, and how sure a product of experts is, which is a factor of all
// temperatures.
func (f *fitter) finish(ctx context.Context, e *Ensemble) error {
	p := f.pool
	if len(e.Members) > 1 && e.Mean == LogProbabilities {
		logits, every := f.logits(e, f.rows), make([]int, len(f.rows))
		for i := range every {
			every[i] = i
		}
		t := fitTemperature(ctx, p.Kind, p.Classes, f.scorer.Truth, logits, every)
		for i := range e.Temperatures {
			e.Temperatures[i] *= t
		}
	}
	if !f.options.Thresholds {
		return ctx.Err()
	}
	var err error
	e.Thresholds, err = thresholds(ctx, f.scorer, f.logits(e, f.rows), p.Classes, f.groups())
	return err
}

// logits combines the pool's logits of some rows.
func (f *fitter) logits(e *Ensemble, rows []int) []float32 {
	sum := NewSum(f.pool.Kind, f.pool.Classes, len(rows), e.Mean)
	for i, m := range e.Parts() {
		sum.Add(m, Rows(f.pool.Logits[e.Members[i]], f.pool.Classes, rows))
	}
	return sum.Logits()
}

// single is the best single model: by the metric, or where thresholds are fitted, by the metric with those of the other half, among
// the few that are best by the metric and by the log loss.
func single(ctx context.Context, f *fitter) (*Ensemble, error) {
	models := allModels(f.pool)
	if f.options.Thresholds {
		models = nil
		for _, s := range []*metric.Scorer{f.scorer, f.loss} {
			ranked, err := f.ranked(ctx, s)
			if err != nil {
				return nil, err
			}
			models = append(models, ranked[:min(2, len(ranked))]...)
		}
	}
	best, value := models[0], undefined
	for _, i := range models {
		z := Rows(f.pool.Logits[i], f.pool.Classes, f.rows)
		v, err := f.scorer.Score(ctx, z, nil)
		if err == nil && f.options.Thresholds {
			v, err = crossed(ctx, f.scorer, z, f.pool.Classes, f.groups(), 0)
		}
		if err != nil {
			return nil, err
		}
		if f.scorer.Better(v, value) {
			best, value = i, v
		}
	}
	weights := make([]float64, len(f.pool.Logits))
	weights[best] = 1
	return f.weigh(ctx, LogProbabilities, weights)
}

// ranked returns the models at their temperatures, the best first.
func (f *fitter) ranked(ctx context.Context, s *metric.Scorer) ([]int, error) {
	values := make([]float64, len(f.pool.Logits))
	for i, logits := range f.pool.Logits {
		z := Rows(logits, f.pool.Classes, f.rows)
		for k := range z {
			z[k] = finite(float64(z[k]) / f.temperatures[i])
		}
		var err error
		if values[i], err = s.Score(ctx, z, nil); err != nil {
			return nil, err
		}
	}
	order := allModels(f.pool)
	slices.SortStableFunc(order, func(a, b int) int { return metric.Compare(s.Metric().Name, values[a], values[b]) })
	return order, nil
}

// groups are the groups of the fitter's rows.
func (f *fitter) groups() []uint64 {
	if f.pool.Groups == nil {
		return nil
	}
	groups := make([]uint64, len(f.rows))
	for i, row := range f.rows {
		groups[i] = f.pool.Groups[row]
	}
	return groups
}

// fuse returns the method that fuses given models with equal weights: if there are more than so many, those that are missed most.
// 0 keeps them all.
func fuse(members []int, most int) method {
	return func(ctx context.Context, f *fitter) (*Ensemble, error) {
		kept := members
		if most > 0 && len(members) > most {
			var err error
			if kept, err = f.missed(ctx, members, most); err != nil {
				return nil, err
			}
		}
		weights := make([]float64, len(f.pool.Logits))
		for _, m := range kept {
			weights[m] = 1
		}
		return f.weigh(ctx, LogProbabilities, weights)
	}
}

// missed returns so many of the models: from all, half of those that are too many go at a time, those without which the log loss of
// the others' mean is least.
func (f *fitter) missed(ctx context.Context, models []int, most int) ([]int, error) {
	g := f.greed(LogProbabilities)
	g.scorer = f.loss
	kept := slices.Compact(slices.Sorted(slices.Values(models)))
	for len(kept) > most {
		sum := make([]float32, len(g.out))
		for _, m := range kept {
			for i, x := range g.terms[m] {
				sum[i] += x
			}
		}
		without := map[int]float64{}
		for _, m := range kept {
			var err error
			if without[m], err = g.score(ctx, sum, g.terms[m], -1, len(kept)-1); err != nil {
				return nil, err
			}
		}
		order := slices.Clone(kept)
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(without[b], without[a]) })
		kept = slices.Sorted(slices.Values(order[:len(order)-(len(kept)-most+1)/2]))
	}
	return kept, nil
}

// crossFit predicts each half of the rows by what a method fits to the other half: the logits, and if the fitters fit thresholds, the
// logits less these; otherwise nil.
func crossFit(ctx context.Context, fitters [2]*fitter, m method) (both [2][]float32, err error) {
	p := fitters[0].pool
	both[0] = make([]float32, p.Rows*p.Classes)
	if fitters[0].options.Thresholds {
		both[1] = make([]float32, p.Rows*p.Classes)
	}
	for i, f := range fitters {
		e, err := m(ctx, f)
		if err != nil {
			return both, err
		}
		others := fitters[1-i].rows
		logits := f.logits(e, others)
		for j, row := range others {
			own, at := logits[j*p.Classes:][:p.Classes], row*p.Classes
			copy(both[0][at:], own)
			if both[1] != nil {
				subtract(both[1][at:][:p.Classes], own, e.Thresholds)
			}
		}
	}
	return both, nil
}

// plainly returns the same fitters without thresholds.
func plainly(fitters [2]*fitter) (plain [2]*fitter) {
	for i, f := range fitters {
		copied := *f
		copied.options.Thresholds = false
		plain[i] = &copied
	}
	return plain
}

// LateFusion combines the given members by the mean of their log-probabilities, each at the temperature that has the least log
// loss on all rows, with thresholds if o wants them and they help. crossFitted are the combined logits (rows × classes), less the
// thresholds, with what was fitted to the other half of the rows: Honest is their metric, and so may other metrics be computed.
func LateFusion(ctx context.Context, p Pool, members []int, metric string, o Options) (e *Ensemble, crossFitted []float32, err error) {
	s, err := p.scorer(ctx, metric)
	if err != nil {
		return nil, nil, err
	}
	if err := checkMembers(p, members); err != nil {
		return nil, nil, err
	}
	only := p // nothing is fitted for the others
	only.Logits = nil
	members = slices.Compact(slices.Sorted(slices.Values(members)))
	every := make([]int, len(members))
	for i, m := range members {
		only.Logits, every[i] = append(only.Logits, p.Logits[m]), i
	}
	late := fuse(every, 0)
	fitters, err := halved(ctx, only, s, o.Seed, o)
	if err != nil {
		return nil, nil, err
	}
	both, err := crossFit(ctx, fitters, late)
	if err != nil {
		return nil, nil, err
	}
	whole, err := newFitter(ctx, only, s, allRows(p), o)
	if err != nil {
		return nil, nil, err
	}
	if e, err = late(ctx, whole); err != nil {
		return nil, nil, err
	}
	if e.Score, err = s.Score(ctx, e.Logits(p.Kind, p.Classes, only.Logits), e.Thresholds); err != nil {
		return nil, nil, err
	}
	crossFitted = both[0]
	if e.Thresholds != nil {
		crossFitted = both[1]
	}
	e.Honest, err = s.Score(ctx, crossFitted, nil)
	e.Members = members
	return e, crossFitted, err
}

func checkMembers(p Pool, members []int) error {
	if len(members) == 0 {
		return fmt.Errorf("combine: a late fusion of no models")
	}
	for _, m := range members {
		if m < 0 || m >= len(p.Logits) {
			return fmt.Errorf("combine: there is no model %d among %d", m, len(p.Logits))
		}
	}
	return nil
}

// allRows are the rows of a pool.
func allRows(p Pool) []int {
	rows := make([]int, p.Rows)
	for i := range rows {
		rows[i] = i
	}
	return rows
}

// halved returns fitters of the two halves of the rows.
func halved(ctx context.Context, p Pool, s *metric.Scorer, seed uint64, o Options) (fitters [2]*fitter, err error) {
	a, b := halves(s, p.Classes, p.Groups, seed)
	for i, rows := range [][]int{a, b} {
		if fitters[i], err = newFitter(ctx, p, s, rows, o); err != nil {
			return fitters, err
		}
	}
	return fitters, nil
}
