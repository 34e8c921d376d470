//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import "mixmas/nn/device"

var _ = device.On(&bindings, (*binder).layerNorm)

func (b *binder) layerNorm(o *device.LayerNorm) {
	add(b, C.MIXMAS_OP_LAYER_NORM, C.mixmas_layer_norm{x: b.memory(o.X), weight: b.memory(o.Weight),
		bias: b.memory(o.Bias), y: b.memory(o.Y), statistics: b.memory(o.Statistics),
		rows: C.int64_t(o.Rows), width: C.int64_t(o.Width), eps: C.float(o.Eps)})
}

var _ = device.On(&bindings, (*binder).layerNormGrad)

func (b *binder) layerNormGrad(o *device.LayerNormGrad) {
	add(b, C.MIXMAS_OP_LAYER_NORM_GRAD, C.mixmas_layer_norm_grad{x: b.memory(o.X), weight: b.memory(o.Weight),
		statistics: b.memory(o.Statistics), dy: b.memory(o.DY),
		dx: b.memory(o.DX), dweight: b.memory(o.DWeight), dbias: b.memory(o.DBias),
		plus: b.memory(o.Plus), plus_weight: b.memory(o.PlusWeight),
		plus_bias: b.memory(o.PlusBias), rows: C.int64_t(o.Rows), width: C.int64_t(o.Width)})
}

var _ = device.On(&bindings, (*binder).batchNorm)

func (b *binder) batchNorm(o *device.BatchNorm) {
	add(b, C.MIXMAS_OP_BATCH_NORM, C.mixmas_batch_norm{x: b.memory(o.X), weight: b.memory(o.Weight),
		bias: b.memory(o.Bias), y: b.memory(o.Y), statistics: b.memory(o.Statistics),
		running_mean: b.memory(o.RunningMean), running_variance: b.memory(o.RunningVariance),
		outer: C.int64_t(o.Outer), channels: C.int64_t(o.Channels), inner: C.int64_t(o.Inner),
		eps: C.float(o.Eps), momentum: C.float(o.Momentum), train: flag(o.Train)})
}

var _ = device.On(&bindings, (*binder).batchNormGrad)

func (b *binder) batchNormGrad(o *device.BatchNormGrad) {
	add(b, C.MIXMAS_OP_BATCH_NORM_GRAD, C.mixmas_batch_norm_grad{x: b.memory(o.X), weight: b.memory(o.Weight),
		statistics: b.memory(o.Statistics), dy: b.memory(o.DY),
		dx: b.memory(o.DX), dweight: b.memory(o.DWeight), dbias: b.memory(o.DBias),
		plus: b.memory(o.Plus), plus_weight: b.memory(o.PlusWeight), plus_bias: b.memory(o.PlusBias),
		outer: C.int64_t(o.Outer), channels: C.int64_t(o.Channels), inner: C.int64_t(o.Inner), train: flag(o.Train)})
}
