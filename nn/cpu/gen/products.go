package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// tileRows is the height of the tile of C that a kernel keeps in registers: 6×16 elements are 12 accumulators, which
// leaves two registers for a row of B and two for elements of A.
const tileRows = 6

// products emits the micro-kernels of the matrix product. Both add over k one fused multiply-add after the other, from
// zero, and then add C, so that an element has the same bits from either and in any row.
func (g *generator) products() {
	g.strip("avx2Strip16", 2)
	g.strip("avx2Strip8", 1)
}

// strip emits the kernel for a strip of C that is 8·vectors columns wide. The one with a single vector reads 8
// columns of B and writes width columns of C.
func (g *generator) strip(name string, vectors int) {
	narrow := vectors == 1
	parameters := "m, k int, a *float32, rowStride, stepStride, panelStride int, b *float32, bStride int, c *float32, ldc int, accumulate int"
	doc := "is C = A B or C += A B for m rows and 16 columns of C: element (i, k) of A is at i%6·rowStride + i/6·panelStride + k·stepStride."
	if narrow {
		parameters += ", width int"
		doc = "is avx2Strip16 for 1 ≤ width ≤ 8 columns of C; B has 8."
	}
	g.function(name, parameters, doc)
	m, a, c := g.argument("m"), g.argument("a"), g.argument("c")
	rowStride, stepStride := g.stride("rowStride"), g.stride("stepStride")
	bStride, ldc := g.stride("bStride"), g.stride("ldc")
	var mask reg.VecVirtual
	if narrow {
		width := g.argument("width")
		mask = g.tailMask(width)
	}

	g.tiles(m, a, func(rows int) {
		accumulators := g.tile(rows, vectors, a, rowStride, stepStride, bStride)
		g.storeTile(rows, vectors, accumulators, c, ldc, mask)
	})
}

// tiles emits the loop over m rows, six at a time and then the remaining ones together: tile multiplies rows of A, from a
// on, and moves down C.
func (g *generator) tiles(m, a reg.GPVirtual, tile func(rows int)) {
	label := func(rows int) string { return fmt.Sprintf("rows%d", rows) }
	g.Label("tile")
	for rows := tileRows - 1; rows > 0; rows-- {
		g.CMPQ(m, number(rows))
		g.JE(operand.LabelRef(label(rows)))
	}
	for rows := tileRows; rows > 0; rows-- {
		g.Label(label(rows))
		tile(rows)
		if rows == tileRows {
			panelStride := g.stride("panelStride")
			g.ADDQ(panelStride, a)
			g.SUBQ(operand.Imm(tileRows), m)
			g.JNZ(operand.LabelRef("tile"))
		}
		g.end()
	}
}

// tile adds over k into rows×vectors accumulators.
func (g *generator) tile(rows, vectors int, a, rowStride, stepStride, bStride reg.GPVirtual) [][]reg.VecVirtual {
	label := func(s string) string { return fmt.Sprintf("rows%d_%s", rows, s) }
	accumulators := make([][]reg.VecVirtual, rows)
	for i := range accumulators {
		for range vectors {
			accumulators[i] = append(accumulators[i], g.zero())
		}
	}
	upper, lower, row, steps := g.GP64(), g.GP64(), g.GP64(), g.GP64() // A's rows 0…2 and 3…5, B's row
	g.MOVQ(a, upper)
	g.LEAQ(operand.Mem{Base: rowStride, Index: rowStride, Scale: 2}, lower)
	g.ADDQ(a, lower)
	g.Load(g.Param("b"), row)
	g.Load(g.Param("k"), steps)
	element := func(i int) operand.Mem {
		base := upper
		if i >= 3 {
			base = lower
		}
		if i%3 == 0 {
			return operand.Mem{Base: base}
		}
		return operand.Mem{Base: base, Index: rowStride, Scale: uint8(i % 3)}
	}
	values := make([]reg.VecVirtual, vectors)
	for j := range values {
		values[j] = g.YMM()
	}
	broadcasts := []reg.VecVirtual{g.YMM(), g.YMM()}
	step := func() {
		for j, v := range values {
			g.VMOVUPS(operand.Mem{Base: row, Disp: j * vector}, v)
		}
		for i := range rows {
			x := broadcasts[i%2]
			g.VBROADCASTSS(element(i), x)
			for j, v := range values {
				g.VFMADD231PS(v, x, accumulators[i][j])
			}
		}
		g.ADDQ(stepStride, upper)
		if rows > 3 {
			g.ADDQ(stepStride, lower)
		}
		g.ADDQ(bStride, row)
	}
	const unroll = 4
	g.SUBQ(operand.Imm(unroll), steps)
	g.JL(operand.LabelRef(label("last")))
	g.Label(label("steps"))
	for range unroll {
		step()
	}
	g.SUBQ(operand.Imm(unroll), steps)
	g.JGE(operand.LabelRef(label("steps")))
	g.Label(label("last"))
	g.ADDQ(operand.Imm(unroll), steps)
	g.JZ(operand.LabelRef(label("store")))
	g.Label(label("step"))
	step()
	g.SUBQ(operand.Imm(1), steps)
	g.JNZ(operand.LabelRef(label("step")))
	g.Label(label("store"))
	return accumulators
}

