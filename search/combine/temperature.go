package combine

import (
	"context"
	"math"

	"mixmas/search/task"
)

// Temperatures are fitted within these bounds.
const coldest, hottest = 0.05, 20

// fitTemperature returns the temperature that gives logits (rows × classes) the least log loss on some rows; it is one for all
// classes, also for multi-label data, and 1 if there are no rows. has reports whether the i-th of the rows has a class.
//
// Of labels that the logits predict without an error, the least loss is at temperature 0, with which the first error on new rows
// costs everything. So labels count as uncertain, as if half a row more had been seen of which nothing is known (Krichevsky and
// Trofimov, 1981): of n rows, a share of 1/(2n+1) of each label is spread over all classes. A whole row raised the log loss of test
// rows on two data sets; so did nothing. The loss is a convex function of 1/temperature, which Newton steps that bisection keeps in
// bounds minimise.
func fitTemperature(ctx context.Context, kind task.Kind, classes int, has func(i, class int) bool, logits []float32, rows []int) float64 {
	low, high := 1/float64(hottest), 1/float64(coldest)
	inverse, doubt := 1.0, 1/float64(2*len(rows)+1)
	row := make([]float64, classes)
	for range 40 {
		slope, bend := 0.0, 0.0
		for i, r := range rows {
			if i%1024 == 0 && ctx.Err() != nil {
				return 1
			}
			z := logits[r*classes:][:classes]
			if kind == task.MultiLabel {
				for k, x := range z {
					x := float64(x)
					yes, no := sigmoids(x * inverse)
					slope += (yes - doubt/2) * x
					if has(i, k) {
						slope -= (1 - doubt) * x
					}
					bend += yes * no * x * x
				}
				continue
			}
			logSoftmax(row, z, 1/inverse)
			mean, square := 0.0, 0.0
			for k, l := range row {
				p, x := math.Exp(l), float64(z[k])
				mean += p * x
				square += p * x * x
				slope -= doubt / float64(classes) * x
				if has(i, k) {
					slope -= (1 - doubt) * x
				}
			}
			slope += mean
			bend += max(0, square-mean*mean)
		}
		if slope == 0 { // for one, of logits that are all equal
			break
		}
		if slope > 0 {
			high = inverse
		} else {
			low = inverse
		}
		next := inverse - slope/bend
		if !(next > low && next < high) {
			next = math.Sqrt(low * high)
		}
		if math.Abs(next-inverse) < 1e-6*inverse {
			break
		}
		inverse = next
	}
	return min(max(1/inverse, coldest), hottest)
}
