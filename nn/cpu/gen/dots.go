package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dotRows is how many rows of A a call takes.
const dotRows = 4

// dots emits the product of two matrices that are both read along their rows, for shapes that are not worth packing: every
// element of C is a separate dot product, with 8 partial sums that are added at the end.
func (g *generator) dots() {
	g.function("avx2Dots", "m, n, k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, accumulate int",
		fmt.Sprintf("is C = A Bᵀ or C += A Bᵀ for 1 ≤ m ≤ %d rows of A and n rows of B, of k elements each.", dotRows))
	m := g.argument("m")
	for rows := dotRows - 1; rows > 0; rows-- {
		g.CMPQ(m, number(rows))
		g.JE(operand.LabelRef(fmt.Sprintf("rows%d", rows)))
	}
	for rows := dotRows; rows > 0; rows-- {
		g.Label(fmt.Sprintf("rows%d", rows))
		g.dotStrip(rows)
		g.end()
	}
}

// dotStrip multiplies rows of A with all rows of B, two at a time and then one.
func (g *generator) dotStrip(rows int) {
	a := make([]reg.GPVirtual, rows)
	lda := g.stride("lda")
	a[0] = g.argument("a")
	for i := 1; i < rows; i++ {
		a[i] = g.GP64()
		g.LEAQ(operand.Mem{Base: a[i-1], Index: lda, Scale: 1}, a[i])
	}
	b, c, n := g.argument("b"), g.argument("c"), g.argument("n")
	columns := func(count int) {
		label := fmt.Sprintf("rows%d_columns%d", rows, count)
		g.SUBQ(number(count), n)
		g.JL(operand.LabelRef(label + "_end"))
		g.Label(label)
		from := []reg.GPVirtual{b, g.GP64()}[:count]
		ldb := g.stride("ldb")
		if count == 2 {
			g.LEAQ(operand.Mem{Base: b, Index: ldb, Scale: 1}, from[1])
		}
		sums := make([][]reg.VecVirtual, count)
		for j := range sums {
			sums[j] = g.accumulators(rows)
		}
		g.elements(label+"_k", g.argument("k"), 1, func(l lanes) {
			var values []reg.VecVirtual
			for j := range from {
				values = append(values, l.load(from[j]))
			}
			for i := range a {
				x := l.load(a[i])
				for j, v := range values {
					g.VFMADD231PS(v, x, sums[j][i])
				}
			}
		})
		for j := range sums {
			g.storeDots(fmt.Sprintf("%s_%d", label, j), g.totals(sums[j]), rows, c)
			g.ADDQ(operand.Imm(float), c)
		}
		next := g.stride("ldb")
		g.LEAQ(operand.Mem{Base: b, Index: next, Scale: uint8(count)}, b)
		g.SUBQ(number(count), n)
		g.JGE(operand.LabelRef(label))
		g.Label(label + "_end")
		g.ADDQ(number(count), n)
	}
	columns(2)
	columns(1)
}

// totals adds the 8 elements of each of up to 4 vectors, neighbours first and the halves last, and returns the sums side
// by side.
func (g *generator) totals(v []reg.VecVirtual) reg.VecVirtual {
	four := make([]reg.VecVirtual, dotRows)
	for i := range four {
		four[i] = v[min(i, len(v)-1)]
	}
	g2, g4 := g.YMM(), g.YMM()
	g.VHADDPS(four[1], four[0], g2)
	g.VHADDPS(four[3], four[2], g4)
	g.VHADDPS(g4, g2, g2)
	high := g.XMM()
	g.VEXTRACTF128(operand.Imm(1), g2, high)
	g.VADDPS(high, g2.AsX(), high)
	return high
}

// storeDots writes the sums down a column of C, or adds them to it.
func (g *generator) storeDots(label string, sums reg.VecVirtual, rows int, c reg.GPVirtual) {
	ldc := g.stride("ldc")
	row := g.GP64()
	accumulate := g.argument("accumulate")
	g.TESTQ(accumulate, accumulate)
	g.JZ(operand.LabelRef(label + "_write"))
	g.MOVQ(c, row)
	old := g.XMM()
	g.VMOVSS(operand.Mem{Base: row}, old)
	for i := 1; i < rows; i++ {
		g.ADDQ(ldc, row)
		g.VINSERTPS(operand.Imm(uint64(i)<<4), operand.Mem{Base: row}, old, old)
	}
	g.VADDPS(old, sums, sums)
	g.Label(label + "_write")
	g.MOVQ(c, row)
	g.VMOVSS(sums, operand.Mem{Base: row})
	for i := 1; i < rows; i++ {
		g.ADDQ(ldc, row)
		g.VEXTRACTPS(operand.Imm(uint64(i)), sums, operand.Mem{Base: row})
	}
}
