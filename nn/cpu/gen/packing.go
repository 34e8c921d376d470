package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// packing emits the copies of k rows of a matrix into panels: the columns are cut into panels of 6 (a transposed A) or 16
// (B), and a panel holds its k pieces of rows one after the other. Four rows are copied together panel by panel: that
// reads whole cache lines, and fills whole ones.
func (g *generator) packing() {
	g.pack("avx2Pack6", 6)
	g.pack("avx2Pack16", 16)
	g.packEdge()
	g.prefetch()
}

func (g *generator) pack(name string, width int) {
	g.function(name, "panels, k int, src *float32, ld int, dst *float32, panelStride int",
		fmt.Sprintf("copies k rows of panels·%d elements into panels: panel p gets its piece of row i at p·panelStride + %d·i.", width, width))
	panels, k, src, dst := g.argument("panels"), g.argument("k"), g.argument("src"), g.argument("dst")
	ld, panelStride := g.stride("ld"), g.stride("panelStride")
	ld3, from, to, left := g.GP64(), g.GP64(), g.GP64(), g.GP64()
	g.LEAQ(operand.Mem{Base: ld, Index: ld, Scale: 2}, ld3)
	rows := func(label string, n int) {
		g.SUBQ(number(n), k)
		g.JL(operand.LabelRef(label + "_end"))
		g.Label(label)
		g.MOVQ(src, from)
		g.MOVQ(dst, to)
		g.MOVQ(panels, left)
		g.Label(label + "_panel")
		for i := range n {
			row := []operand.Mem{{Base: from}, {Base: from, Index: ld, Scale: 1}, {Base: from, Index: ld, Scale: 2}, {Base: from, Index: ld3, Scale: 1}}[i]
			g.copyPiece(width, row, operand.Mem{Base: to, Disp: i * width * float})
		}
		g.ADDQ(number(width*float), from)
		g.ADDQ(panelStride, to)
		g.DECQ(left)
		g.JNZ(operand.LabelRef(label + "_panel"))
		if n == 4 {
			g.LEAQ(operand.Mem{Base: src, Index: ld, Scale: 4}, src)
		} else {
			g.ADDQ(ld, src)
		}
		g.ADDQ(number(n*width*float), dst)
		g.SUBQ(number(n), k)
		g.JGE(operand.LabelRef(label))
		g.Label(label + "_end")
		g.ADDQ(number(n), k)
	}
	rows("four", 4)
	rows("one", 1)
	g.end()
}

// copyPiece copies 6 or 16 elements.
func (g *generator) copyPiece(width int, from, to operand.Mem) {
	if width == 16 {
		for i := range 2 {
			v := g.YMM()
			g.VMOVUPS(from.Offset(i*vector), v)
			g.VMOVUPS(v, to.Offset(i*vector))
		}
		return
	}
	four, two := g.XMM(), g.GP64()
	g.VMOVUPS(from, four)
	g.MOVQ(from.Offset(4*float), two)
	g.VMOVUPS(four, to)
	g.MOVQ(two, to.Offset(4*float))
}

// packEdge emits the copy of fewer columns than a panel has, with zeros for the others.
func (g *generator) packEdge() {
	g.function("avx2PackEdge", "width, k int, src *float32, ld int, dst *float32",
		"copies k rows of width ≤ 16 elements to a panel of 16, with zeros behind them.")
	k, src, dst, ld := g.argument("k"), g.argument("src"), g.argument("dst"), g.stride("ld")
	left, right := g.argument("width"), g.GP64()
	zero, eight := g.GP64(), g.GP64()
	g.XORQ(zero, zero)
	g.MOVQ(operand.U32(8), eight)
	g.MOVQ(left, right)
	g.SUBQ(eight, right)
	g.CMOVQLT(zero, right)
	g.CMPQ(left, eight)
	g.CMOVQGT(eight, left)
	masks := []reg.VecVirtual{g.tailMask(left), g.tailMask(right)}
	g.Label("row")
	for i, mask := range masks {
		v := g.YMM()
		g.VMASKMOVPS(operand.Mem{Base: src, Disp: i * vector}, mask, v)
		g.VMOVUPS(v, operand.Mem{Base: dst, Disp: i * vector})
	}
	g.ADDQ(ld, src)
	g.ADDQ(number(16*float), dst)
	g.DECQ(k)
	g.JNZ(operand.LabelRef("row"))
	g.end()
}

// prefetch emits the prefetch of what will be packed next, in lines of 64 bytes.
func (g *generator) prefetch() {
	g.function("avx2Prefetch", "rows, lines int, src *float32, ld int", "asks for the first cache lines of each row, for the second cache.")
	rows, lines, src := g.argument("rows"), g.argument("lines"), g.argument("src")
	ld := g.stride("ld")
	at, left := g.GP64(), g.GP64()
	g.Label("row")
	g.MOVQ(src, at)
	g.MOVQ(lines, left)
	g.Label("line")
	g.PREFETCHT1(operand.Mem{Base: at})
	g.ADDQ(number(64), at)
	g.DECQ(left)
	g.JNZ(operand.LabelRef("line"))
	g.ADDQ(ld, src)
	g.DECQ(rows)
	g.JNZ(operand.LabelRef("row"))
	g.RET()
}
