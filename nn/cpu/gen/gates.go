package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gates emits one step of recurrent cells for one sample, and its gradient. The gates of a sample lie one after the other,
// width elements each.
func (g *generator) gates() {
	g.function("avx2Gru", "width int, state, gates, x, hidden, bias *float32",
		"is a step of a GRU: r, z = σ(x + hidden + bias), q = hidden + bias, n = tanh(x + r q), state = n + z (state - n). x, hidden and bias have 3 gates; gates gets r, z, n and q.")
	state, gates, x, hidden, bias := g.argument("state"), g.argument("gates"), g.argument("x"), g.argument("hidden"), g.argument("bias")
	g.steps(func(s step) {
		sum := func(k int) reg.VecVirtual {
			v := s.load(hidden, k)
			g.VADDPS(s.load(bias, k), v, v)
			g.VADDPS(s.load(x, k), v, v)
			return v
		}
		r := g.sigmoid(sum(0))
		s.store(r, gates, 0)
		q := s.load(hidden, 2)
		g.VADDPS(s.load(bias, 2), q, q)
		s.store(q, gates, 3)
		g.VFMADD213PS(s.load(x, 2), r, q)
		n := g.tanh(q)
		s.store(n, gates, 2)
		z := g.sigmoid(sum(1))
		s.store(z, gates, 1)
		h := s.load(state, 0)
		g.VSUBPS(n, h, h)
		g.VFMADD213PS(n, z, h)
		s.store(h, state, 0)
	}, state, gates, x, hidden, bias)

	g.function("avx2GruGrad", "width int, dstate, dx, dhidden, gates, previous *float32",
		"is the gradient of avx2Gru, where previous is the state before: from dstate it makes dx and dhidden (3 gates), and what goes straight to the previous state.")
	dstate, dx, dhidden := g.argument("dstate"), g.argument("dx"), g.argument("dhidden")
	gates, previous := g.argument("gates"), g.argument("previous")
	g.steps(func(s step) {
		d, z, n := s.load(dstate, 0), s.load(gates, 1), s.load(gates, 2)
		g.flush(d)
		one, rest := g.constantRegister(1), g.YMM()
		g.VSUBPS(z, one, rest) // 1 - z
		dn := g.YMM()
		g.VMULPS(rest, d, dn)
		slope := g.YMM()
		g.VMOVAPS(n, slope)
		g.VFNMADD213PS(one, n, slope) // 1 - n²
		g.VMULPS(slope, dn, dn)
		s.store(dn, dx, 2)

		dz := s.load(previous, 0)
		g.VSUBPS(n, dz, dz)
		g.VMULPS(d, dz, dz)
		g.VMULPS(z, rest, rest)
		g.VMULPS(rest, dz, dz)
		s.store(dz, dx, 1)
		s.store(dz, dhidden, 1)
		g.VMULPS(z, d, d)
		s.store(d, dstate, 0)

		r, dr := s.load(gates, 0), s.load(gates, 3)
		g.VMULPS(dn, dr, dr)
		g.VMULPS(r, dn, dn)
		s.store(dn, dhidden, 2)
		g.VSUBPS(r, one, slope)
		g.VMULPS(r, slope, slope)
		g.VMULPS(slope, dr, dr)
		s.store(dr, dx, 0)
		s.store(dr, dhidden, 0)
	}, dstate, dx, dhidden, gates, previous)

	g.function("avx2Lstm", "width int, state, cell, gates, x, hidden, bias *float32",
		"is a step of an LSTM: i, f, o = σ(x + hidden + bias), g = tanh(x + hidden + bias), cell = f cell + i g, state = o tanh(cell). x, hidden and bias have the gates i, f, g and o; gates gets them.")
	state, cell, gates := g.argument("state"), g.argument("cell"), g.argument("gates")
	x, hidden, bias = g.argument("x"), g.argument("hidden"), g.argument("bias")
	g.steps(func(s step) {
		gate := func(k int, of func(reg.VecVirtual) reg.VecVirtual) reg.VecVirtual {
			v := s.load(hidden, k)
			g.VADDPS(s.load(bias, k), v, v)
			g.VADDPS(s.load(x, k), v, v)
			y := of(v)
			s.store(y, gates, k)
			return y
		}
		i := gate(0, g.sigmoid)
		candidate := gate(2, g.tanh)
		g.VMULPS(i, candidate, candidate)
		f := gate(1, g.sigmoid)
		c := s.load(cell, 0)
		g.VFMADD213PS(candidate, f, c)
		s.store(c, cell, 0)
		o := gate(3, g.sigmoid)
		h := g.tanh(c)
		g.VMULPS(o, h, h)
		s.store(h, state, 0)
	}, state, cell, gates, x, hidden, bias)

	g.function("avx2LstmGrad", "width int, dstate, dcell, dx, gates, previous *float32",
		"is the gradient of avx2Lstm, where previous is the cell before: from dstate and dcell it makes dx (4 gates), dcell for the cell before, and zeros in dstate.")
	dstate, dcell, dx := g.argument("dstate"), g.argument("dcell"), g.argument("dx")
	gates, previous = g.argument("gates"), g.argument("previous")
	g.steps(func(s step) {
		one := g.constantRegister(1)
		candidate, i, f, before := s.load(gates, 2), s.load(gates, 0), s.load(gates, 1), s.load(previous, 0)
		c := g.YMM()
		g.VMULPS(i, candidate, c)
		g.VFMADD231PS(before, f, c)
		t := g.tanh(c)
		d, o, dc := s.load(dstate, 0), s.load(gates, 3), s.load(dcell, 0)
		g.flush(d)
		g.flush(dc)
		slope, do := g.YMM(), g.YMM()
		// bell is v (1-v).
		bell := func(v reg.VecVirtual) {
			g.VSUBPS(v, one, slope)
			g.VMULPS(v, slope, slope)
		}
		g.VMULPS(t, d, do)
		bell(o)
		g.VMULPS(slope, do, do)
		s.store(do, dx, 3)
		s.store(g.zero(), dstate, 0)
		g.VMULPS(o, d, d)
		g.VFNMADD213PS(one, t, t) // 1 - tanh²
		g.VFMADD231PS(t, d, dc)

		g.VMULPS(dc, before, before)
		bell(f)
		g.VMULPS(slope, before, before)
		s.store(before, dx, 1)
		g.VMULPS(dc, f, f)
		s.store(f, dcell, 0)

		di := g.YMM()
		g.VMULPS(dc, candidate, di)
		bell(i)
		g.VMULPS(slope, di, di)
		s.store(di, dx, 0)
		g.VFNMADD213PS(one, candidate, candidate) // 1 - g²
		g.VMULPS(i, dc, dc)
		g.VMULPS(dc, candidate, candidate)
		s.store(candidate, dx, 2)
	}, dstate, dcell, dx, gates, previous)
}

