//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import "mixmas/nn/device"

// windowsOf returns the sizes of a convolution.
func windowsOf(w *device.Windows) C.mixmas_windows {
	c := C.mixmas_windows{batch: C.int32_t(w.Batch), height: C.int32_t(w.Height), width: C.int32_t(w.Width), channels: C.int32_t(w.Channels),
		out: C.int32_t(w.Out), out_height: C.int32_t(w.OutHeight()), out_width: C.int32_t(w.OutWidth())}
	for i := range 2 {
		c.kernel[i], c.stride[i] = C.int32_t(w.Kernel[i]), C.int32_t(w.Stride[i])
		c.padding[i], c.dilation[i] = C.int32_t(w.Padding[i]), C.int32_t(w.Dilation[i])
	}
	return c
}

var _ = device.On(&bindings, (*binder).conv)

func (b *binder) conv(o *device.Conv) {
	add(b, C.MIXMAS_OP_CONV, C.mixmas_conv{x: b.memory(o.X), weight: b.memory(o.Weight), bias: b.memory(o.Bias), plus: b.memory(o.Plus),
		y: b.memory(o.Y), pre: b.memory(o.Pre), activation: b.activationOf(o.Activation), windows: windowsOf(&o.Windows)})
}

var _ = device.On(&bindings, (*binder).convInputGrad)

func (b *binder) convInputGrad(o *device.ConvInputGrad) {
	add(b, C.MIXMAS_OP_CONV_INPUT_GRAD, C.mixmas_conv_input_grad{dy: b.memory(o.DY), weight: b.memory(o.Weight), plus: b.memory(o.Plus),
		dx: b.memory(o.DX), windows: windowsOf(&o.Windows)})
}

var _ = device.On(&bindings, (*binder).convWeightGrad)

func (b *binder) convWeightGrad(o *device.ConvWeightGrad) {
	add(b, C.MIXMAS_OP_CONV_WEIGHT_GRAD, C.mixmas_conv_weight_grad{x: b.memory(o.X), dy: b.memory(o.DY), plus: b.memory(o.Plus),
		dweight: b.memory(o.DWeight), windows: windowsOf(&o.Windows)})
}
