package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// depthwise emits depthwise convolutions and the gradients of their weights.
func (g *generator) depthwise() {
	g.taps()
	for _, kernel := range []int{3, 5} {
		g.depthwiseRow(kernel)
		g.depthwiseGrad(kernel)
	}
}

// panelCell is the size in bytes of a cell of 16 channels.
const panelCell = 2 * vector

// depthwiseRow emits a row of a convolution. Three cells of 8 channels are computed together, so that the cells of x that
// they share are loaded once: they, the sums of a row of the kernel and those of all rows fill the registers.
func (g *generator) depthwiseRow(kernel int) {
	g.function(fmt.Sprintf("avx2Depthwise%d", kernel), "cells, rows int, x *float32, xRow int, weight, y *float32, yCell int",
		fmt.Sprintf("adds rows of a kernel of %d×%d to cells of y, of 16 channels each, yCell apart. x and weight are dense; x has %d cells more than y.",
			kernel, kernel, kernel-1))
	cells, x, y := g.argument("cells"), g.argument("x"), g.argument("y")
	xRow, yCell := g.stride("xRow"), g.stride("yCell")
	together := func(label string, count int) {
		g.SUBQ(number(count), cells)
		g.JL(operand.LabelRef(label + "_end"))
		g.Label(label)
		for half := range 2 {
			row := fmt.Sprintf("%s_row%d", label, half)
			cell := func(base reg.GPVirtual, i int) operand.Mem {
				return operand.Mem{Base: base, Disp: i*panelCell + half*vector}
			}
			at := make([]operand.Mem, count) // of y
			for i := range at {
				at[i] = operand.Mem{Base: y, Disp: half * vector}
				if i > 0 {
					at[i].Index, at[i].Scale = yCell, uint8(i)
				}
			}
			totals := make([]reg.VecVirtual, count)
			for i := range totals {
				totals[i] = g.YMM()
				g.VMOVUPS(at[i], totals[i])
			}
			from, weight, left := g.GP64(), g.argument("weight"), g.argument("rows")
			g.MOVQ(x, from)
			g.Label(row)
			values, sums := make([]reg.VecVirtual, count+kernel-1), make([]reg.VecVirtual, count)
			for i := range values {
				values[i] = g.YMM()
				g.VMOVUPS(cell(from, i), values[i])
			}
			for tap := range kernel {
				w := g.YMM()
				g.VMOVUPS(cell(weight, tap), w)
				for i := range sums {
					if tap == 0 {
						sums[i] = g.YMM()
						g.VMULPS(values[i], w, sums[i])
					} else {
						g.VFMADD231PS(values[i+tap], w, sums[i])
					}
				}
			}
			for i := range totals {
				g.VADDPS(sums[i], totals[i], totals[i])
			}
			g.ADDQ(xRow, from)
			g.ADDQ(number(kernel*panelCell), weight)
			g.DECQ(left)
			g.JNZ(operand.LabelRef(row))
			for i := range totals {
				g.VMOVUPS(totals[i], at[i])
			}
		}
		g.ADDQ(number(count*panelCell), x)
		for range count {
			g.ADDQ(yCell, y)
		}
		g.SUBQ(number(count), cells)
		g.JGE(operand.LabelRef(label))
		g.Label(label + "_end")
		g.ADDQ(number(count), cells)
	}
	together("three", 3)
	together("one", 1)
	g.end()
}

// depthwiseGrad emits the gradients of a row of the kernel's weights.
func (g *generator) depthwiseGrad(kernel int) {
	g.function(fmt.Sprintf("avx2DepthwiseGrad%d", kernel), "cells, rows int, x *float32, xRow int, dy *float32, dyRow, dyCell int, sum *float32, sumCell int",
		fmt.Sprintf("adds x dy over rows of cells of 16 channels to each of the %d taps of sum. x is dense, and has %d cells more than dy.", kernel, kernel-1))
	rows, x, dy := g.argument("rows"), g.argument("x"), g.argument("dy")
	xRow, dyRow, dyCell := g.stride("xRow"), g.stride("dyRow"), g.stride("dyCell")
	sums := make([][2]reg.VecVirtual, kernel)
	eachSum := func(f func(at operand.Mem, sum reg.VecVirtual)) {
		sum, sumCell := g.argument("sum"), g.stride("sumCell")
		for tap := range sums {
			for half, v := range sums[tap] {
				f(operand.Mem{Base: sum, Disp: half * vector}, v)
			}
			g.ADDQ(sumCell, sum)
		}
	}
	for tap := range sums {
		sums[tap] = [2]reg.VecVirtual{g.YMM(), g.YMM()}
	}
	eachSum(func(at operand.Mem, sum reg.VecVirtual) { g.VMOVUPS(at, sum) })
	g.Label("row")
	fromX, fromDY, left := g.GP64(), g.GP64(), g.argument("cells")
	g.MOVQ(x, fromX)
	g.MOVQ(dy, fromDY)
	g.Label("cell")
	for half := range 2 {
		d := g.YMM()
		g.VMOVUPS(operand.Mem{Base: fromDY, Disp: half * vector}, d)
		for tap := range sums {
			g.VFMADD231PS(operand.Mem{Base: fromX, Disp: tap*panelCell + half*vector}, d, sums[tap][half])
		}
	}
	g.ADDQ(number(panelCell), fromX)
	g.ADDQ(dyCell, fromDY)
	g.DECQ(left)
	g.JNZ(operand.LabelRef("cell"))
	g.ADDQ(xRow, x)
	g.ADDQ(dyRow, dy)
	g.DECQ(rows)
	g.JNZ(operand.LabelRef("row"))
	eachSum(func(at operand.Mem, sum reg.VecVirtual) { g.VMOVUPS(sum, at) })
	g.end()
}

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
