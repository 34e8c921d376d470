package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// softmax emits the exponentials of a row and their sum, and what masks them.
func (g *generator) softmax() {
	g.function("avx2Largest", "n int, x *float32) (largest float32", "is the largest of n elements that are not NaN, or any of them where one is.")
	n, x := g.argument("n"), g.argument("x")
	largest := g.YMM()
	g.VBROADCASTSS(operand.Mem{Base: x}, largest)
	g.elements("e", n, 1, func(l lanes) {
		v := l.load(x)
		if l.mask != nil {
			g.VBLENDVPS(l.mask, v, largest, v)
		}
		g.VMAXPS(v, largest, largest)
	})
	g.returns(g.fold(largest, g.VMAXPS))
	g.end()

	g.function("avx2ExpSum", "n int, y, x *float32, largest float32) (sum float32",
		"is y = exp(x-largest) for x ≤ largest and the sum of y; y may be nil.")
	n, y, x := g.argument("n"), g.argument("y"), g.argument("x")
	shift := g.broadcast("largest")
	sum := g.zero()
	g.TESTQ(y, y)
	g.JZ(operand.LabelRef("only_sum"))
	exponentials := func(l lanes) reg.VecVirtual {
		v := l.load(x)
		g.VSUBPS(shift, v, v)
		e := g.exp(v)
		if l.mask != nil {
			g.VANDPS(l.mask, e, e)
		}
		g.VADDPS(e, sum, sum)
		return e
	}
	g.elements("both", n, 1, func(l lanes) { l.store(exponentials(l), y) })
	g.JMP(operand.LabelRef("total"))
	g.Label("only_sum")
	g.elements("sum", n, 1, func(l lanes) { exponentials(l) })
	g.Label("total")
	g.returns(g.total(sum))
	g.end()
	g.masked()
}

// different is the predicate of VCMPPS that is true for a NaN too.
const different = operand.U8(0x04)

// masked emits the masking of elements.
func (g *generator) masked() {
	g.function("avx2Masked", "n int, y, x, mask *float32, other float32", "is y = x where mask is not 0, else other.")
	n, y, x, mask := g.argument("n"), g.argument("y"), g.argument("x"), g.argument("mask")
	other := g.broadcast("other")
	g.elements("e", n, 4, func(l lanes) {
		chosen, result := g.YMM(), g.YMM()
		g.VCMPPS(different, g.zero(), l.load(mask), chosen)
		g.VBLENDVPS(chosen, l.load(x), other, result)
		l.store(result, y)
	})
	g.end()
}

// exp is e^x for x ≤ 0: 2^n e^r with n = round(x log₂e) and |r| ≤ ln2/2. Below -87 it stays at e⁻⁸⁷. A NaN stays a NaN.
func (g *generator) exp(x reg.VecVirtual) reg.VecVirtual {
	low := g.constantRegister(-87)
	g.VMAXPS(x, low, x)
	n := g.YMM()
	g.VMULPS(g.constant(1.44269504089), x, n)
	g.VROUNDPS(nearest, n, n)
	// ln2 in two parts: n times the first one is exact.
	g.VFNMADD231PS(g.constant(0.693359375), n, x)
	g.VFNMADD231PS(g.constant(-2.12194440e-4), n, x)
	e := g.polynomial(x, 1.0/720, 1.0/120, 1.0/24, 1.0/6, 0.5, 1, 1)
	return g.scaleByPower(e, n)
}

// scaleByPower adds the integer n to the exponents of x.
func (g *generator) scaleByPower(x, n reg.VecVirtual) reg.VecVirtual {
	g.VCVTPS2DQ(n, n)
	g.VPSLLD(operand.Imm(23), n, n)
	g.VPADDD(n, x, x)
	return x
}
