//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import "mixmas/nn/device"

func (b *binder) layerNorm(o *device.LayerNorm) {
	b.positive("rows and width", o.Rows, o.Width)
	n := o.Rows * o.Width
	add(b, C.MIXMAS_OP_LAYER_NORM, C.mixmas_layer_norm{x: b.need("X", o.X, n), weight: b.need("Weight", o.Weight, o.Width),
		bias: b.need("Bias", o.Bias, o.Width), y: b.need("Y", o.Y, n), statistics: b.maybe("Statistics", o.Statistics, 2*o.Rows),
		rows: C.int64_t(o.Rows), width: C.int64_t(o.Width), eps: C.float(o.Eps)})
}

func (b *binder) layerNormGrad(o *device.LayerNormGrad) {
	b.positive("rows and width", o.Rows, o.Width)
	n := o.Rows * o.Width
	b.share(o.DX, o.Plus)
	if o.Width <= int(b.runner.session.device.limits.layer_norm_grad_in_place) {
		b.share(o.DX, o.DY)
	}
	b.share(o.DWeight, o.PlusWeight)
	b.share(o.DBias, o.PlusBias)
	add(b, C.MIXMAS_OP_LAYER_NORM_GRAD, C.mixmas_layer_norm_grad{x: b.need("X", o.X, n), weight: b.need("Weight", o.Weight, o.Width),
		statistics: b.need("Statistics", o.Statistics, 2*o.Rows), dy: b.need("DY", o.DY, n),
		dx: b.maybe("DX", o.DX, n), dweight: b.maybe("DWeight", o.DWeight, o.Width), dbias: b.maybe("DBias", o.DBias, o.Width),
		plus: b.maybe("Plus", o.Plus, n), plus_weight: b.maybe("PlusWeight", o.PlusWeight, o.Width),
		plus_bias: b.maybe("PlusBias", o.PlusBias, o.Width), rows: C.int64_t(o.Rows), width: C.int64_t(o.Width)})
}

func (b *binder) batchNorm(o *device.BatchNorm) {
	b.positive("outer, channels and inner", o.Outer, o.Channels, o.Inner)
	if o.Train && o.Outer*o.Inner < 2 {
		b.fail("training needs at least 2 values a channel, got %d", o.Outer*o.Inner)
	}
	n, c := o.Outer*o.Channels*o.Inner, o.Channels
	b.share(o.RunningMean, o.RunningMean)
	b.share(o.RunningVariance, o.RunningVariance)
	add(b, C.MIXMAS_OP_BATCH_NORM, C.mixmas_batch_norm{x: b.need("X", o.X, n), weight: b.need("Weight", o.Weight, c),
		bias: b.need("Bias", o.Bias, c), y: b.need("Y", o.Y, n), statistics: b.maybe("Statistics", o.Statistics, 2*c),
		running_mean: b.need("RunningMean", o.RunningMean, c), running_variance: b.need("RunningVariance", o.RunningVariance, c),
		outer: C.int64_t(o.Outer), channels: C.int64_t(c), inner: C.int64_t(o.Inner),
		eps: C.float(o.Eps), momentum: C.float(o.Momentum), train: flag(o.Train)})
}

func (b *binder) batchNormGrad(o *device.BatchNormGrad) {
	b.positive("outer, channels and inner", o.Outer, o.Channels, o.Inner)
	n, c := o.Outer*o.Channels*o.Inner, o.Channels
	b.share(o.DWeight, o.PlusWeight)
	b.share(o.DBias, o.PlusBias)
	add(b, C.MIXMAS_OP_BATCH_NORM_GRAD, C.mixmas_batch_norm_grad{x: b.need("X", o.X, n), weight: b.need("Weight", o.Weight, c),
		statistics: b.need("Statistics", o.Statistics, 2*c), dy: b.need("DY", o.DY, n),
		dx: b.maybe("DX", o.DX, n), dweight: b.maybe("DWeight", o.DWeight, c), dbias: b.maybe("DBias", o.DBias, c),
		plus: b.maybe("Plus", o.Plus, n), plus_weight: b.maybe("PlusWeight", o.PlusWeight, c), plus_bias: b.maybe("PlusBias", o.PlusBias, c),
		outer: C.int64_t(o.Outer), channels: C.int64_t(c), inner: C.int64_t(o.Inner), train: flag(o.Train)})
}
