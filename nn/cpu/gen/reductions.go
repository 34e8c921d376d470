package main

import "github.com/mmcloughlin/avo/reg"

// reductions emits the sums over all elements. Vector i of the unrolled loop is added to accumulator i, vectors after it
// to accumulator 0; at the end the accumulators are added in order, then their elements.
func (g *generator) reductions() {
	const unroll = 4
	g.function("avx2Sum", "n int, x *float32) (sum float32", "adds n elements.")
	n, x := g.argument("n"), g.argument("x")
	sums := g.accumulators(unroll)
	g.elements("e", n, unroll, func(l lanes) { g.VADDPS(l.load(x), sums[l.index], sums[l.index]) })
	g.returns(g.total(g.add(sums)))
	g.end()

	g.function("avx2Dot", "n int, a, b *float32) (sum float32", "adds n products.")
	n, a, b := g.argument("n"), g.argument("a"), g.argument("b")
	sums = g.accumulators(unroll)
	g.elements("e", n, unroll, func(l lanes) { g.VFMADD231PS(l.load(b), l.load(a), sums[l.index]) })
	g.returns(g.total(g.add(sums)))
	g.end()
}

// accumulators are count vectors of zeros.
func (g *generator) accumulators(count int) []reg.VecVirtual {
	list := make([]reg.VecVirtual, count)
	for i := range list {
		list[i] = g.zero()
	}
	return list
}

// add adds accumulators in order to the first one.
func (g *generator) add(accumulators []reg.VecVirtual) reg.VecVirtual {
	for _, a := range accumulators[1:] {
		g.VADDPS(a, accumulators[0], accumulators[0])
	}
	return accumulators[0]
}