// storeTile writes the accumulators to C, or adds them to it, and moves c down by as many rows.
func (g *generator) storeTile(rows, vectors int, accumulators [][]reg.VecVirtual, c, ldc reg.GPVirtual, mask reg.VecVirtual) {
	label := func(s string) string { return fmt.Sprintf("rows%d_%s", rows, s) }
	accumulate := g.argument("accumulate")
	g.TESTQ(accumulate, accumulate)
	g.JZ(operand.LabelRef(label("write")))
	row := g.GP64()
	g.MOVQ(c, row)
	for i := range rows {
		for j := range vectors {
			at := operand.Mem{Base: row, Disp: j * vector}
			if mask != nil {
				old := g.YMM()
				g.VMASKMOVPS(at, mask, old)
				g.VADDPS(old, accumulators[i][j], accumulators[i][j])
			} else {
				g.VADDPS(at, accumulators[i][j], accumulators[i][j])
			}
		}
		g.ADDQ(ldc, row)
	}
	g.Label(label("write"))
	if mask != nil {
		width := g.argument("width")
		g.CMPQ(width, operand.Imm(8))
		g.JE(operand.LabelRef(label("whole")))
		for i := range rows {
			g.storeFirst(label(fmt.Sprintf("part%d", i)), width, accumulators[i][0], c)
			g.ADDQ(ldc, c)
		}
		g.JMP(operand.LabelRef(label("stored")))
		g.Label(label("whole"))
	}
	for i := range rows {
		for j := range vectors {
			g.VMOVUPS(accumulators[i][j], operand.Mem{Base: c, Disp: j * vector})
		}
		g.ADDQ(ldc, c)
	}
	g.Label(label("stored"))
}

// storeFirst stores the first width < 8 elements of v by the binary digits of width: a masked store takes some 20 cycles
// on AMD.
func (g *generator) storeFirst(name string, width reg.GPVirtual, v reg.VecVirtual, to reg.GPVirtual) {
	at, rest := g.GP64(), v.AsX()
	g.MOVQ(to, at)
	digit := func(elements int, store, shift func()) {
		label := fmt.Sprintf("%s_%d", name, elements)
		g.TESTQ(operand.U32(elements), width)
		g.JZ(operand.LabelRef(label))
		store()
		if elements > 1 {
			g.ADDQ(number(elements*float), at)
			shift()
		}
		g.Label(label)
	}
	digit(4, func() { g.VMOVUPS(rest, operand.Mem{Base: at}) }, func() { g.VEXTRACTF128(operand.Imm(1), v, rest) })
	digit(2, func() { g.VMOVLPS(rest, operand.Mem{Base: at}) }, func() { g.VSHUFPS(operand.Imm(0xee), rest, rest, rest) })
	digit(1, func() { g.VMOVSS(rest, operand.Mem{Base: at}) }, nil)
}
