package main

import (
	"strings"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columns emits the sums down the columns of a matrix. Four rows are added in one pass over sum, one after the other, so
// that an element has the bits of adding row by row.
func (g *generator) columns() {
	const sum, center, b = "width int, sum, x", ", center", ", b"
	const rest = " *float32, rows, stride int"
	g.column("avx2ColumnSum", sum+rest, "adds each row of x to sum.",
		func(l lanes, sum, _ reg.VecVirtual, x, _ operand.Mem) { g.VADDPS(l.loadAt(x), sum, sum) })
	g.column("avx2ColumnSquares", sum+center+rest, "adds (x-center)² of each row to sum.",
		func(l lanes, sum, center reg.VecVirtual, x, _ operand.Mem) {
			v := l.loadAt(x)
			g.VSUBPS(center, v, v)
			g.VFMADD231PS(v, v, sum)
		})
	g.column("avx2ColumnDot", sum+b+rest, "adds x b of each row to sum.",
		func(l lanes, sum, _ reg.VecVirtual, x, b operand.Mem) { g.VFMADD231PS(l.loadAt(b), l.loadAt(x), sum) })
	g.column("avx2ColumnCenteredDot", sum+center+b+rest, "adds (x-center) b of each row to sum.",
		func(l lanes, sum, center reg.VecVirtual, x, b operand.Mem) {
			v := l.loadAt(x)
			g.VSUBPS(center, v, v)
			g.VFMADD231PS(l.loadAt(b), v, sum)
		})
}

// column emits one of them: center is a vector that all rows share, b a second matrix.
func (g *generator) column(name, parameters, doc string, add func(l lanes, sum, center reg.VecVirtual, x, b operand.Mem)) {
	g.function(name, parameters, doc)
	width, sum, x, rows := g.argument("width"), g.argument("sum"), g.argument("x"), g.argument("rows")
	stride := g.stride("stride")
	var centers, second reg.GPVirtual
	if strings.Contains(parameters, "center") {
		centers = g.argument("center")
	}
	if strings.Contains(parameters, ", b ") {
		second = g.argument("b")
	}
	stride3 := g.GP64()
	g.LEAQ(operand.Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	pass := func(label string, n int) {
		g.SUBQ(number(n), rows)
		g.JL(operand.LabelRef(label + "_end"))
		g.Label(label)
		g.elements(label+"_e", width, 1, func(l lanes) {
			s := l.load(sum)
			row := func(base reg.GPVirtual, from *reg.GPVirtual, i int) operand.Mem {
				if *from == nil && base != nil {
					*from = g.GP64()
					g.LEAQ(l.at(base), *from)
				}
				if i == 0 {
					return operand.Mem{Base: *from}
				}
				if i == 3 {
					return operand.Mem{Base: *from, Index: stride3, Scale: 1}
				}
				return operand.Mem{Base: *from, Index: stride, Scale: uint8(i)}
			}
			var center reg.VecVirtual
			if centers != nil {
				center = l.load(centers)
			}
			var fromX, fromB reg.GPVirtual
			for i := range n {
				b := operand.Mem{}
				if second != nil {
					b = row(second, &fromB, i)
				}
				add(l, s, center, row(x, &fromX, i), b)
			}
			l.store(s, sum)
		})
		move := func(pointer reg.GPVirtual) {
			if n == 4 {
				g.LEAQ(operand.Mem{Base: pointer, Index: stride, Scale: 4}, pointer)
			} else {
				g.ADDQ(stride, pointer)
			}
		}
		move(x)
		if second != nil {
			move(second)
		}
		g.SUBQ(number(n), rows)
		g.JGE(operand.LabelRef(label))
		g.Label(label + "_end")
		g.ADDQ(number(n), rows)
	}
	pass("four", 4)
	pass("one", 1)
	g.end()
}
