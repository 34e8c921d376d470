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
				sum, squares, dot, centered := guarded(t, width, true), guarded(t, width, true), guarded(t, width, true), guarded(t, width, true)
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
				copy(centered, sum)
				before := slices.Clone(sum)

				s.ColumnSum(sum, x, rows, width, stride)
				s.ColumnSquares(squares, x, center, rows, width, stride)
				s.ColumnDot(dot, dense, nil, b, rows, width)
				s.ColumnDot(centered, dense, center, b, rows, width)
				for j := range width {
					start := float64(before[j])
					wantSum, wantSquares, wantDot, wantCentered := start, start, start, start
					for i := range rows {
						v := float64(dense[i*width+j])
						wantSum += v
						wantSquares += (v - float64(center[j])) * (v - float64(center[j]))
						wantDot += v * float64(b[i*width+j])
						wantCentered += (v - float64(center[j])) * float64(b[i*width+j])
					}
					bound := ulp * float64(rows+1) * (2 + math.Sqrt(float64(rows)))
					within(t, "ColumnSum", j, sum[j], wantSum, bound)
					within(t, "ColumnSquares", j, squares[j], wantSquares, 4*bound)
					within(t, "ColumnDot", j, dot[j], wantDot, bound)
					within(t, "ColumnDot with a center", j, centered[j], wantCentered, 4*bound)
				}

				cutSum, cutSquares, cutDot, cutCentered := slices.Clone(before), slices.Clone(before), slices.Clone(before), slices.Clone(before)
				for i := range rows {
					s.ColumnSum(cutSum, x[i*stride:], 1, width, stride)
					s.ColumnSquares(cutSquares, x[i*stride:], center, 1, width, stride)
					s.ColumnDot(cutDot, dense[i*width:], nil, b[i*width:], 1, width)
					s.ColumnDot(cutCentered, dense[i*width:], center, b[i*width:], 1, width)
				}
				sameBits(t, "ColumnSum row by row", cutSum, sum)
				sameBits(t, "ColumnSquares row by row", cutSquares, squares)
				sameBits(t, "ColumnDot row by row", cutDot, dot)
				sameBits(t, "ColumnDot with a center row by row", cutCentered, centered)

				if rows > 0 {
					dense[width-1] = canary
					s.ColumnSum(cutSum, dense, rows, width, width)
					s.ColumnSquares(cutSquares, dense, center, rows, width, width)
					s.ColumnDot(cutDot, b, nil, dense, rows, width)
					s.ColumnDot(cutCentered, dense, center, b, rows, width)
					for _, v := range []float32{cutSum[width-1], cutSquares[width-1], cutDot[width-1], cutCentered[width-1]} {
						if v == v {
							t.Fatalf("width %d: the last column has a NaN and its result is %v", width, v)
						}
					}
				}
			}
		}
	})
}

func TestNormalise(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r := seeded(13)
		for _, width := range widths {
			for _, rows := range []int{0, 1, 2, 5} {
				x, dy, y, dx := guarded(t, rows*width, true), guarded(t, rows*width, true), guarded(t, rows*width, true), guarded(t, rows*width, true)
				mean, slope, factor, shift := guarded(t, width, true), guarded(t, width, true), guarded(t, width, true), guarded(t, width, true)
				for _, v := range [][]float32{x, dy, mean, slope, factor, shift} {
					random(r, v, 1)
				}
				s.Normalise(y, x, mean, slope, shift, rows, width)
				s.NormaliseGrad(dx, x, dy, mean, slope, factor, shift, rows, width)
				for i := range y {
					j := i % width
					scaled := (float64(x[i]) - float64(mean[j])) * float64(slope[j])
					passed := float64(dy[i]) * float64(factor[j])
					size := 2*math.Abs(scaled) + math.Abs(passed) + math.Abs(float64(shift[j])) + math.Abs(float64(slope[j]))
					within(t, "Normalise", i, y[i], scaled+float64(shift[j]), ulp*size)
					within(t, "NormaliseGrad", i, dx[i], scaled+passed+float64(shift[j]), 2*ulp*size)
				}
				cut, cutGrad := slices.Clone(y), slices.Clone(dx)
				for i := range rows {
					s.Normalise(cut[i*width:], x[i*width:], mean, slope, shift, 1, width)
					s.NormaliseGrad(cutGrad[i*width:], x[i*width:], dy[i*width:], mean, slope, factor, shift, 1, width)
				}
				sameBits(t, "Normalise row by row", cut, y)
				sameBits(t, "NormaliseGrad row by row", cutGrad, dx)
				if rows > 0 {
					x[0] = canary
					s.Normalise(y, x, mean, slope, shift, rows, width)
					s.NormaliseGrad(dx, x, dy, mean, slope, factor, shift, rows, width)
					if y[0] == y[0] || dx[0] == dx[0] {
						t.Fatalf("width %d: a NaN became %v and %v", width, y[0], dx[0])
					}
				}
			}
		}
	})
}
