package cpu

import (
	"math"

	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// adam runs [device.Adam].
type adam struct {
	set        *simd.Set
	o          *device.Adam
	p, g, m, v []float32
	step       simd.AdamStep
	compute    part
}

var _ = register(bindAdam)

func bindAdam(b *binder, o *device.Adam) instruction {
	a := &adam{set: b.set, o: o, p: b.memory(o.Parameters, o.N), g: b.memory(o.Gradients, o.N),
		m: b.memory(o.Moments, o.N), v: b.memory(o.Variances, o.N)}
	a.compute = a.part
	return a
}

// slice returns the update of only the parameters from ≤ i < to.
func (a *adam) slice(from, to int) *adam {
	s := &adam{set: a.set, o: a.o, p: a.p[from:to], g: a.g[from:to], m: a.m[from:to], v: a.v[from:to]}
	s.compute = s.part
	return s
}

func (a *adam) run(t *turn) error {
	update, rate := float64(t.step.Update), t.step.LearningRate
	// The corrections use the rounded decay rates, since 1-β2 of the rounded rate is off by 1e-5.
	beta1, beta2 := float32(a.o.Beta1), float32(a.o.Beta2)
	a.step = simd.AdamStep{
		Beta1: beta1,
		Beta2: beta2,
		Rate:  float32(rate / (1 - math.Pow(float64(beta1), update))),
		Root:  float32(1 / math.Sqrt(1-math.Pow(float64(beta2), update))),
		Eps:   float32(a.o.Eps),
	}
	if a.o.Decoupled {
		a.step.Decay = float32(rate * a.o.WeightDecay)
	} else {
		a.step.L2 = float32(a.o.WeightDecay)
	}
	t.splitElements(len(a.p), a.compute)
	return nil
}

func (a *adam) part(_ *worker, from, to int) {
	eachBlock(from, to, func(i, j int) { a.set.Adam(a.p[i:j], a.g[i:j], a.m[i:j], a.v[i:j], &a.step) })
}

// sgd runs [device.SGD].
type sgd struct {
	set             *simd.Set
	p, g, v         []float32
	momentum, decay float32
	first           bool
	rate            float32
	compute         part
}

var _ = register(bindSGD)

func bindSGD(b *binder, o *device.SGD) instruction {
	s := &sgd{set: b.set, p: b.memory(o.Parameters, o.N), g: b.memory(o.Gradients, o.N),
		v: b.memory(o.Velocity, o.N), momentum: float32(o.Momentum), decay: float32(o.WeightDecay)}
	s.compute = s.part
	return s
}

func (s *sgd) run(t *turn) error {
	s.first, s.rate = t.step.Update == 1, float32(t.step.LearningRate)
	t.splitElements(len(s.p), s.compute)
	return nil
}

func (s *sgd) part(w *worker, from, to int) {
	eachBlock(from, to, func(i, j int) {
		p, g := s.p[i:j], s.g[i:j]
		if s.decay != 0 {
			g = w.blocks[0][:j-i]
			copy(g, s.g[i:j])
			s.set.Axpy(g, p, s.decay)
		}
		if s.v != nil {
			v := s.v[i:j]
			if s.first {
				copy(v, g)
			} else {
				s.set.Scale(v, v, s.momentum)
				s.set.Add(v, v, g)
			}
			g = v
		}
		s.set.Axpy(p, g, -s.rate)
	})
}
