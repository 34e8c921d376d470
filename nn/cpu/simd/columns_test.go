package simd

import (
	"math"
	"slices"
	"testing"
)

func TestColumns(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r := seeded(11)
		for _, width := range widths {
			for _, rows := range []int{0, 1, 2, 3, 4, 5, 67} {
				stride := width + r.IntN(2)*5
				x := guarded(t, extent(rows, width, stride), true)
				b := guarded(t, rows*width, true)
				center := guarded(t, width, true)
				sum, squares, dot := guarded(t, width, true), guarded(t, width, true), guarded(t, width, true)
				for i := range rows {
					random(r, x[i*stride:][:width], 1)
				}
				dense := make([]float32, rows*width)
				for i := range rows {
					copy(dense[i*width:][:width], x[i*stride:])
				}
				random(r, b, 1)
				random(r, center, 1)
				random(r, sum, 1)
				copy(squares, sum)
				copy(dot, sum)
				before := slices.Clone(sum)

				s.ColumnSum(sum, x, rows, width, stride)
				s.ColumnSquares(squares, x, center, rows, width, stride)
				s.ColumnDot(dot, dense, b, rows, width)
				for j := range width {
					start := float64(before[j])
					wantSum, wantSquares, wantDot := start, start, start
					for i := range rows {
						v := float64(dense[i*width+j])
						wantSum += v
						wantSquares += (v - float64(center[j])) * (v - float64(center[j]))
						wantDot += v * float64(b[i*width+j])
					}
					bound := ulp * float64(rows+1) * (2 + math.Sqrt(float64(rows)))
					within(t, "ColumnSum", j, sum[j], wantSum, bound)
					within(t, "ColumnSquares", j, squares[j], wantSquares, 4*bound)
					within(t, "ColumnDot", j, dot[j], wantDot, bound)
				}

				cutSum, cutSquares, cutDot := slices.Clone(before), slices.Clone(before), slices.Clone(before)
				for i := range rows {
					s.ColumnSum(cutSum, x[i*stride:], 1, width, stride)
					s.ColumnSquares(cutSquares, x[i*stride:], center, 1, width, stride)
					s.ColumnDot(cutDot, dense[i*width:], b[i*width:], 1, width)
				}
				sameBits(t, "ColumnSum row by row", cutSum, sum)
				sameBits(t, "ColumnSquares row by row", cutSquares, squares)
				sameBits(t, "ColumnDot row by row", cutDot, dot)

				if rows > 0 {
					dense[width-1] = canary
					s.ColumnSum(cutSum, dense, rows, width, width)
					s.ColumnSquares(cutSquares, dense, center, rows, width, width)
					s.ColumnDot(cutDot, b, dense, rows, width)
					for _, v := range []float32{cutSum[width-1], cutSquares[width-1], cutDot[width-1]} {
						if v == v {
							t.Fatalf("width %d: the last column has a NaN and its result is %v", width, v)
						}
					}
				}
			}
		}
	})
}
