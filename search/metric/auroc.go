package metric

import (
	"context"
	"math"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// rank computes the AUROC of every class: the share of (positive, negative) pairs whose scores are in the right order, a tie
// counting half (the Mann-Whitney statistic). It counts in integers, so the order of summation has no effect. Many mutually
// exclusive classes have few positives each, and then the time is little more than that of reading every score once.
func (e *Evaluation) rank(ctx context.Context) error {
	e.AUROC = make([]float64, e.Classes)
	var ranked []int
	for class, c := range e.Classwise {
		e.AUROC[class] = math.NaN()
		if n := c.Support(); n > 0 && n < e.Rows {
			ranked = append(ranked, class)
		}
	}
	width := min(max(1, mostScores/e.Rows), len(ranked)) // classes at a time
	workers := runtime.GOMAXPROCS(0)
	var group errgroup.Group
	for w := range workers {
		group.Go(func() error {
			var columns []uint64
			for i := w * width; i < len(ranked); i += workers * width {
				if columns == nil {
					columns = make([]uint64, (width+1)*e.Rows)
				}
				if err := e.rankClasses(ctx, ranked[i:min(i+width, len(ranked))], columns); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// mostScores bounds the scores that each core copies at a time: 2 MiB, or the scores of one class if they are more.
const mostScores = 1 << 18

// rankClasses computes the AUROC of some classes. columns has room for the scores of all rows for each class, and once more.
func (e *Evaluation) rankClasses(ctx context.Context, classes []int, columns []uint64) error {
	column := func(k int) []uint64 { return columns[k*e.Rows:][:e.Rows] } // positives first, negatives last
	positives := make([]int, len(classes))
	for row := range e.Rows {
		if err := interrupted(ctx, row); err != nil {
			return err
		}
		for k, class := range classes {
			place := positives[k]
			if e.Truth(row, class) {
				positives[k]++
			} else {
				place += e.Rows - 1 - row
			}
			column(k)[place] = ordered(e.Score(row, class))
		}
	}
	room := column(len(classes))
	for k, class := range classes {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := positives[k]
		halves := rightHalves(column(k)[:n], column(k)[n:], room)
		e.AUROC[class] = float64(halves) / (2 * float64(n) * float64(e.Rows-n))
	}
	return nil
}

// rightHalves counts the pairs whose negative is below the positive twice, and tied pairs once. It sorts the scores, with room
// as scratch space for as many.
func rightHalves(positives, negatives, room []uint64) int {
	radixSort(positives, room)
	walk := len(positives) > 64
	if walk { // along both, which takes less time than a binary search per negative
		radixSort(negatives, room)
	}
	halves, below := 0, 0
	for _, x := range negatives {
		if walk {
			for below < len(positives) && positives[below] < x {
				below++
			}
		} else {
			below = countBelow(positives, x)
		}
		notAbove := below
		if below < len(positives) && positives[below] == x {
			notAbove = countBelow(positives, x+1)
		}
		halves += 2*len(positives) - below - notAbove
	}
	return halves
}

// ordered maps a score to an integer, in the same order. Both zeros map to the same integer.
func ordered(score float64) uint64 {
	bits := math.Float64bits(score + 0) // -0 + 0 is 0
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}

// countBelow returns how many of the sorted numbers are below x.
func countBelow(sorted []uint64, x uint64) int {
	i, _ := slices.BinarySearch(sorted, x)
	return i
}

// radixSort sorts numbers by 11 bits at a time, with room as scratch space for as many. A digit that all numbers share, such as
// the last of numbers that were float32, is only counted.
func radixSort(numbers, room []uint64) {
	const bits = 11
	if len(numbers) < 1<<8 {
		slices.Sort(numbers)
		return
	}
	from, to := numbers, room[:len(numbers)]
	for shift := 0; shift < 64; shift += bits {
		var starts [1 << bits]int
		for _, x := range from {
			starts[x>>shift&(1<<bits-1)]++
		}
		if starts[from[0]>>shift&(1<<bits-1)] == len(from) {
			continue
		}
		start := 0
		for digit, count := range starts {
			starts[digit] = start
			start += count
		}
		for _, x := range from {
			place := &starts[x>>shift&(1<<bits-1)]
			to[*place] = x
			*place++
		}
		from, to = to, from
	}
	copy(numbers, from)
}