// negligible is where a gradient through time counts as zero. Vanishing gradients would become denormal numbers, with which
// arithmetic takes a hundred times as long.
const negligible = 1e-24

// flush makes negligible numbers zero; a NaN stays one.
func (g *generator) flush(x reg.VecVirtual) {
	magnitude := g.register(g.bits(1<<31 - 1))
	g.VANDPS(x, magnitude, magnitude)
	g.VCMPPS(notLess, g.constant(negligible), magnitude, magnitude)
	g.VANDPS(magnitude, x, x)
}

// notLess is the predicate of VCMPPS that is true for a NaN too.
const notLess = operand.U8(0x15)

// step describes 8 units of a cell, or fewer under a mask.
type step struct {
	lanes
	stride, stride3 reg.GPVirtual // bytes between the gates, and three times as many
}

// gate returns where the units are in gate k < 4 of a sample.
func (s step) gate(pointer reg.Register, k int) operand.Mem {
	switch k {
	case 0:
		return operand.Mem{Base: pointer}
	case 3:
		return operand.Mem{Base: pointer, Index: s.stride3, Scale: 1}
	}
	return operand.Mem{Base: pointer, Index: s.stride, Scale: uint8(k)}
}

func (s step) load(pointer reg.Register, k int) reg.VecVirtual { return s.loadAt(s.gate(pointer, k)) }

func (s step) store(v reg.VecVirtual, pointer reg.Register, k int) { s.storeAt(v, s.gate(pointer, k)) }

// steps emits a loop over the units of a cell, which moves the pointers, and the end of the function. The last units, under a
// mask, run the same body.
func (g *generator) steps(body func(s step), pointers ...reg.GPVirtual) {
	left, stride, stride3 := g.argument("width"), g.stride("width"), g.GP64()
	g.LEAQ(operand.Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	g.SUBQ(number(8), left)
	g.JL(operand.LabelRef("last"))
	g.Label("units")
	body(step{lanes{g: g}, stride, stride3})
	for _, p := range pointers {
		g.ADDQ(number(vector), p)
	}
	g.SUBQ(number(8), left)
	g.JGE(operand.LabelRef("units"))
	g.Label("last")
	g.ADDQ(number(8), left)
	g.JZ(operand.LabelRef("done"))
	body(step{lanes{g: g, mask: g.tailMask(left)}, stride, stride3})
	g.Label("done")
	g.end()
}
