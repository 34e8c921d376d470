package main

import "github.com/mmcloughlin/avo/reg"

// reductions emits the sums over all elements. Vector i of the unrolled loop is added to accumulator i, vectors after it
// to accumulator 0; at the end the accumulators are added in order, then their elements.
func (g *generator) reductions() {
	const unroll = 4
	accumulators := func() []reg.VecVirtual {
		list := make([]reg.VecVirtual, unroll)
		for i := range list {
			list[i] = g.zero()
		}
		return list
	}
	finish := func(list []reg.VecVirtual) {
		for _, a := range list[1:] {
			g.VADDPS(a, list[0], list[0])
		}
		g.returns(g.total(list[0]), 0)
		g.end()
	}

	g.function("avx2Sum", "n int, x *float32) (sum float32", "adds n elements.")
	n, x := g.argument("n"), g.argument("x")
	sums := accumulators()
	g.elements("e", n, unroll, func(l lanes) { g.VADDPS(l.load(x), sums[l.index], sums[l.index]) })
	finish(sums)

	g.function("avx2Dot", "n int, a, b *float32) (sum float32", "adds n products.")
	n, a, b := g.argument("n"), g.argument("a"), g.argument("b")
	sums = accumulators()
	g.elements("e", n, unroll, func(l lanes) { g.VFMADD231PS(l.load(b), l.load(a), sums[l.index]) })
	finish(sums)
}
