package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Sizes in bytes of a float32 and of a vector of 8.
const (
	float  = 4
	vector = 32
)

// generator emits one assembly file, with the constants that its functions read. Its instruction methods take operands in the order of Go's assembler: sources first,
// and of a subtraction or division the right side first.
type generator struct {
	*build.Context
	constants map[uint32]operand.Mem
	mask      *operand.Mem
}

func newGenerator() *generator {
	return &generator{Context: build.NewContext(), constants: map[uint32]operand.Mem{}}
}

// table starts a table of constants.
func (g *generator) table(name string) operand.Mem {
	m := g.StaticGlobal(name)
	g.DataAttributes(attr.RODATA | attr.NOPTR)
	return m
}

// function starts an assembly function; doc describes it in the Go declaration.
func (g *generator) function(name, parameters, doc string) {
	g.Function(name)
	g.Attributes(attr.NOSPLIT)
	g.SignatureExpr("func(" + parameters + ")")
	g.Pragma("noescape")
	g.Doc(name + " " + doc)
}

// end returns to Go code, which uses SSE.
func (g *generator) end() {
	g.VZEROUPPER()
	g.RET()
}

// argument loads an integer or pointer parameter.
func (g *generator) argument(name string) reg.GPVirtual {
	r := g.GP64()
	g.Load(g.Param(name), r)
	return r
}

// stride loads a distance in elements and makes it bytes.
func (g *generator) stride(name string) reg.GPVirtual {
	r := g.argument(name)
	g.SHLQ(operand.Imm(2), r)
	return r
}

// broadcast loads a float parameter into all elements of a vector.
func (g *generator) broadcast(name string) reg.VecVirtual {
	parameter, err := g.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := g.YMM()
	g.VBROADCASTSS(parameter.Addr, v)
	return v
}

// returns stores the first element of v as the function's float32 result.
func (g *generator) returns(v reg.VecVirtual) {
	result, err := g.ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	g.VMOVSS(v.AsX(), result.Addr)
}

// constant returns a vector in memory with f in all elements.
func (g *generator) constant(f float32) operand.Mem { return g.bits(math.Float32bits(f)) }

// bits returns a vector in memory with the same 32 bits in all elements.
func (g *generator) bits(bits uint32) operand.Mem {
	m, ok := g.constants[bits]
	if !ok {
		m = g.table(fmt.Sprintf("float_%08x", bits))
		for i := range 8 {
			g.AddDatum(float*i, operand.U32(bits))
		}
		g.constants[bits] = m
	}
	return m
}

// constantRegister loads a constant into a register.
func (g *generator) constantRegister(f float32) reg.VecVirtual { return g.register(g.constant(f)) }

// register loads a vector from memory.
func (g *generator) register(m operand.Mem) reg.VecVirtual {
	v := g.YMM()
	g.VMOVUPS(m, v)
	return v
}

func (g *generator) zero() reg.VecVirtual {
	v := g.YMM()
	g.VXORPS(v, v, v)
	return v
}

// polynomial evaluates coefficients, the highest power first, at x.
func (g *generator) polynomial(x reg.VecVirtual, coefficients ...float32) reg.VecVirtual {
	r := g.constantRegister(coefficients[0])
	for _, c := range coefficients[1:] {
		g.VFMADD213PS(g.constant(c), x, r)
	}
	return r
}

// lanes describes 8 elements, or fewer with a mask, at the same offset from every pointer.
type lanes struct {
	g      *generator
	offset reg.GPVirtual // bytes
	more   int           // bytes, beyond offset
	mask   reg.VecVirtual
	index  int // of this vector in an unrolled loop
}

func (l lanes) at(pointer reg.Register) operand.Mem {
	return operand.Mem{Base: pointer, Index: l.offset, Scale: 1, Disp: l.more}
}

func (l lanes) load(pointer reg.Register) reg.VecVirtual { return l.loadAt(l.at(pointer)) }

