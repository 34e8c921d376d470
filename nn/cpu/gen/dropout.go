package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// dropout emits Philox4x32-10 for eight counters at once, one in each lane, and the dropout of the 32 elements that
// their words decide.
func (g *generator) dropout() {
	lanes := g.table("lane_numbers")
	for i := range 8 {
		g.AddDatum(float*i, operand.U32(i))
	}
	word := func(bits uint32) operand.Mem { return g.constant(math.Float32frombits(bits)) }
	multiplier0, multiplier1 := word(0xD2511F53), word(0xCD9E8D57)
	increment0, increment1, eight := word(0x9E3779B9), word(0xBB67AE85), word(8)

	g.function("avx2Dropout", "blocks int, y, x *float32, counter, step, number, key0, key1, threshold uint32, keep float32",
		"drops out blocks of 32 elements: y = x / keep where a word is at least threshold, else 0.")
	blocks, y, x := g.argument("blocks"), g.argument("y"), g.argument("x")
	counters := g.broadcast("counter")
	g.VPADDD(lanes, counters, counters)

	g.Label("block")
	c := [4]reg.VecVirtual{g.YMM(), g.zero(), g.broadcast("step"), g.broadcast("number")}
	g.VMOVDQU(counters, c[0])
	g.VPADDD(eight, counters, counters)
	key0, key1 := g.broadcast("key0"), g.broadcast("key1")
	for range 10 {
		low0, high0 := g.wide(c[0], multiplier0)
		low1, high1 := g.wide(c[2], multiplier1)
		g.VPXOR(c[1], high1, high1)
		g.VPXOR(key0, high1, high1)
		g.VPXOR(c[3], high0, high0)
		g.VPXOR(key1, high0, high0)
		c = [4]reg.VecVirtual{high1, low1, high0, low0}
		g.VPADDD(increment0, key0, key0)
		g.VPADDD(increment1, key1, key1)
	}

	// Lane i holds counter i's words: bring each counter's four words together, counters i and i+4 in one vector.
	threshold, keep := g.broadcast("threshold"), g.broadcast("keep")
	var pairs [4]reg.VecVirtual
	for i := range pairs {
		pairs[i] = g.YMM()
	}
	g.VPUNPCKLDQ(c[1], c[0], pairs[0])
	g.VPUNPCKHDQ(c[1], c[0], pairs[1])
	g.VPUNPCKLDQ(c[3], c[2], pairs[2])
	g.VPUNPCKHDQ(c[3], c[2], pairs[3])
	for i := range 4 {
		words, kept := g.YMM(), g.YMM()
		if i%2 == 0 {
			g.VPUNPCKLQDQ(pairs[2+i/2], pairs[i/2], words)
		} else {
			g.VPUNPCKHQDQ(pairs[2+i/2], pairs[i/2], words)
		}
		g.VPMAXUD(threshold, words, kept)
		g.VPCMPEQD(words, kept, kept)
		near, far := 4*float*i, 4*float*(i+4)
		v := g.YMM()
		g.VMOVUPS(operand.Mem{Base: x, Disp: near}, v.AsX())
		g.VINSERTF128(operand.Imm(1), operand.Mem{Base: x, Disp: far}, v, v)
		g.VDIVPS(keep, v, v)
		g.VANDPS(kept, v, v)
		g.VMOVUPS(v.AsX(), operand.Mem{Base: y, Disp: near})
		g.VEXTRACTF128(operand.Imm(1), v, operand.Mem{Base: y, Disp: far})
	}
	g.ADDQ(number(32*float), x)
	g.ADDQ(number(32*float), y)
	g.DECQ(blocks)
	g.JNZ(operand.LabelRef("block"))
	g.end()
}

// wide multiplies each word of c by a constant and returns the low and the high words of the products.
func (g *generator) wide(c reg.VecVirtual, factor operand.Mem) (low, high reg.VecVirtual) {
	const oddWords = operand.U8(0xaa)
	even, odd := g.YMM(), g.YMM()
	low, high = g.YMM(), g.YMM()
	g.VPSRLQ(operand.Imm(32), c, odd)
	g.VPMULUDQ(factor, odd, odd)
	g.VPMULUDQ(factor, c, even)
	g.VPSLLQ(operand.Imm(32), odd, low)
	g.VPBLENDD(oddWords, low, even, low)
	g.VPSRLQ(operand.Imm(32), even, high)
	g.VPBLENDD(oddWords, odd, high, high)
	return low, high
}
