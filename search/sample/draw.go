package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Labels are those of a population.
type Labels struct {
	Rows, Classes int
	// MultiLabel tells that a sample has any number of labels instead of one.
	MultiLabel bool
	// Values are Rows class numbers (0 to Classes-1), or Rows×Classes zeros and ones when MultiLabel.
	Values []float32
}

func (l Labels) check() error {
	if l.Rows < 1 || l.Classes < 1 {
		return fmt.Errorf("sample: %d rows and %d classes: nothing to draw from", l.Rows, l.Classes)
	}
	if want := l.Rows * l.width(); len(l.Values) != want {
		return fmt.Errorf("sample: %d labels, want %d for %d rows", len(l.Values), want, l.Rows)
	}
	for i, v := range l.Values {
		if l.MultiLabel && v != 0 && v != 1 {
			return fmt.Errorf("sample: row %d, label %d: %v is neither 0 nor 1", i/l.Classes, i%l.Classes, v)
		}
		if !l.MultiLabel && (!(v >= 0 && v < float32(l.Classes)) || v != float32(int(v))) {
			return fmt.Errorf("sample: row %d: label %v is not a class number below %d", i, v, l.Classes)
		}
	}
	return nil
}

// width is the number of values a row.
func (l Labels) width() int {
	if l.MultiLabel {
		return l.Classes
	}
	return 1
}

// Sample is what was drawn.
type Sample struct {
	Rows     []int   // sorted, distinct row numbers of the population
	Fraction float64 // of the population
	Distance float64 // largest absolute difference of class proportions between sample and population
	Draws    int     // how many it took, at least 1
}

// Draw returns [Size] rows of the population whose class proportions (for many labels, label frequencies) differ from
// the population's by less than o.Distance. A sample that differs more is drawn again, o.Redraws times; then the error
// names the worst class of the closest draw. The same labels, options and seed give the same sample.
func Draw(labels Labels, o Options, seed uint64) (Sample, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Sample{}, err
	}
	if err := labels.check(); err != nil {
		return Sample{}, err
	}
	sampler, err := lookup(o.Sampler)
	if err != nil {
		return Sample{}, err
	}
	size, err := Size(labels.Rows, o)
	if err != nil {
		return Sample{}, err
	}
	random := rand.New(rand.NewPCG(seed, 0))
	population := proportions(labels, nil)
	closest, worst, share := math.Inf(1), 0, 0.0
	for draw := range o.Redraws + 1 {
		rows := sampler(labels, size, random)
		slices.Sort(rows)
		drawn := proportions(labels, rows)
		distance, class := distance(drawn, population)
		if distance < o.Distance {
			return Sample{Rows: rows, Fraction: float64(size) / float64(labels.Rows), Distance: distance, Draws: draw + 1}, nil
		}
		if distance < closest {
			closest, worst, share = distance, class, drawn[class]
		}
	}
	return Sample{}, fmt.Errorf("sample: none of %d draws of %d rows has class proportions within %v of the population's; "+
		"in the closest, class %d is %.4f of the sample and %.4f of the population: take more samples or allow a larger distance",
		o.Redraws+1, size, o.Distance, worst, share, population[worst])
}

// proportions of each class among the rows, or among all rows for nil.
func proportions(l Labels, rows []int) []float64 {
	counts := make([]int, l.Classes)
	add := func(row int) {
		if !l.MultiLabel {
			counts[int(l.Values[row])]++
			return
		}
		for c, v := range l.Values[row*l.Classes : (row+1)*l.Classes] {
			counts[c] += int(v)
		}
	}
	n := len(rows)
	for _, row := range rows {
		add(row)
	}
	if rows == nil {
		n = l.Rows
		for row := range l.Rows {
			add(row)
		}
	}
	shares := make([]float64, l.Classes)
	for c, k := range counts {
		shares[c] = float64(k) / float64(n)
	}
	return shares
}

// distance is the largest absolute difference, and the first class that has it.
func distance(a, b []float64) (largest float64, class int) {
	for c := range a {
		if d := math.Abs(a[c] - b[c]); d > largest {
			largest, class = d, c
		}
	}
	return largest, class
}
