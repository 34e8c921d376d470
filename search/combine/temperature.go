package combine

import (
	"context"
	"fmt"
	"math"

	"mixmas/search/task"
)

// Temperatures are fitted within these bounds.
const coldest, hottest = 0.05, 20

// Temperature returns the temperature that gives logits (rows × classes) the least log loss on some rows, within 0.05 and 20; it
// is 1 if there are no rows. It is one for all classes, also for multi-label data.
func Temperature(kind task.Kind, classes int, logits []float32, label func(row int, dst []float32) error, rows []int) (float64, error) {
	truth := make([]float32, task.Width(kind, classes)*len(rows))
	for i, row := range rows {
		if err := label(row, truth[i*task.Width(kind, classes):][:task.Width(kind, classes)]); err != nil {
			return 0, err
		}
		if (row+1)*classes > len(logits) {
			return 0, fmt.Errorf("combine: row %d has no logits", row)
		}
	}
	if _, err := task.Check(kind, classes, truth); err != nil {
		return 0, fmt.Errorf("combine: %w", err)
	}
	return fitTemperature(context.Background(), kind, classes, func(row, class int) bool {
		return truthAt(kind, classes, truth, row, class)
	}, logits, rows), nil
}

// truthAt reports whether the i-th label has the class.
func truthAt(kind task.Kind, classes int, truth []float32, i, class int) bool {
	if kind == task.MultiLabel {
		return truth[i*classes+class] == 1
	}
	return int(truth[i]) == class
}

// fitTemperature minimises the log loss, a convex function of 1/temperature, by Newton steps that bisection keeps in bounds.
// has reports whether the i-th of the rows has a class.
func fitTemperature(ctx context.Context, kind task.Kind, classes int, has func(i, class int) bool, logits []float32, rows []int) float64 {
	low, high := 1/float64(hottest), 1/float64(coldest)
	inverse := 1.0
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
					slope += yes * x
					if has(i, k) {
						slope -= x
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
				if has(i, k) {
					slope -= x
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
