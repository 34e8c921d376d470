package cpu

import (
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// functions returns an activation and its gradient; both are nil for the identity.
func functions(b *binder, a device.Activation) (activate func(y, x []float32), gradient func(dx, x, dy []float32)) {
	switch a {
	case device.Identity:
		return nil, nil
	case device.GELU:
		return b.set.Gelu, b.set.GeluGrad
	case device.ReLU:
		return b.set.Relu, b.set.ReluGrad
	case device.SquaredReLU:
		return b.set.SquaredRelu, b.set.SquaredReluGrad
	case device.Sigmoid:
		return b.set.Sigmoid, b.set.SigmoidGrad
	case device.Tanh:
		return b.set.Tanh, b.set.TanhGrad
	case device.SiLU:
		return b.set.Silu, b.set.SiluGrad
	}
	b.fail("the cpu device does not support activation %d", int(a))
	return nil, nil
}

// eachBlock calls f for the elements from ≤ i < to, one block at a time.
func eachBlock(from, to int, f func(i, j int)) {
	for i := from; i < to; i += blockSize {
		f(i, min(i+blockSize, to))
	}
}

// splitElements distributes n elements of an elementwise operation.
func (t *turn) splitElements(n int, f part) { t.split(n, grain(1), f) }

// activation runs [device.Map].
type activation struct {
	activate func(y, x []float32)
	x, y     []float32
	compute  part
}

var _ = register(bindMap)

func bindMap(b *binder, o *device.Map) instruction {
	m := &activation{x: b.memory(o.X, o.N), y: b.memory(o.Y, o.N)}
	m.activate, _ = functions(b, o.Activation)
	m.compute = m.part
	return m
}

func (m *activation) run(t *turn) error {
	t.splitElements(len(m.y), m.compute)
	return nil
}

func (m *activation) part(_ *worker, from, to int) {
	if m.activate == nil {
		copy(m.y[from:to], m.x[from:to])
		return
	}
	eachBlock(from, to, func(i, j int) { m.activate(m.y[i:j], m.x[i:j]) })
}

// activationGrad runs [device.MapGrad].
type activationGrad struct {
	set             *simd.Set
	gradient        func(dx, x, dy []float32)
	x, dy, dx, plus []float32
	compute         part
}

var _ = register(bindMapGrad)

func bindMapGrad(b *binder, o *device.MapGrad) instruction {
	m := &activationGrad{set: b.set, x: b.memory(o.X, o.N), dy: b.memory(o.DY, o.N), dx: b.memory(o.DX, o.N),
		plus: b.memory(o.Plus, o.N)}
	_, m.gradient = functions(b, o.Activation)
	m.compute = m.part
	return m
}

func (m *activationGrad) run(t *turn) error {
	t.splitElements(len(m.dx), m.compute)
	return nil
}

func (m *activationGrad) part(w *worker, from, to int) {
	eachBlock(from, to, func(i, j int) {
		dx, x, dy := m.dx[i:j], m.x[i:j], m.dy[i:j]
		if m.plus != nil {
			dx = w.blocks[0][:j-i]
		}
		switch {
		case m.gradient != nil:
			m.gradient(dx, x, dy)
			dy = dx
		case m.plus == nil:
			copy(dx, dy)
		}
		if m.plus != nil {
			m.set.Add(m.dx[i:j], m.plus[i:j], dy)
		}
	})
}
