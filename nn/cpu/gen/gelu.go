package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gelus emits GELU with the exact normal distribution function Φ, and its gradient. Both Φ(x) and the slope Φ(x) + x φ(x)
// are 1/2 plus an odd function, which is a polynomial on each of 8 segments of |x|: a permutation of a vector of 8
// coefficients finds those of 8 elements. The error is 4e-8 and 7e-8.
func (g *generator) gelus() {
	distribution := g.piecewise("normal_distribution", 6, func(x float64) float64 { return math.Erf(x/math.Sqrt2) / 2 })
	slope := g.piecewise("gelu_slope", 7, func(x float64) float64 {
		return math.Erf(x/math.Sqrt2)/2 + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	})

	g.function("avx2Gelu", "n int, y, x *float32", "is y = x Φ(x).")
	n, y, x := g.argument("n"), g.argument("y"), g.argument("x")
	g.groups("e", n, geluVectors, func(group []lanes) {
		s := g.segments(group, x)
		for i, p := range s.half(distribution) {
			g.VMULPS(group[i].load(x), p, p)
			group[i].store(p, y)
		}
	})
	g.end()

	g.function("avx2GeluGrad", "n int, y, a, b *float32", "is y = b (Φ(a) + a φ(a)).")
	n, y, a, b := g.argument("n"), g.argument("y"), g.argument("a"), g.argument("b")
	g.groups("e", n, geluVectors, func(group []lanes) {
		s := g.segments(group, a)
		for i, p := range s.half(slope) {
			g.VMULPS(group[i].load(b), p, p)
			group[i].store(p, y)
		}
	})
	g.end()

	g.function("avx2GeluBoth", "n int, y, dx, x, dy *float32", "is y = x Φ(x) and dx = dy (Φ(x) + x φ(x)).")
	n, y, x = g.argument("n"), g.argument("y"), g.argument("x")
	dx, dy := g.argument("dx"), g.argument("dy")
	g.groups("e", n, geluVectors, func(group []lanes) {
		s := g.segments(group, x)
		values := s.half(distribution)
		for i, p := range s.half(slope) {
			g.VMULPS(group[i].load(x), values[i], values[i])
			g.VMULPS(group[i].load(dy), p, p)
			group[i].store(values[i], y)
			group[i].store(p, dx)
		}
	})
	g.end()
}

// geluVectors is the number of vectors that are computed together: a polynomial is a chain of multiplications, each of
// which waits for the previous one.
const geluVectors = 4

// Segment i holds the x with ||x| - i segmentWidth| ≤ segmentWidth/2. From segmentLimit on, inside the last segment, both
// functions are 1/2 in float32.
const (
	segmentWidth = 51.0 / 64
	segmentLimit = 7.47 * segmentWidth
)

// piecewise makes the tables of the coefficients, the highest power first, of f on the segments: a polynomial in the
// distance from a segment's middle.
func (g *generator) piecewise(name string, degree int, f func(float64) float64) []operand.Mem {
	tables := make([]operand.Mem, degree+1)
	for power := range tables {
		tables[degree-power] = g.table(fmt.Sprintf("%s_%d", name, power))
		for i := range 8 {
			middle := segmentWidth * float64(i)
			c := interpolate(degree, segmentWidth/2, func(d float64) float64 { return f(middle + d) })
			g.AddDatum(float*i, operand.U32(math.Float32bits(float32(c[power]))))
		}
	}
	return tables
}

// segments describes in which segments the elements of a group of vectors are.
type segments struct {
	g     *generator
	group []lanes
	x     reg.Register
	// index holds the number of an element's segment in its lowest bits, distance is how far it is from the middle.
	index, distance []reg.VecVirtual
}

// segments finds the segments of a group of vectors of x.
func (g *generator) segments(group []lanes, x reg.Register) segments {
	// Adding this to a number rounds the number to an integer, in the lowest bits.
	const shift = 3 << 22
	s := segments{g: g, group: group, x: x}
	magnitude, limit := g.register(g.bits(1<<31-1)), g.constantRegister(segmentLimit)
	inverse, shifter, width := g.constantRegister(1/segmentWidth), g.constantRegister(shift), g.constantRegister(segmentWidth)
	for _, l := range group {
		index, distance := g.YMM(), l.load(x)
		g.VANDPS(magnitude, distance, distance)
		// VMINPS returns its first operand when one is a NaN.
		g.VMINPS(distance, limit, distance)
		g.VMOVAPS(distance, index)
		g.VFMADD213PS(shifter, inverse, index)
		s.index, s.distance = append(s.index, index), append(s.distance, distance)
	}
	for i, index := range s.index {
		number := g.YMM()
		g.VSUBPS(shifter, index, number)
		g.VFNMADD231PS(width, number, s.distance[i])
	}
	return s
}

// half is 1/2 plus the odd function with the coefficients.
func (s segments) half(coefficients []operand.Mem) []reg.VecVirtual {
	g := s.g
	sums := make([]reg.VecVirtual, len(s.group))
	for i, index := range s.index {
		sums[i] = g.YMM()
		g.VPERMPS(coefficients[0], index, sums[i])
	}
	for _, c := range coefficients[1:] {
		table := g.register(c)
		for i, index := range s.index {
			v := g.YMM()
			g.VPERMPS(table, index, v)
			g.VFMADD213PS(v, s.distance[i], sums[i])
		}
	}
	signs, half := g.register(g.bits(1<<31)), g.constantRegister(0.5)
	for i, sum := range sums {
		sign := s.group[i].load(s.x)
		g.VANDPS(signs, sign, sign)
		g.VXORPS(sign, sum, sum)
		g.VADDPS(half, sum, sum)
	}
	return sums
}
