//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import (
	"math"

	"mixmas/nn/device"
)

func (b *binder) activation(o *device.Map) {
	b.positive("size", o.N)
	b.share(o.Y, o.X)
	add(b, C.MIXMAS_OP_MAP, C.mixmas_map{x: b.need("X", o.X, o.N), y: b.need("Y", o.Y, o.N), n: C.int64_t(o.N),
		activation: b.activationOf(o.Activation)})
}

func (b *binder) activationGrad(o *device.MapGrad) {
	b.positive("size", o.N)
	b.share(o.DX, o.X, o.DY, o.Plus)
	add(b, C.MIXMAS_OP_MAP_GRAD, C.mixmas_map_grad{x: b.need("X", o.X, o.N), dy: b.need("DY", o.DY, o.N),
		plus: b.maybe("Plus", o.Plus, o.N), dx: b.need("DX", o.DX, o.N), n: C.int64_t(o.N), activation: b.activationOf(o.Activation)})
}

func (b *binder) binary(o *device.Binary) {
	if len(o.Shape) > device.MaxRank || len(o.StridesA) != len(o.Shape) || len(o.StridesB) != len(o.Shape) {
		b.fail("shape %v with strides %v and %v: want the same rank, at most %d", o.Shape, o.StridesA, o.StridesB, device.MaxRank)
		return
	}
	b.positive("shape", o.Shape...)
	n := product(o.Shape)
	d := C.mixmas_binary{a: b.view("A", o.A, o.Shape, o.StridesA), b: b.view("B", o.B, o.Shape, o.StridesB),
		plus: b.maybe("Plus", o.Plus, n), y: b.need("Y", o.Y, n)}
	switch o.Arithmetic {
	case device.Add:
		d.arithmetic = C.MIXMAS_ADD
	case device.Mul:
		d.arithmetic = C.MIXMAS_MUL
	case device.Div:
		d.arithmetic = C.MIXMAS_DIV
	default:
		b.fail("the cuda device does not know arithmetic %d", int(o.Arithmetic))
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
	b.share(o.Y, o.Plus)
	if contiguous(o.Shape, o.StridesA) {
		b.share(o.Y, o.A)
	}
	if contiguous(o.Shape, o.StridesB) {
		b.share(o.Y, o.B)
	}
	add(b, C.MIXMAS_OP_BINARY, d)
}

// view is where a strided operand lies.
func (b *binder) view(role string, buffer device.Buffer, shape, strides []int) *C.float {
	end := 1
	for i, n := range shape {
		if strides[i] < 0 {
			b.fail("%s: strides %v, want 0 or more", role, strides)
		}
		end += (n - 1) * strides[i]
	}
	return b.need(role, buffer, end)
}

// contiguous says that an operand is laid out row-major without gaps.
func contiguous(shape, strides []int) bool {
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] > 1 && strides[i] != n {
			return false
		}
		n *= shape[i]
	}
	return true
}

// assemble is a fill or a copy of the base, where needed, and a copy a piece.
func (b *binder) assemble(o *device.Assemble) {
	b.positive("size", o.N)
	y, base := b.need("Y", o.Y, o.N), b.maybe("Base", o.Base, o.N)
	b.share(o.Y, o.Base)
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
	if len(p.Shape) > device.MaxRank || len(p.SourceStrides) != len(p.Shape) || len(p.TargetStrides) != len(p.Shape) {
		b.fail("piece of shape %v with strides %v and %v: want the same rank, at most %d", p.Shape, p.SourceStrides, p.TargetStrides, device.MaxRank)
		return
	}
	b.positive("shape", p.Shape...)
	d := C.mixmas_copy{scale: C.float(p.Scale), accumulate: flag(o.Base != 0)}
	first, lastSource, lastTarget := p.SourceOffset, p.SourceOffset, p.TargetOffset
	for i, n := range p.Shape {
		if n == 1 {
			continue
		}
		if p.TargetStrides[i] < 1 {
			b.fail("piece of shape %v: target strides %v, want 1 or more", p.Shape, p.TargetStrides)
		}
		first += (n - 1) * min(p.SourceStrides[i], 0)
		lastSource += (n - 1) * max(p.SourceStrides[i], 0)
		lastTarget += (n - 1) * p.TargetStrides[i]
		d.shape[d.rank] = C.int64_t(n)
		d.source_strides[d.rank], d.target_strides[d.rank] = C.int64_t(p.SourceStrides[i]), C.int64_t(p.TargetStrides[i])
		d.rank++
	}
	if d.rank == 0 {
		d.rank, d.shape[0], d.source_strides[0], d.target_strides[0] = 1, 1, 1, 1
	}
	if first < 0 || p.TargetOffset < 0 || lastTarget >= o.N {
		b.fail("piece of shape %v reaches from element %d of its source, and from element %d to %d of %d targets", p.Shape, first, p.TargetOffset, lastTarget, o.N)
	}
	source, target := b.need("Source", p.Source, lastSource+1), b.need("Y", o.Y, o.N)
	if b.err != nil {
		return
	}
	d.source, d.target = element(source, p.SourceOffset), element(target, p.TargetOffset)
	add(b, C.MIXMAS_OP_COPY, d)
}

