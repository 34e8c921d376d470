package cpu

import (
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// softmax runs [device.Softmax]. Its units are rows.
type softmax struct {
	set           *simd.Set
	x, mask, y    []float32
	repeat, width int
	compute       part
}

var _ = register(bindSoftmax)

func bindSoftmax(b *binder, o *device.Softmax) instruction {
	n := o.Batch * o.Repeat * o.Width
	s := &softmax{set: b.set, x: b.memory(o.X, n), mask: b.memory(o.Mask, o.Batch*o.Width), y: b.memory(o.Y, n),
		repeat: o.Repeat, width: o.Width}
	s.compute = s.part
	return s
}

func (s *softmax) run(t *turn) error {
	t.split(len(s.y)/s.width, grain(4*s.width), s.compute)
	return nil
}

func (s *softmax) part(_ *worker, from, to int) {
	var mask []float32
	for row := from; row < to; row++ {
		if s.mask != nil {
			mask = s.mask[row/s.repeat*s.width:][:s.width]
		}
		s.set.Softmax(s.y[row*s.width:][:s.width], s.x[row*s.width:][:s.width], mask)
	}
}

// softmaxGrad runs [device.SoftmaxGrad]. Its units are rows.
type softmaxGrad struct {
	set             *simd.Set
	y, dy, dx, plus []float32
	width           int
	compute         part
}

var _ = register(bindSoftmaxGrad)

func bindSoftmaxGrad(b *binder, o *device.SoftmaxGrad) instruction {
	n := o.Rows * o.Width
	s := &softmaxGrad{set: b.set, y: b.memory(o.Y, n), dy: b.memory(o.DY, n), dx: b.memory(o.DX, n), plus: b.memory(o.Plus, n), width: o.Width}
	s.compute = s.part
	return s
}

func (s *softmaxGrad) run(t *turn) error {
	t.split(len(s.y)/s.width, grain(2*s.width), s.compute)
	return nil
}

func (s *softmaxGrad) part(w *worker, from, to int) {
	for row := from; row < to; row++ {
		first, end := row*s.width, (row+1)*s.width
		var sum float64
		eachBlock(first, end, func(i, j int) { sum += float64(s.set.Dot(s.y[i:j], s.dy[i:j])) })
		eachBlock(first, end, func(i, j int) {
			dx := w.blocks[0][:j-i]
			s.set.AddScalar(dx, s.dy[i:j], -float32(sum))
			if s.plus == nil {
				s.set.Mul(s.dx[i:j], dx, s.y[i:j])
				return
			}
			s.set.Mul(dx, dx, s.y[i:j])
			s.set.Add(s.dx[i:j], dx, s.plus[i:j])
		})
	}
}
