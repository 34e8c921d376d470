package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// layerNorms emits the layer norm of rows and its gradient. Every row has its own reductions, in a fixed order.
func (g *generator) layerNorms() {
	g.layerNorm()
	g.layerNormGrad()
}

// sumPair adds the elements of both vectors and multiplies the sums with factor.
func (g *generator) sumPair(a, b, factor reg.VecVirtual) (reg.VecVirtual, reg.VecVirtual) {
	a, b = g.total(a), g.total(b)
	g.VMULPS(factor, a, a)
	g.VMULPS(factor, b, b)
	return a, b
}

// layerNorm takes the mean in a first pass. The second adds the deviations, whose mean corrects the rounding of the
// first, and their squares; the third normalises.
func (g *generator) layerNorm() {
	g.function("avx2LayerNorm", "rows, width int, y, x, weight, bias, mean, rstd *float32, eps, part float32",
		"normalises rows; part is 1/width.")
	rows, width := g.argument("rows"), g.argument("width")
	y, x, weight, bias := g.argument("y"), g.argument("x"), g.argument("weight"), g.argument("bias")
	mean, rstd := g.argument("mean"), g.argument("rstd")
	part := g.broadcast("part")

	g.Label("row")
	sums := g.accumulators(4)
	g.elements("sum", width, 4, func(l lanes) { g.VADDPS(l.load(x), sums[l.index], sums[l.index]) })
	center := g.total(g.add(sums))
	g.VMULPS(part, center, center)

	deviations, squares := g.accumulators(4), g.accumulators(4)
	g.elements("square", width, 4, func(l lanes) {
		d := l.load(x)
		g.VSUBPS(center, d, d)
		if l.mask != nil {
			g.VANDPS(l.mask, d, d)
		}
		g.VADDPS(d, deviations[l.index], deviations[l.index])
		g.VFMADD231PS(d, d, squares[l.index])
	})
	correction, scale := g.sumPair(g.add(deviations), g.add(squares), part)
	g.VFNMADD231PS(correction, correction, scale) // the variance
	// For equal numbers it may be slightly below 0. VMAXPS returns its first operand if either is a NaN.
	g.VMAXPS(scale, g.zero(), scale)
	g.VADDPS(g.broadcast("eps"), scale, scale)
	g.VSQRTPS(scale, scale)
	one := g.constantRegister(1)
	g.VDIVPS(scale, one, scale)

	g.elements("normalise", width, 1, func(l lanes) {
		v := l.load(x)
		g.VSUBPS(center, v, v)
		g.VSUBPS(correction, v, v)
		g.VMULPS(scale, v, v)
		g.VFMADD213PS(l.load(bias), l.load(weight), v)
		l.store(v, y)
	})

	g.VADDPS(correction, center, center)
	g.VMOVSS(center.AsX(), operand.Mem{Base: mean})
	g.VMOVSS(scale.AsX(), operand.Mem{Base: rstd})
	g.ADDQ(operand.Imm(float), mean)
	g.ADDQ(operand.Imm(float), rstd)
	g.LEAQ(operand.Mem{Base: x, Index: width, Scale: float}, x)
	g.LEAQ(operand.Mem{Base: y, Index: width, Scale: float}, y)
	g.DECQ(rows)
	g.JNZ(operand.LabelRef("row"))
	g.end()
}

func (g *generator) layerNormGrad() {
	g.function("avx2LayerNormGrad", "rows, width int, dx, x, dy, weight, mean, rstd, plus, dweight, dbias *float32, part float32",
		"is the gradient of avx2LayerNorm; plus may be nil.")
	rows, width := g.argument("rows"), g.argument("width")
	x, dy := g.argument("x"), g.argument("dy")
	g.Label("row")
	// There are few registers, so each pass loads its pointers again.
	meanPointer, rstdPointer := g.argument("mean"), g.argument("rstd")
	center, scale := g.YMM(), g.YMM()
	g.VBROADCASTSS(operand.Mem{Base: meanPointer}, center)
	g.VBROADCASTSS(operand.Mem{Base: rstdPointer}, scale)
	g.ADDQ(operand.Imm(float), meanPointer)
	g.ADDQ(operand.Imm(float), rstdPointer)
	g.Store(meanPointer, g.Param("mean"))
	g.Store(rstdPointer, g.Param("rstd"))

	weight, dweight, dbias := g.argument("weight"), g.argument("dweight"), g.argument("dbias")
	sum, dot := g.accumulators(2), g.accumulators(2)
	g.elements("sum", width, 2, func(l lanes) {
		normal, d := l.load(x), l.load(dy)
		g.VSUBPS(center, normal, normal)
		g.VMULPS(scale, normal, normal)
		bias, gain := l.load(dbias), l.load(dweight)
		g.VADDPS(d, bias, bias)
		l.store(bias, dbias)
		g.VFMADD231PS(normal, d, gain)
		l.store(gain, dweight)
		g.VMULPS(l.load(weight), d, d)
		g.VADDPS(d, sum[l.index], sum[l.index])
		g.VFMADD231PS(normal, d, dot[l.index])
	})
	a, b := g.sumPair(g.add(sum), g.add(dot), g.broadcast("part"))

	dx, plus := g.argument("dx"), g.argument("plus")
	result := func(l lanes) reg.VecVirtual {
		normal, d := l.load(x), l.load(dy)
		g.VSUBPS(center, normal, normal)
		g.VMULPS(scale, normal, normal)
		g.VFMSUB132PS(l.load(weight), a, d) // w dy - a
		g.VFNMADD231PS(normal, b, d)
		return d
	}
	g.TESTQ(plus, plus)
	g.JNZ(operand.LabelRef("add"))
	g.elements("plain", width, 1, func(l lanes) {
		d := result(l)
		g.VMULPS(scale, d, d)
		l.store(d, dx)
	})
	g.JMP(operand.LabelRef("next"))
	g.Label("add")
	g.elements("plus", width, 1, func(l lanes) {
		d := result(l)
		g.VFMADD213PS(l.load(plus), scale, d)
		l.store(d, dx)
	})
	g.LEAQ(operand.Mem{Base: plus, Index: width, Scale: float}, plus)
	g.Store(plus, g.Param("plus"))
	g.Label("next")
	g.LEAQ(operand.Mem{Base: x, Index: width, Scale: float}, x)
	g.LEAQ(operand.Mem{Base: dy, Index: width, Scale: float}, dy)
	g.LEAQ(operand.Mem{Base: dx, Index: width, Scale: float}, dx)
	g.Store(dx, g.Param("dx"))
	g.DECQ(rows)
	g.JNZ(operand.LabelRef("row"))
	g.end()
}