func (l lanes) loadAt(m operand.Mem) reg.VecVirtual {
	v := l.g.YMM()
	if l.mask != nil {
		l.g.VMASKMOVPS(m, l.mask, v)
	} else {
		l.g.VMOVUPS(m, v)
	}
	return v
}

func (l lanes) store(v reg.VecVirtual, pointer reg.Register) { l.storeAt(v, l.at(pointer)) }

func (l lanes) storeAt(v reg.VecVirtual, m operand.Mem) {
	if l.mask != nil {
		l.g.VMASKMOVPS(v, l.mask, m)
	} else {
		l.g.VMOVUPS(v, m)
	}
}

// elements emits a loop over count elements with a body for each vector.
func (g *generator) elements(name string, count reg.GPVirtual, unroll int, body func(l lanes)) {
	g.groups(name, count, unroll, func(group []lanes) {
		for _, l := range group {
			body(l)
		}
	})
}

// groups emits a loop over count elements, unroll vectors at a time, then one, then the rest under a mask; count is kept.
// All three run the same body, so that an element's result does not depend on its place in the loop. name makes the labels
// differ within a function.
func (g *generator) groups(name string, count reg.GPVirtual, unroll int, body func(group []lanes)) {
	left, offset := g.GP64(), g.GP64()
	g.MOVQ(count, left)
	g.XORQ(offset, offset)
	vectors := func(label string, n int) {
		g.SUBQ(number(8*n), left)
		g.JL(operand.LabelRef(name + label + "_end"))
		g.Label(name + label)
		group := make([]lanes, n)
		for i := range group {
			group[i] = lanes{g: g, offset: offset, more: i * vector, index: i}
		}
		body(group)
		g.ADDQ(number(n*vector), offset)
		g.SUBQ(number(8*n), left)
		g.JGE(operand.LabelRef(name + label))
		g.Label(name + label + "_end")
		g.ADDQ(number(8*n), left)
	}
	if unroll > 1 {
		vectors("_unrolled", unroll)
	}
	vectors("_vector", 1)
	g.JZ(operand.LabelRef(name + "_done"))
	body([]lanes{{g: g, offset: offset, mask: g.tailMask(left)}})
	g.Label(name + "_done")
}

// tailMask returns a mask of the first count ≤ 8 elements. It negates count.
func (g *generator) tailMask(count reg.GPVirtual) reg.VecVirtual {
	table, mask := g.GP64(), g.YMM()
	g.LEAQ(g.tailMasks(), table)
	g.NEGQ(count)
	g.VMOVUPS(operand.Mem{Base: table, Index: count, Scale: float, Disp: vector}, mask)
	return mask
}

// tailMasks returns a table of 8 elements of ones, then 8 of zeros.
func (g *generator) tailMasks() operand.Mem {
	if g.mask == nil {
		m := g.table("tail_mask")
		for i := range 16 {
			bits := operand.U32(0)
			if i < 8 {
				bits = math.MaxUint32
			}
			g.AddDatum(float*i, bits)
		}
		g.mask = &m
	}
	return *g.mask
}

// fold combines the 8 elements of v with an operation on two vectors, the halves first, and returns the result in all
// elements.
func (g *generator) fold(v reg.VecVirtual, combine func(operands ...operand.Op)) reg.VecVirtual {
	half, other := g.XMM(), g.XMM()
	g.VEXTRACTF128(operand.Imm(1), v, half)
	combine(half, v.AsX(), half)
	g.VSHUFPS(operand.Imm(0x4e), half, half, other)
	combine(other, half, half)
	g.VSHUFPS(operand.Imm(0xb1), half, half, other)
	combine(other, half, half)
	all := g.YMM()
	g.VBROADCASTSS(half, all)
	return all
}

// total adds the 8 elements of v.
func (g *generator) total(v reg.VecVirtual) reg.VecVirtual { return g.fold(v, g.VADDPS) }

// number returns an integer operand of a width that arithmetic instructions accept.
func number(n int) operand.Op {
	if n < 128 {
		return operand.U8(n)
	}
	return operand.U32(n)
}
