//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import (
	"math"

	"mixmas/nn/device"
)

var _ = device.On(&bindings, (*binder).activation)

func (b *binder) activation(o *device.Map) {
	add(b, C.MIXMAS_OP_MAP, C.mixmas_map{x: b.memory(o.X), y: b.memory(o.Y), n: C.int64_t(o.N),
		activation: b.activationOf(o.Activation)})
}

var _ = device.On(&bindings, (*binder).activationGrad)

func (b *binder) activationGrad(o *device.MapGrad) {
	add(b, C.MIXMAS_OP_MAP_GRAD, C.mixmas_map_grad{x: b.memory(o.X), dy: b.memory(o.DY),
		plus: b.memory(o.Plus), dx: b.memory(o.DX), n: C.int64_t(o.N), activation: b.activationOf(o.Activation)})
}

var _ = device.On(&bindings, (*binder).binary)

func (b *binder) binary(o *device.Binary) {
	d := C.mixmas_binary{a: b.memory(o.A), b: b.memory(o.B), plus: b.memory(o.Plus), y: b.memory(o.Y)}
	switch o.Arithmetic {
	case device.Add:
		d.arithmetic = C.MIXMAS_ADD
	case device.Mul:
		d.arithmetic = C.MIXMAS_MUL
	case device.Div:
		d.arithmetic = C.MIXMAS_DIV
	default:
		b.fail("the cuda device does not support arithmetic %d", int(o.Arithmetic))
	}
	for i, size := range o.Shape {
		if size > 1 {
			d.shape[d.rank], d.strides_a[d.rank], d.strides_b[d.rank] = C.int64_t(size), C.int64_t(o.StridesA[i]), C.int64_t(o.StridesB[i])
			d.rank++
		}
	}
	if d.rank == 0 {
		d.rank, d.shape[0], d.strides_a[0], d.strides_b[0] = 1, 1, 1, 1
	}
	add(b, C.MIXMAS_OP_BINARY, d)
}

var _ = device.On(&bindings, (*binder).assemble)

// assemble becomes a fill or a copy of the base, if needed, and one copy per piece.
func (b *binder) assemble(o *device.Assemble) {
	y, base := b.memory(o.Y), b.memory(o.Base)
	switch {
	case base != nil && base != y:
		d := C.mixmas_copy{source: base, target: y, rank: 1, scale: 1}
		d.shape[0], d.source_strides[0], d.target_strides[0] = C.int64_t(o.N), 1, 1
		add(b, C.MIXMAS_OP_COPY, d)
	case base == nil && !o.Covered:
		add(b, C.MIXMAS_OP_FILL, C.mixmas_fill{y: y, n: C.int64_t(o.N)})
	}
	for i := range o.Pieces {
		b.piece(o, &o.Pieces[i])
	}
}

func (b *binder) piece(o *device.Assemble, p *device.Piece) {
	d := C.mixmas_copy{scale: C.float(p.Scale), accumulate: flag(o.Base != 0)}
	for i, n := range p.Shape {
		if n == 1 {
			continue
		}
		d.shape[d.rank] = C.int64_t(n)
		d.source_strides[d.rank], d.target_strides[d.rank] = C.int64_t(p.SourceStrides[i]), C.int64_t(p.TargetStrides[i])
		d.rank++
	}
	if d.rank == 0 {
		d.rank, d.shape[0], d.source_strides[0], d.target_strides[0] = 1, 1, 1, 1
	}
	d.source, d.target = element(b.memory(p.Source), p.SourceOffset), element(b.memory(o.Y), p.TargetOffset)
	add(b, C.MIXMAS_OP_COPY, d)
}

var _ = device.On(&bindings, (*binder).reduce)

