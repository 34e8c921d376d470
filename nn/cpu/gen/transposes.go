package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transposes emits transposes of 8 rows by columns, 8 at a time, and of 4 rows by columns, 4 at a time.
func (g *generator) transposes() {
	g.transpose8()
	g.transpose4()
}

// rowAddress is row i < 8 of a matrix at base with the stride once, three times, and the address of row 3 and 6.
func rowAddress(row0, row3, row6, stride reg.Register, i int) operand.Mem {
	base := []reg.Register{row0, row3, row6}[i/3]
	if i%3 == 0 {
		return operand.Mem{Base: base}
	}
	return operand.Mem{Base: base, Index: stride, Scale: uint8(i % 3)}
}

func (g *generator) transpose8() {
	g.function("avx2Transpose8", "blocks int, src *float32, lds int, dst *float32, ldd int",
		"transposes 8 rows of 8·blocks elements.")
	blocks, src, dst := g.argument("blocks"), g.argument("src"), g.argument("dst")
	lds, ldd := g.stride("lds"), g.stride("ldd")
	lds3, ldd3 := g.GP64(), g.GP64()
	g.LEAQ(operand.Mem{Base: lds, Index: lds, Scale: 2}, lds3)
	g.LEAQ(operand.Mem{Base: ldd, Index: ldd, Scale: 2}, ldd3)
	src3, src6, dst3, dst6 := g.GP64(), g.GP64(), g.GP64(), g.GP64()
	g.Label("block")
	g.LEAQ(operand.Mem{Base: src, Index: lds3, Scale: 1}, src3)
	g.LEAQ(operand.Mem{Base: src3, Index: lds3, Scale: 1}, src6)
	g.LEAQ(operand.Mem{Base: dst, Index: ldd3, Scale: 1}, dst3)
	g.LEAQ(operand.Mem{Base: dst3, Index: ldd3, Scale: 1}, dst6)
	// Register i has the left halves of rows i and i+4, register i+4 the right ones: loading half rows saves the moves
	// between the halves of registers, which are slow.
	var r, t [8]reg.VecVirtual
	for i := range r {
		r[i], t[i] = g.YMM(), g.YMM()
		right := i / 4 * vector / 2
		g.VMOVUPS(rowAddress(src, src3, src6, lds, i%4).Offset(right), r[i].AsX())
		g.VINSERTF128(operand.Imm(1), rowAddress(src, src3, src6, lds, i%4+4).Offset(right), r[i], r[i])
	}
	for i := 0; i < 8; i += 4 {
		g.VUNPCKLPS(r[i+1], r[i], t[i])
		g.VUNPCKHPS(r[i+1], r[i], t[i+1])
		g.VUNPCKLPS(r[i+3], r[i+2], t[i+2])
		g.VUNPCKHPS(r[i+3], r[i+2], t[i+3])
		g.VSHUFPS(operand.Imm(0x44), t[i+2], t[i], r[i])
		g.VSHUFPS(operand.Imm(0xee), t[i+2], t[i], r[i+1])
		g.VSHUFPS(operand.Imm(0x44), t[i+3], t[i+1], r[i+2])
		g.VSHUFPS(operand.Imm(0xee), t[i+3], t[i+1], r[i+3])
	}
	for i := range r {
		g.VMOVUPS(r[i], rowAddress(dst, dst3, dst6, ldd, i))
	}
	g.ADDQ(operand.Imm(vector), src)
	g.LEAQ(operand.Mem{Base: dst, Index: ldd, Scale: 8}, dst)
	g.DECQ(blocks)
	g.JNZ(operand.LabelRef("block"))
	g.end()
}

func (g *generator) transpose4() {
	g.function("avx2Transpose4", "blocks int, src *float32, lds int, dst *float32, ldd int",
		"transposes 4 rows of 4·blocks elements.")
	blocks, src, dst := g.argument("blocks"), g.argument("src"), g.argument("dst")
	lds, ldd := g.stride("lds"), g.stride("ldd")
	src3, dst3 := g.GP64(), g.GP64()
	g.Label("block")
	g.LEAQ(operand.Mem{Base: lds, Index: lds, Scale: 2}, src3)
	g.ADDQ(src, src3)
	g.LEAQ(operand.Mem{Base: ldd, Index: ldd, Scale: 2}, dst3)
	g.ADDQ(dst, dst3)
	var r, t [4]reg.VecVirtual
	for i := range r {
		r[i], t[i] = g.XMM(), g.XMM()
		g.VMOVUPS(rowAddress(src, src3, nil, lds, i), r[i])
	}
	for i := 0; i < 4; i += 2 {
		g.VUNPCKLPS(r[i+1], r[i], t[i])
		g.VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	g.VSHUFPS(operand.Imm(0x44), t[2], t[0], r[0])
	g.VSHUFPS(operand.Imm(0xee), t[2], t[0], r[1])
	g.VSHUFPS(operand.Imm(0x44), t[3], t[1], r[2])
	g.VSHUFPS(operand.Imm(0xee), t[3], t[1], r[3])
	for i := range r {
		g.VMOVUPS(r[i], rowAddress(dst, dst3, nil, ldd, i))
	}
	g.ADDQ(operand.Imm(4*float), src)
	g.LEAQ(operand.Mem{Base: dst, Index: ldd, Scale: 4}, dst)
	g.DECQ(blocks)
	g.JNZ(operand.LabelRef("block"))
	g.end()
}
