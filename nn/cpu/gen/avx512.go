package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// wideVector is the size in bytes of a vector of 16 elements.
const wideVector = 64

// wideProducts emits the micro-kernel for CPUs with AVX-512: 6×32 elements of C are 12 accumulators. It gives the same bits
// as the others: each element is summed over k by one fused multiply-add after the other. More rows would need fewer loads,
// but if rows of A are a multiple of 4 KiB apart, as with 3072 elements, more than 8 rows evict each other from the L1
// cache.
func (g *generator) wideProducts() {
	g.function("avx512Strip32", "m, k int, a *float32, rowStride, stepStride, panelStride int, b *float32, bStride, bDistance int, c *float32, ldc int, accumulate int",
		"is avx2Strip16 for 32 columns of C; the second 16 of B begin bDistance after the first.")
	m, a, c := g.argument("m"), g.argument("a"), g.argument("c")
	ldc := g.stride("ldc")
	g.tiles(m, a, func(rows int) { g.wideTile(rows, a, c, ldc) })
}

// wideTile adds over k into rows×2 accumulators, writes them to C or adds them to it, and moves c down by as many rows.
func (g *generator) wideTile(rows int, a, c, ldc reg.GPVirtual) {
	label := func(s string) string { return fmt.Sprintf("rows%d_%s", rows, s) }
	accumulators := make([][2]reg.VecVirtual, rows)
	for i := range accumulators {
		for j := range accumulators[i] {
			v := g.ZMM()
			g.VPXORD(v, v, v)
			accumulators[i][j] = v
		}
	}
	rowStride := g.stride("rowStride")
	upper, lower := g.GP64(), g.GP64() // A's rows 0…2 and 3…5
	g.MOVQ(a, upper)
	g.LEAQ(operand.Mem{Base: rowStride, Index: rowStride, Scale: 2}, lower)
	g.ADDQ(a, lower)
	first, second, steps := g.argument("b"), g.stride("bDistance"), g.argument("k")
	g.ADDQ(first, second)
	stepStride, bStride := g.stride("stepStride"), g.stride("bStride")
	step := func() {
		left, right := g.ZMM(), g.ZMM()
		g.VMOVUPS(operand.Mem{Base: first}, left)
		g.VMOVUPS(operand.Mem{Base: second}, right)
		for i := range accumulators {
			x := g.ZMM()
			g.VBROADCASTSS(rowAddress(upper, lower, nil, rowStride, i), x)
			g.VFMADD231PS(left, x, accumulators[i][0])
			g.VFMADD231PS(right, x, accumulators[i][1])
		}
		g.ADDQ(stepStride, upper)
		if rows > 3 {
			g.ADDQ(stepStride, lower)
		}
		g.ADDQ(bStride, first)
		g.ADDQ(bStride, second)
	}
	g.SUBQ(operand.Imm(2), steps)
	g.JL(operand.LabelRef(label("last")))
	g.Label(label("steps"))
	step()
	step()
	g.SUBQ(operand.Imm(2), steps)
	g.JGE(operand.LabelRef(label("steps")))
	g.Label(label("last"))
	g.ADDQ(operand.Imm(2), steps)
	g.JZ(operand.LabelRef(label("store")))
	step()
	g.Label(label("store"))

	accumulate := g.argument("accumulate")
	g.TESTQ(accumulate, accumulate)
	g.JZ(operand.LabelRef(label("write")))
	at := g.GP64()
	g.MOVQ(c, at)
	for i := range accumulators {
		for j, v := range accumulators[i] {
			g.VADDPS(operand.Mem{Base: at, Disp: j * wideVector}, v, v)
		}
		g.ADDQ(ldc, at)
	}
	g.Label(label("write"))
	for i := range accumulators {
		for j, v := range accumulators[i] {
			g.VMOVUPS(v, operand.Mem{Base: c, Disp: j * wideVector})
		}
		g.ADDQ(ldc, c)
	}
}
