//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import "mixmas/nn/device"

func (b *binder) matMul(o *device.MatMul) {
	b.positive("sizes M, N, K, leading dimensions and batch", o.M, o.N, o.K, o.LDA, o.LDB, o.LDC, o.Batch[0], o.Batch[1])
	asC := func(role string, buffer device.Buffer) *C.float {
		if buffer == 0 {
			return nil
		}
		return b.matrix(role, buffer, o.OffsetC, o.M, o.N, false, o.LDC, o.Batch, o.StrideC)
	}
	d := C.mixmas_matmul{
		a:           b.matrix("A", o.A, o.OffsetA, o.M, o.K, o.TransA, o.LDA, o.Batch, o.StrideA),
		b:           b.matrix("B", o.B, o.OffsetB, o.K, o.N, o.TransB, o.LDB, o.Batch, o.StrideB),
		c:           b.matrix("C", o.C, o.OffsetC, o.M, o.N, false, o.LDC, o.Batch, o.StrideC),
		transpose_a: flag(o.TransA), transpose_b: flag(o.TransB),
		m: C.int32_t(o.M), n: C.int32_t(o.N), k: C.int32_t(o.K),
		lda: C.int32_t(o.LDA), ldb: C.int32_t(o.LDB), ldc: C.int32_t(o.LDC),
		bias_rows: flag(o.BiasRows), activation: b.activationOf(o.Activation),
		pre: asC("Pre", o.Pre), gate: asC("Gate", o.Gate), plus: asC("Plus", o.Plus),
	}
	if o.BiasRows {
		d.bias = b.maybe("Bias", o.Bias, o.M)
	} else {
		d.bias = b.maybe("Bias", o.Bias, o.N)
	}
	summed := false
	for i, count := range o.Batch {
		d.batch[i] = C.int32_t(count)
		d.stride_a[i], d.stride_b[i], d.stride_c[i] = C.int64_t(o.StrideA[i]), C.int64_t(o.StrideB[i]), C.int64_t(o.StrideC[i])
		summed = summed || count > 1 && o.StrideC[i] == 0
	}
	if summed && (o.Bias != 0 || o.Activation != device.Identity || o.Gate != 0 || o.Pre != 0) {
		b.fail("a product that is summed over a batch dimension takes no bias, activation, gate or pre-activation")
	}
	b.share(o.C, o.Gate, o.Plus)
	add(b, C.MIXMAS_OP_MATMUL, d)
}

// matrix is where a batch of matrices of op(rows×columns) begins.
func (b *binder) matrix(role string, buffer device.Buffer, offset, rows, columns int, trans bool, ld int, counts, strides [2]int) *C.float {
	if trans {
		rows, columns = columns, rows
	}
	if ld < columns || offset < 0 || strides[0] < 0 || strides[1] < 0 {
		b.fail("%s: leading dimension %d of rows of %d, offset %d, strides %v", role, ld, columns, offset, strides)
		return nil
	}
	end := offset + (counts[0]-1)*strides[0] + (counts[1]-1)*strides[1] + (rows-1)*ld + columns
	memory := b.need(role, buffer, end)
	if memory == nil {
		return nil
	}
	return element(memory, offset)
}

// maps demands sizes of which at least one patch fits.
func (b *binder) maps(m device.Maps) C.mixmas_maps {
	b.positive("batch, height, width, channels, kernel and stride", m.Batch, m.Height, m.Width, m.Channels, m.Kernel, m.Stride)
	if m.Padding < 0 || m.Height+2*m.Padding < m.Kernel || m.Width+2*m.Padding < m.Kernel {
		b.fail("maps of %d×%d with padding %d do not hold a kernel of %d", m.Height, m.Width, m.Padding, m.Kernel)
	}
	if b.err != nil {
		return C.mixmas_maps{}
	}
	return C.mixmas_maps{batch: C.int32_t(m.Batch), height: C.int32_t(m.Height), width: C.int32_t(m.Width), channels: C.int32_t(m.Channels),
		kernel: C.int32_t(m.Kernel), stride: C.int32_t(m.Stride), padding: C.int32_t(m.Padding),
		out_height: C.int32_t(m.OutHeight()), out_width: C.int32_t(m.OutWidth())}
}

// depthwiseMaps demands maps that keep their size.
func (b *binder) depthwiseMaps(m device.Maps) C.mixmas_maps {
	if m.Stride != 1 || m.Kernel%2 == 0 || m.Padding != m.Kernel/2 {
		b.fail("kernel %d, stride %d, padding %d: a depthwise convolution has an odd kernel, stride 1 and padding kernel/2", m.Kernel, m.Stride, m.Padding)
	}
	return b.maps(m)
}

func (b *binder) im2Col(o *device.Im2Col) {
	maps := b.maps(o.Maps)
	if b.err == nil {
		add(b, C.MIXMAS_OP_IM2COL, C.mixmas_im2col{x: b.need("X", o.X, o.Size()), y: b.need("Y", o.Y, o.Columns()), maps: maps})
	}
}

func (b *binder) col2Im(o *device.Col2Im) {
	maps := b.maps(o.Maps)
	if b.err == nil {
		add(b, C.MIXMAS_OP_COL2IM, C.mixmas_col2im{x: b.need("X", o.X, o.Size()), y: b.need("Y", o.Y, o.Columns()), maps: maps})
	}
}

func (b *binder) depthwise(o *device.DepthwiseConv) {
	maps := b.depthwiseMaps(o.Maps)
	b.share(o.Y, o.Plus)
	add(b, C.MIXMAS_OP_DEPTHWISE, C.mixmas_depthwise{x: b.need("X", o.X, o.Size()),
		weight: b.need("Weight", o.Weight, o.Channels*o.Kernel*o.Kernel), plus: b.maybe("Plus", o.Plus, o.Size()),
		y: b.need("Y", o.Y, o.Size()), maps: maps, flip: flag(o.Flip)})
}

func (b *binder) depthwiseGrad(o *device.DepthwiseConvGrad) {
	maps, n := b.depthwiseMaps(o.Maps), o.Channels*o.Kernel*o.Kernel
	b.share(o.DWeight, o.Plus)
	add(b, C.MIXMAS_OP_DEPTHWISE_GRAD, C.mixmas_depthwise_grad{x: b.need("X", o.X, o.Size()), dy: b.need("DY", o.DY, o.Size()),
		plus: b.maybe("Plus", o.Plus, n), dweight: b.need("DWeight", o.DWeight, n), maps: maps})
}
