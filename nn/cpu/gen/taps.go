package main

import "github.com/mmcloughlin/avo/operand"

// taps emits one row of a depthwise convolution's kernel over channels-last cells.
func (g *generator) taps() {
	g.function("avx2Taps", "channels, cells int, y, x, weight *float32, taps, weightStride int",
		"adds to each of some cells of y the taps cells of x that begin at its own place, times one row of weight a tap.")
	channels, cells := g.argument("channels"), g.argument("cells")
	y, x, weight := g.argument("y"), g.argument("x"), g.argument("weight")
	weightStride, cell := g.stride("weightStride"), g.stride("channels")
	g.Label("cell")
	g.elements("e", channels, 1, func(l lanes) {
		label := "tap"
		if l.mask != nil {
			label = "tap_masked"
		}
		fromX, fromWeight, left := g.GP64(), g.GP64(), g.argument("taps")
		g.LEAQ(l.at(x), fromX)
		g.LEAQ(l.at(weight), fromWeight)
		sum := g.zero()
		g.Label(label)
		g.VFMADD231PS(l.loadAt(operand.Mem{Base: fromX}), l.loadAt(operand.Mem{Base: fromWeight}), sum)
		g.ADDQ(cell, fromX)
		g.ADDQ(weightStride, fromWeight)
		g.DECQ(left)
		g.JNZ(operand.LabelRef(label))
		g.VADDPS(l.load(y), sum, sum)
		l.store(sum, y)
	})
	g.ADDQ(cell, x)
	g.ADDQ(cell, y)
	g.DECQ(cells)
	g.JNZ(operand.LabelRef("cell"))
	g.end()
}
