//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import "mixmas/nn/device"

var _ = device.On(&bindings, (*binder).matMul)

func (b *binder) matMul(o *device.MatMul) {
	matrices := func(buffer device.Buffer, offset int) *C.float {
		if buffer == 0 {
			return nil
		}
		return element(b.memory(buffer), offset)
	}
	d := C.mixmas_matmul{
		a: matrices(o.A, o.OffsetA), b: matrices(o.B, o.OffsetB), c: matrices(o.C, o.OffsetC),
		transpose_a: flag(o.TransA), transpose_b: flag(o.TransB),
		m: C.int32_t(o.M), n: C.int32_t(o.N), k: C.int32_t(o.K),
		lda: C.int32_t(o.LDA), ldb: C.int32_t(o.LDB), ldc: C.int32_t(o.LDC),
		bias_rows: flag(o.BiasRows), activation: b.activationOf(o.Activation),
		bias: b.memory(o.Bias), pre: matrices(o.Pre, o.OffsetC), gate: matrices(o.Gate, o.OffsetC), plus: matrices(o.Plus, o.OffsetC),
	}
	for i, count := range o.Batch {
		d.batch[i] = C.int32_t(count)
		d.stride_a[i], d.stride_b[i], d.stride_c[i] = C.int64_t(o.StrideA[i]), C.int64_t(o.StrideB[i]), C.int64_t(o.StrideC[i])
	}
	add(b, C.MIXMAS_OP_MATMUL, d)
}

func mapsOf(m device.Maps) C.mixmas_maps {
	return C.mixmas_maps{batch: C.int32_t(m.Batch), height: C.int32_t(m.Height), width: C.int32_t(m.Width), channels: C.int32_t(m.Channels),
		kernel: C.int32_t(m.Kernel), stride: C.int32_t(m.Stride), padding: C.int32_t(m.Padding),
		out_height: C.int32_t(m.OutHeight()), out_width: C.int32_t(m.OutWidth())}
}

var _ = device.On(&bindings, (*binder).im2Col)

func (b *binder) im2Col(o *device.Im2Col) {
	add(b, C.MIXMAS_OP_IM2COL, C.mixmas_im2col{x: b.memory(o.X), y: b.memory(o.Y), maps: mapsOf(o.Maps)})
}

var _ = device.On(&bindings, (*binder).col2Im)

func (b *binder) col2Im(o *device.Col2Im) {
	add(b, C.MIXMAS_OP_COL2IM, C.mixmas_col2im{x: b.memory(o.X), y: b.memory(o.Y), maps: mapsOf(o.Maps)})
}

var _ = device.On(&bindings, (*binder).depthwise)

func (b *binder) depthwise(o *device.DepthwiseConv) {
	add(b, C.MIXMAS_OP_DEPTHWISE, C.mixmas_depthwise{x: b.memory(o.X),
		weight: b.memory(o.Weight), plus: b.memory(o.Plus),
		y: b.memory(o.Y), maps: mapsOf(o.Maps), flip: flag(o.Flip)})
}

var _ = device.On(&bindings, (*binder).depthwiseGrad)

func (b *binder) depthwiseGrad(o *device.DepthwiseConvGrad) {
	add(b, C.MIXMAS_OP_DEPTHWISE_GRAD, C.mixmas_depthwise_grad{x: b.memory(o.X), dy: b.memory(o.DY),
		plus: b.memory(o.Plus), dweight: b.memory(o.DWeight), maps: mapsOf(o.Maps)})
}
