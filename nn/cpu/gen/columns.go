package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// columns emits the sums down the columns of a matrix. Four rows are added in one pass over sum, one after the other, so
// that an element has the same bits as when rows are added one by one.
func (g *generator) columns() {
	g.column("avx2ColumnSum", "adds each row of x to sum.", false, false,
		func(l lanes, sum, _ reg.VecVirtual, x, _ operand.Mem) { g.VADDPS(l.loadAt(x), sum, sum) })
	g.column("avx2ColumnSquares", "adds (x-center)² of each row to sum.", true, false,
		func(l lanes, sum, center reg.VecVirtual, x, _ operand.Mem) {
			v := l.loadAt(x)
			g.VSUBPS(center, v, v)
			g.VFMADD231PS(v, v, sum)
		})
	g.column("avx2ColumnDot", "adds x b of each row to sum.", false, true,
		func(l lanes, sum, _ reg.VecVirtual, x, b operand.Mem) { g.VFMADD231PS(l.loadAt(b), l.loadAt(x), sum) })
	g.column("avx2ColumnCenteredDot", "adds (x-center) b of each row to sum.", true, true,
		func(l lanes, sum, center reg.VecVirtual, x, b operand.Mem) {
			v := l.loadAt(x)
			g.VSUBPS(center, v, v)
			g.VFMADD231PS(l.loadAt(b), v, sum)
		})
}

// column emits one of these functions. If centered, all rows share the vector center; if paired, b is a second matrix.
func (g *generator) column(name, doc string, centered, paired bool, add func(l lanes, sum, center reg.VecVirtual, x, b operand.Mem)) {
	pointers := "sum, x"
	if centered {
		pointers += ", center"
	}
	if paired {
		pointers += ", b"
	}
	g.function(name, "width int, "+pointers+" *float32, rows, stride int", doc)
	width, sum, x, rows := g.argument("width"), g.argument("sum"), g.argument("x"), g.argument("rows")
	stride := g.stride("stride")
	var centers, second reg.GPVirtual
	if centered {
		centers = g.argument("center")
	}
	if paired {
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
			if centered {
				center = l.load(centers)
			}
			var fromX, fromB reg.GPVirtual
			for i := range n {
				b := operand.Mem{}
				if paired {
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
		if paired {
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