func (b *binder) reduce(o *device.Reduce) {
	d := C.mixmas_reduce{x: b.memory(o.X), plus: b.memory(o.Plus), y: b.memory(o.Y),
		outer: C.int64_t(o.Outer), axis: C.int64_t(o.Axis), inner: C.int64_t(o.Inner), scale: C.float(o.Scale)}
	switch {
	case o.Reduction == device.Sum:
		d.reduction = C.MIXMAS_SUM
	case o.Reduction != device.Max:
		b.fail("the cuda device does not support reduction %d", int(o.Reduction))
	default:
		d.reduction, d.index = C.MIXMAS_MAX, b.memory(o.Index)
	}
	add(b, C.MIXMAS_OP_REDUCE, d)
}

var _ = device.On(&bindings, (*binder).maxGrad)

func (b *binder) maxGrad(o *device.MaxGrad) {
	add(b, C.MIXMAS_OP_MAX_GRAD, C.mixmas_max_grad{dy: b.memory(o.DY), index: b.memory(o.Index),
		dx: b.memory(o.DX), outer: C.int64_t(o.Outer), axis: C.int64_t(o.Axis), inner: C.int64_t(o.Inner)})
}

var _ = device.On(&bindings, (*binder).dropout)

func (b *binder) dropout(o *device.Dropout) {
	threshold := min(math.Round(o.P*(1<<32)), math.MaxUint32) // if p rounds to 1, the last word is kept
	add(b, C.MIXMAS_OP_DROPOUT, C.mixmas_dropout{x: b.memory(o.X), y: b.memory(o.Y), n: C.int64_t(o.N),
		threshold: C.uint32_t(threshold), number: C.uint32_t(o.Number), scale: C.float(1 / (1 - o.P))})
}

var _ = device.On(&bindings, (*binder).crossEntropy)

func (b *binder) crossEntropy(o *device.CrossEntropy) {
	add(b, C.MIXMAS_OP_CROSS_ENTROPY, C.mixmas_cross_entropy{logits: b.memory(o.Logits), labels: b.memory(o.Labels),
		loss: b.memory(o.Loss), delta: b.memory(o.Delta), rows: C.int64_t(o.Rows), classes: C.int64_t(o.Classes)})
}

var _ = device.On(&bindings, (*binder).softCrossEntropy)

func (b *binder) softCrossEntropy(o *device.SoftCrossEntropy) {
	add(b, C.MIXMAS_OP_SOFT_CROSS_ENTROPY, C.mixmas_soft_cross_entropy{logits: b.memory(o.Logits), targets: b.memory(o.Targets),
		loss: b.memory(o.Loss), delta: b.memory(o.Delta), rows: C.int64_t(o.Rows), classes: C.int64_t(o.Classes)})
}

var _ = device.On(&bindings, (*binder).bceWithLogits)

func (b *binder) bceWithLogits(o *device.BCEWithLogits) {
	add(b, C.MIXMAS_OP_BCE, C.mixmas_bce{logits: b.memory(o.Logits), labels: b.memory(o.Labels),
		pos_weight: b.memory(o.PosWeight), loss: b.memory(o.Loss), delta: b.memory(o.Delta),
		rows: C.int64_t(o.Rows), classes: C.int64_t(o.Classes)})
}

var _ = device.On(&bindings, (*binder).adam)

func (b *binder) adam(o *device.Adam) {
	add(b, C.MIXMAS_OP_ADAM, C.mixmas_adam{parameters: b.memory(o.Parameters), gradients: b.memory(o.Gradients),
		moments: b.memory(o.Moments), variances: b.memory(o.Variances), n: C.int64_t(o.N),
		beta1: C.double(o.Beta1), beta2: C.double(o.Beta2), eps: C.double(o.Eps), weight_decay: C.double(o.WeightDecay), decoupled: flag(o.Decoupled)})
}

var _ = device.On(&bindings, (*binder).sgd)

func (b *binder) sgd(o *device.SGD) {
	add(b, C.MIXMAS_OP_SGD, C.mixmas_sgd{parameters: b.memory(o.Parameters), gradients: b.memory(o.Gradients),
		velocity: b.memory(o.Velocity), n: C.int64_t(o.N), momentum: C.double(o.Momentum), weight_decay: C.double(o.WeightDecay)})
}
