package main

import "github.com/mmcloughlin/avo/reg"

// logistics emits σ, tanh, SiLU and their gradients. All are made of e = exp(-|x|), which neither overflows nor loses digits,
// so that both tails keep their relative error down to e⁻⁸⁷: σ(|x|) = 1/(1+e), σ(-|x|) = e/(1+e).
func (g *generator) logistics() {
	const unroll = 2
	unary := func(name, doc string, f func(x reg.VecVirtual) reg.VecVirtual) {
		g.function(name, "n int, y, x *float32", doc)
		n, y, x := g.argument("n"), g.argument("y"), g.argument("x")
		g.elements("e", n, unroll, func(l lanes) { l.store(f(l.load(x)), y) })
		g.end()
	}
	unary("avx2Sigmoid", "is y = σ(x).", g.sigmoid)
	unary("avx2Tanh", "is y = tanh(x).", g.tanh)
	unary("avx2Silu", "is y = x σ(x).", func(x reg.VecVirtual) reg.VecVirtual {
		g.VMAXPS(x, g.constantRegister(-logisticLimit), x)
		y := g.sigmoid(x)
		g.VMULPS(x, y, y)
		return y
	})

	binary := func(name, doc string, f func(a, b reg.VecVirtual) reg.VecVirtual) {
		g.function(name, "n int, y, a, b *float32", doc)
		n, y, a, b := g.argument("n"), g.argument("y"), g.argument("a"), g.argument("b")
		g.elements("e", n, unroll, func(l lanes) {
			slope := f(l.load(a), l.load(b))
			l.store(slope, y)
		})
		g.end()
	}
	binary("avx2SigmoidGrad", "is y = b σ(a) σ(-a).", func(a, b reg.VecVirtual) reg.VecVirtual {
		return g.bell(g.exp(g.minusMagnitude(a)), b)
	})
	binary("avx2TanhGrad", "is y = b (1 - tanh(a)²) = b 4 σ(2a) σ(-2a).", func(a, b reg.VecVirtual) reg.VecVirtual {
		v := g.minusMagnitude(a)
		g.VADDPS(v, v, v)
		g.VMULPS(g.constant(4), b, b)
		return g.bell(g.exp(v), b)
	})
	binary("avx2SiluGrad", "is y = b σ(a) (1 + a σ(-a)).", func(a, b reg.VecVirtual) reg.VecVirtual {
		g.VMAXPS(a, g.constantRegister(-logisticLimit), a)
		g.VMINPS(a, g.constantRegister(logisticLimit), a)
		e := g.exp(g.minusMagnitude(a))
		one, inverse := g.constantRegister(1), g.YMM()
		g.VADDPS(one, e, inverse)
		g.VDIVPS(inverse, one, inverse)
		s, rest := g.YMM(), g.YMM()
		g.VBLENDVPS(a, e, one, s) // σ(a)
		g.VMULPS(inverse, s, s)
		g.VBLENDVPS(a, one, e, rest) // σ(-a)
		g.VMULPS(inverse, rest, rest)
		g.VFMADD213PS(one, a, rest)
		g.VMULPS(rest, s, s)
		g.VMULPS(b, s, s)
		return s
	})
}

// logisticLimit is the largest |x| for which exp(-|x|) is computed.
const logisticLimit = 87

// tanhLimit is the |x| up to which tanh is a polynomial, since 1 - exp(-2|x|) loses digits near zero.
const tanhLimit = 0.625

// minusMagnitude returns -|x|; a NaN stays one.
func (g *generator) minusMagnitude(x reg.VecVirtual) reg.VecVirtual {
	v := g.YMM()
	g.VORPS(g.bits(1<<31), x, v)
	return v
}

// bell returns b e/(1+e)².
func (g *generator) bell(e, b reg.VecVirtual) reg.VecVirtual {
	square, y := g.YMM(), g.YMM()
	g.VADDPS(g.constant(1), e, square)
	g.VMULPS(square, square, square)
	g.VDIVPS(square, e, y)
	g.VMULPS(b, y, y)
	return y
}

// sigmoid returns σ(x) and keeps x. The error is 2 units in the last place.
func (g *generator) sigmoid(x reg.VecVirtual) reg.VecVirtual {
	e := g.exp(g.minusMagnitude(x))
	one, y := g.constantRegister(1), g.YMM()
	g.VBLENDVPS(x, e, one, y) // by the sign
	g.VADDPS(one, e, e)
	g.VDIVPS(e, y, y)
	return y
}

// tanh returns tanh(x) and keeps x. The error is 2 units in the last place. The polynomial x + x³ P(x²) is that of the Cephes
// library (Moshier 1989).
func (g *generator) tanh(x reg.VecVirtual) reg.VecVirtual {
	v := g.minusMagnitude(x)
	near := g.YMM()
	g.VCMPPS(greater, g.constantRegister(-tanhLimit), v, near)
	g.VADDPS(v, v, v)
	e := g.exp(v)
	far, below := g.YMM(), g.constantRegister(1)
	g.VSUBPS(e, below, far)
	g.VADDPS(below, e, e)
	g.VDIVPS(e, far, far)
	sign := g.register(g.bits(1 << 31))
	g.VANDPS(x, sign, sign)
	g.VORPS(sign, far, far)

	square := g.YMM()
	g.VMULPS(x, x, square)
	p := g.polynomial(square, -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
	g.VMULPS(square, p, p)
	g.VFMADD213PS(x, x, p)
	g.VBLENDVPS(near, p, far, far)
	return far
}
