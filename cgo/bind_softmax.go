//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import "mixmas/nn/device"

var _ = device.On(&bindings, (*binder).softmax)

func (b *binder) softmax(o *device.Softmax) {
	add(b, C.MIXMAS_OP_SOFTMAX, C.mixmas_softmax{x: b.memory(o.X), mask: b.memory(o.Mask), y: b.memory(o.Y),
		batch: C.int64_t(o.Batch), repeat: C.int64_t(o.Repeat), width: C.int64_t(o.Width)})
}

var _ = device.On(&bindings, (*binder).softmaxGrad)

func (b *binder) softmaxGrad(o *device.SoftmaxGrad) {
	add(b, C.MIXMAS_OP_SOFTMAX_GRAD, C.mixmas_softmax_grad{y: b.memory(o.Y), dy: b.memory(o.DY), plus: b.memory(o.Plus), dx: b.memory(o.DX),
		rows: C.int64_t(o.Rows), width: C.int64_t(o.Width)})
}
