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
}

// clamp limits x to ±limit. VMINPS and VMAXPS return their first operand when one is a NaN: a NaN stays one.
func (g *generator) clamp(x reg.VecVirtual, limit float32) reg.VecVirtual {
	v := g.constantRegister(limit)
	g.VMINPS(x, v, v)
	low := g.constantRegister(-limit)
	g.VMAXPS(v, low, low)
	return low
}

// normalCDF is Φ(x) = (1 + erf(x/√2))/2 with a rational approximation of erf on ±erfLimit, beyond which erf is ±1 in
// float32.
func (g *generator) normalCDF(x reg.VecVirtual) reg.VecVirtual {
	u, square := g.YMM(), g.YMM()
	g.VMULPS(g.constant(math.Sqrt2/2), x, u)
	u = g.clamp(u, erfLimit)
	g.VMULPS(u, u, square)
	numerator := g.polynomial(square, erfNumerator...)
	denominator := g.polynomial(square, erfDenominator...)
	g.VMULPS(u, numerator, numerator)
	g.VDIVPS(denominator, numerator, numerator)
	half := g.constantRegister(0.5)
	g.VFMADD213PS(half, half, numerator)
	return numerator
}

// erf(u) = u P(u²)/Q(u²), the highest power first.
const erfLimit = 4

var (
	erfNumerator = []float32{-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
		-7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02}
	erfDenominator = []float32{-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
		-1.42647390514189e-02}
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