func (b *binder) reduce(o *device.Reduce) {
	b.positive("sizes", o.Outer, o.Axis, o.Inner)
	n := o.Outer * o.Inner
	d := C.mixmas_reduce{x: b.need("X", o.X, n*o.Axis), plus: b.maybe("Plus", o.Plus, n), y: b.need("Y", o.Y, n),
		outer: C.int64_t(o.Outer), axis: C.int64_t(o.Axis), inner: C.int64_t(o.Inner), scale: C.float(o.Scale)}
	switch {
	case o.Reduction == device.Sum:
		d.reduction = C.MIXMAS_SUM
	case o.Reduction != device.Max:
		b.fail("the cuda device does not know reduction %d", int(o.Reduction))
	case o.Index == 0 || o.Plus != 0:
		b.fail("a maximum needs Index and takes no Plus")
	default:
		d.reduction, d.index = C.MIXMAS_MAX, b.need("Index", o.Index, n)
	}
	b.share(o.Y, o.Plus)
	add(b, C.MIXMAS_OP_REDUCE, d)
}

func (b *binder) maxGrad(o *device.MaxGrad) {
	b.positive("sizes", o.Outer, o.Axis, o.Inner)
	n := o.Outer * o.Inner
	add(b, C.MIXMAS_OP_MAX_GRAD, C.mixmas_max_grad{dy: b.need("DY", o.DY, n), index: b.need("Index", o.Index, n),
		dx: b.need("DX", o.DX, n*o.Axis), outer: C.int64_t(o.Outer), axis: C.int64_t(o.Axis), inner: C.int64_t(o.Inner)})
}

func (b *binder) dropout(o *device.Dropout) {
	b.positive("size", o.N)
	if !(o.P >= 0 && o.P < 1) {
		b.fail("probability %g, want 0 or more and less than 1", o.P)
	}
	threshold := min(math.Round(o.P*(1<<32)), math.MaxUint32) // the last word is kept where p rounds to 1
	b.share(o.Y, o.X)
	add(b, C.MIXMAS_OP_DROPOUT, C.mixmas_dropout{x: b.need("X", o.X, o.N), y: b.need("Y", o.Y, o.N), n: C.int64_t(o.N),
		threshold: C.uint32_t(threshold), number: C.uint32_t(o.Number), scale: C.float(1 / (1 - o.P))})
}

func (b *binder) crossEntropy(o *device.CrossEntropy) {
	b.positive("rows and classes", o.Rows, o.Classes)
	n := o.Rows * o.Classes
	add(b, C.MIXMAS_OP_CROSS_ENTROPY, C.mixmas_cross_entropy{logits: b.need("Logits", o.Logits, n), labels: b.need("Labels", o.Labels, o.Rows),
		loss: b.need("Loss", o.Loss, 1), delta: b.maybe("Delta", o.Delta, n), rows: C.int64_t(o.Rows), classes: C.int64_t(o.Classes)})
}

func (b *binder) bceWithLogits(o *device.BCEWithLogits) {
	b.positive("rows and classes", o.Rows, o.Classes)
	n := o.Rows * o.Classes
	add(b, C.MIXMAS_OP_BCE, C.mixmas_bce{logits: b.need("Logits", o.Logits, n), labels: b.need("Labels", o.Labels, n),
		pos_weight: b.maybe("PosWeight", o.PosWeight, o.Classes), loss: b.need("Loss", o.Loss, 1), delta: b.maybe("Delta", o.Delta, n),
		rows: C.int64_t(o.Rows), classes: C.int64_t(o.Classes)})
}

func (b *binder) adam(o *device.Adam) {
	b.positive("size", o.N)
	for _, own := range []device.Buffer{o.Parameters, o.Moments, o.Variances} {
		b.share(own, own)
	}
	add(b, C.MIXMAS_OP_ADAM, C.mixmas_adam{parameters: b.need("Parameters", o.Parameters, o.N), gradients: b.need("Gradients", o.Gradients, o.N),
		moments: b.need("Moments", o.Moments, o.N), variances: b.need("Variances", o.Variances, o.N), n: C.int64_t(o.N),
		beta1: C.double(o.Beta1), beta2: C.double(o.Beta2), eps: C.double(o.Eps), weight_decay: C.double(o.WeightDecay), decoupled: flag(o.Decoupled)})
}

func (b *binder) sgd(o *device.SGD) {
	b.positive("size", o.N)
	if (o.Velocity == 0) != (o.Momentum == 0) {
		b.fail("momentum %g: Velocity must be present exactly where there is momentum", o.Momentum)
	}
	for _, own := range []device.Buffer{o.Parameters, o.Velocity} {
		b.share(own, own)
	}
	add(b, C.MIXMAS_OP_SGD, C.mixmas_sgd{parameters: b.need("Parameters", o.Parameters, o.N), gradients: b.need("Gradients", o.Gradients, o.N),
		velocity: b.maybe("Velocity", o.Velocity, o.N), n: C.int64_t(o.N), momentum: C.double(o.Momentum), weight_decay: C.double(o.WeightDecay)})
}
