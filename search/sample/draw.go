package sample

import (
	"context"
	"fmt"
	"math"
	"slices"

	"mixmas/search/task"
)

// Labels are the labels of a population.
type Labels struct {
	Rows, Classes int
	Kind          task.Kind
	// All is the number of rows of the whole data set, for [Options.Population]; 0 if they are all there is.
	All int
	// Label writes a row's label, in the form that Kind gives it. It is called for all rows once, in order, and by the
	// stratified sampler twice more per draw.
	Label func(row int, dst []float32) error
}

// each reads and checks the labels of all rows, and calls use with each. A label is valid until the next call.
func (l *Labels) each(ctx context.Context, use func(row int, label []float32)) error {
	label := make([]float32, task.Width(l.Kind, l.Classes))
	for row := range l.Rows {
		if row%heard == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if err := l.read(row, label); err != nil {
			return err
		}
		use(row, label)
	}
	return nil
}

// heard is the number of rows between two checks for an interruption.
const heard = 1 << 10

// read reads and checks a row's label.
func (l *Labels) read(row int, label []float32) error {
	if err := l.Label(row, label); err != nil {
		return err
	}
	if _, err := task.Check(l.Kind, l.Classes, label); err != nil {
		return fmt.Errorf("sample: row %d: %w", row, err)
	}
	return nil
}

// Sample is a drawn sample.
type Sample struct {
	Rows     []int   // sorted, distinct row numbers of the population
	Fraction float64 // of the population
	Distance float64 // largest absolute difference of class proportions between sample and population
	Draws    int     // number of draws it took, at least 1
}

// Draw returns rows, as many as [Size] says, whose class proportions (for multi-label data, label frequencies) differ from the
// population's by less than o.Distance. A sample that differs more is drawn again, up to o.Redraws times; after that, an error
// names the worst class of the closest draw. The same labels, options and seed give the same sample.
func Draw(ctx context.Context, labels Labels, o Options, seed uint64) (Sample, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Sample{}, err
	}
	if labels.Rows < 1 || labels.Classes < 1 {
		return Sample{}, fmt.Errorf("sample: %d rows and %d classes: nothing to draw from", labels.Rows, labels.Classes)
	}
	sampler, err := samplers.Lookup(o.Sampler)
	if err != nil {
		return Sample{}, err
	}
	size, err := Size(o.Of(labels.Rows, labels.All), o)
	if err != nil {
		return Sample{}, err
	}
	size = min(size, labels.Rows)
	population, err := proportions(ctx, labels)
	if err != nil {
		return Sample{}, err
	}
	random := NewRandom(seed)
	closest, worst, share := math.Inf(1), 0, 0.0
	for draw := range o.Redraws + 1 {
		rows, err := sampler.Draw(ctx, labels, size, random)
		if err != nil {
			return Sample{}, err
		}
		slices.Sort(rows)
		drawn, err := proportions(ctx, labels.of(rows))
		if err != nil {
			return Sample{}, err
		}
		distance, class := distance(drawn, population)
		if distance < o.Distance {
			return Sample{Rows: rows, Fraction: float64(size) / float64(labels.Rows), Distance: distance, Draws: draw + 1}, nil
		}
		if distance < closest {
			closest, worst, share = distance, class, drawn[class]
		}
	}
	return Sample{}, fmt.Errorf("sample: none of %d draws of %d rows has class proportions within %v of the population's; "+
		"in the closest, class %d is %.4f of the sample and %.4f of the population: use more samples or allow a larger distance",
		o.Redraws+1, size, o.Distance, worst, share, population[worst])
}

// of returns the labels of some of the rows.
func (l Labels) of(rows []int) Labels {
	some := l
	some.Rows, some.Label = len(rows), func(row int, dst []float32) error { return l.Label(rows[row], dst) }
	return some
}

// proportions returns the share of the rows that have each class.
func proportions(ctx context.Context, l Labels) ([]float64, error) {
	counts := make([]int, l.Classes)
	if err := l.each(ctx, func(_ int, label []float32) { task.Count(l.Kind, counts, label) }); err != nil {
		return nil, err
	}
	shares := make([]float64, l.Classes)
	for c, k := range counts {
		shares[c] = float64(k) / float64(l.Rows)
	}
	return shares, nil
}

// distance returns the largest absolute difference, and the first class that has it.
func distance(a, b []float64) (largest float64, class int) {
	for c := range a {
		if d := math.Abs(a[c] - b[c]); d > largest {
			largest, class = d, c
		}
	}
	return largest, class
}
