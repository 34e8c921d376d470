package main

import (
	"math"

	"github.com/mmcloughlin/avo/reg"
)

// gelus emits GELU with the exact normal distribution function Φ, and its gradient.
func (g *generator) gelus() {
	g.function("avx2Gelu", "n int, y, x *float32", "is y = x Φ(x).")
	n, y, x := g.argument("n"), g.argument("y"), g.argument("x")
	g.elements("e", n, 1, func(l lanes) {
		v := l.load(x)
		p := g.normalCDF(v)
		g.VMULPS(v, p, p)
		l.store(p, y)
	})
	g.end()

	g.function("avx2GeluGrad", "n int, y, a, b *float32", "is y = b (Φ(a) + a φ(a)).")
	n, y, a, b := g.argument("n"), g.argument("y"), g.argument("a"), g.argument("b")
	g.elements("e", n, 1, func(l lanes) {
		// Beyond ±13 the density is below the smallest normal number, and Φ is 0 or 1.
		v := g.clamp(l.load(a), 13)
		p := g.normalCDF(v)
		g.VFMADD231PS(g.normalDensity(v), v, p)
		g.VMULPS(l.load(b), p, p)
		l.store(p, y)
	})
	g.end()

	g.function("avx2GeluBoth", "n int, y, dx, x, dy *float32", "is y = x Φ(x) and dx = dy (Φ(x) + x φ(x)).")
	n, y, x = g.argument("n"), g.argument("y"), g.argument("x")
	dx, dy := g.argument("dx"), g.argument("dy")
	g.elements("e", n, 1, func(l lanes) {
		v := l.load(x)
		p, value := g.normalCDF(v), g.YMM()
		g.VMULPS(v, p, value)
		v = g.clamp(v, 13)
		g.VFMADD231PS(g.normalDensity(v), v, p)
		g.VMULPS(l.load(dy), p, p)
		l.store(value, y)
		l.store(p, dx)
	})
	g.end()
}

// clamp limits x to ±limit. VMINPS and VMAXPS return their first operand when one is a NaN: a NaN stays one.
func (g *generator) clamp(x reg.VecVirtual, limit float32) reg.VecVirtual {
	v := g.constantRegister(limit)
	g.VMINPS(x, v, v)
	low := g.constantRegister(-limit)
	g.VMAXPS(v, low, low)
	return low
}

// normalCDF is Φ(x) = 1/2 + x P(x²)/Q(x²) on ±cdfLimit, where it is exactly 0 and 1 in float32, and stays so beyond. The
// least-squares fit was weighted again and again by its error, until the largest one was least: 4e-9, before rounding.
func (g *generator) normalCDF(x reg.VecVirtual) reg.VecVirtual {
	v := g.clamp(x, cdfLimit)
	square := g.YMM()
	g.VMULPS(v, v, square)
	numerator := g.polynomial(square, cdfNumerator...)
	denominator := g.polynomial(square, cdfDenominator...)
	g.VMULPS(v, numerator, numerator)
	g.VDIVPS(denominator, numerator, numerator)
	g.VADDPS(g.constant(0.5), numerator, numerator)
	return numerator
}

const cdfLimit = 5.1541152

// P and Q, the highest power first.
var (
	cdfNumerator   = []float32{2.405059e-08, 6.3790317e-06, 0.00016033047, 0.004627969, 0.032935392, 0.39894226}
	cdfDenominator = []float32{1.2371746e-06, 7.1351024e-05, 0.0018365488, 0.028138598, 0.24922301, 1}
)

// normalDensity is φ(x) = exp(-x²/2)/√(2π) for |x| ≤ 13: 2^n 2^r with n + r = -x²/2 log₂e and |r| ≤ 1/2.
func (g *generator) normalDensity(x reg.VecVirtual) reg.VecVirtual {
	e, n := g.YMM(), g.YMM()
	g.VMULPS(x, x, e)
	g.VMULPS(g.constant(-0.5*math.Log2E), e, e)
	g.VROUNDPS(nearest, e, n)
	g.VSUBPS(n, e, e)
	// The Taylor coefficients ln2^i/i! of 2^r, times 1/√(2π).
	coefficients := make([]float32, 7)
	term := 1 / math.Sqrt(2*math.Pi)
	for i := range coefficients {
		coefficients[len(coefficients)-1-i] = float32(term)
		term *= math.Ln2 / float64(i+1)
	}
	return g.scaleByPower(g.polynomial(e, coefficients...), n)
}
