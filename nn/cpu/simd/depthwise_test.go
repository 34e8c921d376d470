package simd

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// maps are sizes with and without panels, with bands of rows, and smaller than the kernel.
var maps = []struct{ height, width, channels, kernel int }{
	{5, 7, 16, 5}, {4, 6, 48, 3}, {9, 28, 32, 5}, {1, 5, 16, 5}, {3, 3, 16, 3}, {2, 2, 32, 5}, {1, 1, 3, 3}, {6, 8, 5, 5},
	{7, 9, 16, 7}, {3, 4, 1, 1}, {12, 300, 16, 5}, {5, 600, 16, 3},
}

// eachTap calls f for the elements of x and the weight that make element i of y.
func (d *Depthwise) eachTap(i int, f func(x, weight int)) {
	c, cell := i%d.Channels, i/d.Channels
	top, left := cell/d.Width-d.Kernel/2, cell%d.Width-d.Kernel/2
	for k := range d.Kernel * d.Kernel {
		if y, x := top+k/d.Kernel, left+k%d.Kernel; y >= 0 && y < d.Height && x >= 0 && x < d.Width {
			f((y*d.Width+x)*d.Channels+c, k*d.Channels+c)
		}
	}
}

func TestDepthwise(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r, w := seeded(12), NewWorkspace()
		for _, m := range maps {
			t.Run(fmt.Sprint(m), func(t *testing.T) {
				n, places := m.height*m.width*m.channels, m.kernel*m.kernel
				d := &Depthwise{Height: m.height, Width: m.width, Channels: m.channels, Kernel: m.kernel,
					X: guarded(t, n, true), Y: guarded(t, n, true), Weight: guarded(t, places*m.channels, true)}
				for _, x := range [][]float32{d.X, d.Y, d.Weight} {
					random(r, x, 1)
				}
				x, y, weight := slices.Clone(d.X), slices.Clone(d.Y), slices.Clone(d.Weight)

				s.Depthwise(w, d, 0, m.height)
				for i := range d.Y {
					want := float64(y[i])
					d.eachTap(i, func(from, tap int) { want += float64(x[from]) * float64(weight[tap]) })
					within(t, "Depthwise", i, d.Y[i], want, ulp*float64(2*places+2))
				}
				whole := d.Y
				d.Y = slices.Clone(y)
				for row := range m.height {
					s.Depthwise(w, d, row, row+1)
				}
				sameBits(t, "Depthwise row by row", d.Y, whole)

				copy(d.Y, y)
				s.DepthwiseGrad(w, d, 0, m.height)
				want := make([]float64, len(weight))
				for i, v := range weight {
					want[i] = float64(v)
				}
				for i, dy := range y {
					d.eachTap(i, func(from, tap int) { want[tap] += float64(x[from]) * float64(dy) })
				}
				for i, v := range want {
					within(t, "DepthwiseGrad", i, d.Weight[i], v, ulp*4*math.Sqrt(float64(m.height*m.width))*float64(m.height))
				}
				whole = d.Weight
				d.Weight = slices.Clone(weight)
				for row := range m.height {
					s.DepthwiseGrad(w, d, row, row+1)
				}
				sameBits(t, "DepthwiseGrad row by row", d.Weight, whole)
			})
		}
	})
}

// TestDepthwiseSeesNaNs checks that a NaN in a corner of the map reaches all that it takes part in, and nothing else.
func TestDepthwiseSeesNaNs(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		const side, channels, kernel = 7, 16, 5
		d := &Depthwise{Height: side, Width: side, Channels: channels, Kernel: kernel, X: make([]float32, side*side*channels),
			Y: make([]float32, side*side*channels), Weight: make([]float32, kernel*kernel*channels)}
		last := len(d.X) - 1
		d.X[last] = canary
		s.Depthwise(NewWorkspace(), d, 0, side)
		for i, v := range d.Y {
			reached := false
			d.eachTap(i, func(x, _ int) { reached = reached || x == last })
			if (v != v) != reached {
				t.Fatalf("element %d is %v, and the NaN takes part in it: %v", i, v, reached)
			}
		}
	})
}
