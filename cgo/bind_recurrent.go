//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import "mixmas/nn/device"

var _ = device.On(&bindings, (*binder).recurrent)

func (b *binder) recurrent(o *device.Recurrent) {
	add(b, C.MIXMAS_OP_RECURRENT, C.mixmas_recurrent{x: b.memory(o.X), weight: b.memory(o.Weight), bias: b.memory(o.Bias), mask: b.memory(o.Mask),
		y: b.memory(o.Y), kept: b.memory(o.Kept), before: b.memory(o.Before), cell_before: b.memory(o.CellBefore),
		batch: C.int64_t(o.Batch), steps: C.int64_t(o.Steps), width: C.int64_t(o.Width), lstm: flag(o.Cell == device.LSTM), reverse: flag(o.Reverse)})
}

var _ = device.On(&bindings, (*binder).recurrentGrad)

func (b *binder) recurrentGrad(o *device.RecurrentGrad) {
	add(b, C.MIXMAS_OP_RECURRENT_GRAD, C.mixmas_recurrent_grad{weight: b.memory(o.Weight), mask: b.memory(o.Mask), dy: b.memory(o.DY),
		kept: b.memory(o.Kept), before: b.memory(o.Before), cell_before: b.memory(o.CellBefore), dx: b.memory(o.DX), dhidden: b.memory(o.DHidden),
		batch: C.int64_t(o.Batch), steps: C.int64_t(o.Steps), width: C.int64_t(o.Width), lstm: flag(o.Cell == device.LSTM), reverse: flag(o.Reverse)})
}
