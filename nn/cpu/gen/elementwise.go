package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The predicates of VCMPPS that are used: greater, false for a NaN; and unordered, true for one.
const (
	greater   = operand.U8(0x1e)
	unordered = operand.U8(0x03)
)

// nearest is the rounding mode of VROUNDPS.
const nearest = operand.U8(0)

// elementwise emits the functions with little arithmetic: memory bounds them, so the loops are unrolled.
func (g *generator) elementwise() {
	const unroll = 4
	// VMAXPS returns its first operand when one is a NaN: x goes there, so that a NaN stays one.
	relu := func(x reg.VecVirtual) reg.VecVirtual {
		r := g.zero()
		g.VMAXPS(x, r, r)
		return r
	}

	unary := func(name, doc string, f func(x reg.VecVirtual)) {
		g.function(name, "n int, y, x *float32", doc)
		n, y, x := g.argument("n"), g.argument("y"), g.argument("x")
		g.elements("e", n, unroll, func(l lanes) {
			v := l.load(x)
			f(v)
			l.store(v, y)
		})
		g.end()
	}
	unary("avx2Relu", "is y = max(x, 0).", func(x reg.VecVirtual) { g.VMOVAPS(relu(x), x) })
	unary("avx2SquaredRelu", "is y = max(x, 0)².", func(x reg.VecVirtual) {
		r := relu(x)
		g.VMULPS(r, r, x)
	})

	binary := func(name, doc string, f func(a, b, y reg.VecVirtual)) {
		g.function(name, "n int, y, a, b *float32", doc)
		n, y, a, b := g.argument("n"), g.argument("y"), g.argument("a"), g.argument("b")
		g.elements("e", n, unroll, func(l lanes) {
			result := g.YMM()
			f(l.load(a), l.load(b), result)
			l.store(result, y)
		})
		g.end()
	}
	binary("avx2Add", "is y = a + b.", func(a, b, y reg.VecVirtual) { g.VADDPS(b, a, y) })
	binary("avx2Mul", "is y = a b.", func(a, b, y reg.VecVirtual) { g.VMULPS(b, a, y) })
	binary("avx2Div", "is y = a / b.", func(a, b, y reg.VecVirtual) { g.VDIVPS(b, a, y) })
	binary("avx2ReluGrad", "is y = b where a > 0, else 0.", func(a, b, y reg.VecVirtual) {
		g.VCMPPS(greater, g.zero(), a, y)
		g.VANDPS(b, y, y)
	})
	binary("avx2SquaredReluGrad", "is y = 2 max(a, 0) b.", func(a, b, y reg.VecVirtual) {
		r := relu(a)
		g.VADDPS(r, r, r)
		g.VMULPS(b, r, y)
	})

	scaled := func(name, doc string, f func(x, c, y reg.VecVirtual), updates bool) {
		g.function(name, "n int, y, x *float32, c float32", doc)
		n, y, x := g.argument("n"), g.argument("y"), g.argument("x")
		c := g.broadcast("c")
		g.elements("e", n, unroll, func(l lanes) {
			result := g.YMM()
			if updates {
				result = l.load(y)
			}
			f(l.load(x), c, result)
			l.store(result, y)
		})
		g.end()
	}
	scaled("avx2AddScalar", "is y = x + c.", func(x, c, y reg.VecVirtual) { g.VADDPS(c, x, y) }, false)
	scaled("avx2Scale", "is y = c x.", func(x, c, y reg.VecVirtual) { g.VMULPS(c, x, y) }, false)
	scaled("avx2Axpy", "is y += c x.", func(x, c, y reg.VecVirtual) { g.VFMADD231PS(c, x, y) }, true)

	g.function("avx2Max", "n int, y, index, x *float32, position float32",
		"is y, index = x, position where x > y or x is a NaN.")
	n, y, index, x := g.argument("n"), g.argument("y"), g.argument("index"), g.argument("x")
	position := g.broadcast("position")
	g.elements("e", n, 1, func(l lanes) {
		old, candidate := l.load(y), l.load(x)
		larger, missing := g.YMM(), g.YMM()
		g.VCMPPS(greater, old, candidate, larger)
		g.VCMPPS(unordered, candidate, candidate, missing)
		g.VORPS(missing, larger, larger)
		g.VBLENDVPS(larger, candidate, old, old)
		l.store(old, y)
		where := l.load(index)
		g.VBLENDVPS(larger, position, where, where)
		l.store(where, index)
	})
	g.end()
}
