package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// batchNorm emits the elementwise part of batch norm over channels-last rows, after the statistics.
func (g *generator) batchNorm() {
	g.function("avx2Normalise", "rows, width int, y, x, mean, gain, shift *float32", "is y = (x-mean) gain + shift for each row.")
	rows, width, y, x := g.argument("rows"), g.argument("width"), g.argument("y"), g.argument("x")
	mean, gain, shift := g.argument("mean"), g.argument("gain"), g.argument("shift")
	g.eachRow(rows, width, []reg.GPVirtual{y, x}, func(l lanes) {
		v := l.load(x)
		g.VSUBPS(l.load(mean), v, v)
		g.VFMADD213PS(l.load(shift), l.load(gain), v)
		l.store(v, y)
	})

	g.function("avx2NormaliseGrad", "rows, width int, dx, x, dy, mean, slope, factor, shift *float32",
		"is dx = (x-mean) slope + dy factor + shift for each row.")
	rows, width = g.argument("rows"), g.argument("width")
	dx, x, dy := g.argument("dx"), g.argument("x"), g.argument("dy")
	mean, slope, factor, shift := g.argument("mean"), g.argument("slope"), g.argument("factor"), g.argument("shift")
	g.eachRow(rows, width, []reg.GPVirtual{dx, x, dy}, func(l lanes) {
		v, d := l.load(x), l.load(dy)
		g.VFMADD213PS(l.load(shift), l.load(factor), d)
		g.VSUBPS(l.load(mean), v, v)
		g.VFMADD132PS(l.load(slope), d, v)
		l.store(v, dx)
	})
}

// eachRow emits a loop over rows of width elements, which advances the pointers, and the return.
func (g *generator) eachRow(rows, width reg.GPVirtual, pointers []reg.GPVirtual, body func(l lanes)) {
	g.Label("row")
	g.elements("e", width, 1, body)
	for _, p := range pointers {
		g.LEAQ(operand.Mem{Base: p, Index: width, Scale: float}, p)
	}
	g.DECQ(rows)
	g.JNZ(operand.LabelRef("row"))
	g.end()
}
