package onnx

import (
	"slices"

	"mixmas/nn/device"
)

// matMul is a MatMul, or a Gemm where it has one matrix and a bias: op(A) op(B) + bias, the activation, and what is added.
func (t *translator) matMul(o *device.MatMul) {
	if o.Gate != 0 || o.Pre != 0 {
		fail("it is part of a training")
	}
	twin := t.twin.(*device.MatMul)
	if t.convolution(o, twin) {
		return
	}
	m, n, k := pair(o.M, twin.M), pair(o.N, twin.N), pair(o.K, twin.K)
	if k.batch {
		fail("it adds up over the batch")
	}
	total := pair(t.programs[0].Info(o.C).Size, t.programs[1].Info(o.C).Size)
	offset := pair(o.OffsetC, twin.OffsetC)
	var counts []size
	var stepsA, stepsB, stepsC []size
	for i := range o.Batch {
		if count := pair(o.Batch[i], twin.Batch[i]); !count.isOne() {
			counts = append(counts, count)
			stepsA = append(stepsA, pair(o.StrideA[i], twin.StrideA[i]))
			stepsB = append(stepsB, pair(o.StrideB[i], twin.StrideB[i]))
			stepsC = append(stepsC, pair(o.StrideC[i], twin.StrideC[i]))
			if stepsC[len(stepsC)-1].n == 0 {
				fail("it adds up over a batch of products")
			}
		}
	}
	lda, ldb, ldc := pair(o.LDA, twin.LDA), pair(o.LDB, twin.LDB), pair(o.LDC, twin.LDC)
	rows := func(ld size, transposed bool) []size {
		if transposed {
			return []size{fixed(1), ld}
		}
		return []size{ld, fixed(1)}
	}
	a, b := t.value(o.A), t.value(o.B)
	if len(counts) == 0 && !o.TransA && lda == k && o.OffsetA == 0 && product(a.dims...) == product(m, k) && offset.n == 0 && ldc == n && !o.BiasRows {
		x := t.leading(a, m, k)
		if o.Bias != 0 && o.Plus == 0 && len(x.dims) == 2 && o.TransB && ldb == k && o.OffsetB == 0 && product(b.dims...) == product(n, k) {
			bias := t.reshape(t.value(o.Bias), []size{n})
			y := t.add("Gemm", []*tensor{x, t.reshape(b, []size{n, k}), bias}, floats, []size{m, n}, attribute{"transB", 1})
			t.set(o.C, t.activate(y, o.Activation))
			return
		}
		w := t.view(b, pair(o.OffsetB, twin.OffsetB), []size{k, n}, rows(ldb, o.TransB))
		y := t.add("MatMul", []*tensor{x, w}, floats, append(slices.Clone(x.dims[:len(x.dims)-1]), n))
		t.set(o.C, t.epilogue(o, y, n))
		return
	}
	matrices := func(x *tensor, offset size, steps []size, first, second, ld size, transposed bool) *tensor {
		shape, all := append(slices.Clone(counts), first, second), append(slices.Clone(steps), rows(ld, transposed)...)
		y := t.view(x, offset, shape, all)
		for len(y.dims) > 2 && y.dims[0].isOne() {
			y = t.reshape(y, y.dims[1:])
		}
		return y
	}
	x := matrices(a, pair(o.OffsetA, twin.OffsetA), stepsA, m, k, lda, o.TransA)
	w := matrices(b, pair(o.OffsetB, twin.OffsetB), stepsB, k, n, ldb, o.TransB)
	dims := append(slices.Clone(counts), m, n)
	y := t.add("MatMul", []*tensor{x, w}, floats, append(t.broadcast(x.dims[:len(x.dims)-2], w.dims[:len(w.dims)-2]), m, n))
	y = t.whole(y, dims)
	bare := *o
	bare.Plus = 0 // it has the layout of C
	y = t.epilogue(&bare, y, n)
	y = t.place(y, total, offset, append(slices.Clone(stepsC), ldc, fixed(1)))
	t.set(o.C, t.plus(y, o.Plus))
}

// epilogue adds the bias, applies the activation and adds what is added, to products (..., M, N).
func (t *translator) epilogue(o *device.MatMul, y *tensor, n size) *tensor {
	if o.Bias != 0 {
		bias := t.value(o.Bias)
		if o.BiasRows {
			bias = t.reshape(bias, append(slices.Clone(bias.dims), fixed(1)))
		} else {
			bias = t.reshape(bias, []size{n})
		}
		y = t.elementwise("Add", y, bias)
	}
	return t.plus(t.activate(y, o.Activation), o.Plus)
}

// patches are what a convolution gathers from maps.
type patches struct {
	maps *tensor // (batch, height, width, channels)
	device.Maps
}

// mapsOf gives a buffer the shape of channels-last maps.
func (t *translator) mapsOf(b device.Buffer, m, twin device.Maps) *tensor {
	return t.reshape(t.value(b), append([]size{pair(m.Batch, twin.Batch)}, fixedAll(m.Height, m.Width, m.Channels)...))
}

// im2Col only remembers the maps: a product with patches is a convolution, which gathers them by itself.
func (t *translator) im2Col(o *device.Im2Col) {
	t.patches[o.Y] = patches{t.mapsOf(o.X, o.Maps, t.twin.(*device.Im2Col).Maps), o.Maps}
}

// convolution translates a product of patches with one matrix, and reports whether it was one.
func (t *translator) convolution(o, twin *device.MatMul) bool {
	p, ok := t.patches[o.A]
	k := p.Kernel * p.Kernel * p.Channels
	if !ok || o.Batch != [2]int{1, 1} || o.TransA || o.OffsetA != 0 || o.LDA != k || o.K != k || o.OffsetC != 0 || o.LDC != o.N || o.BiasRows {
		return false
	}
	batch, out := p.maps.dims[0], fixed(o.N)
	if pair(o.M, twin.M) != product(batch, fixed(p.OutHeight()*p.OutWidth())) {
		return false
	}
	steps := []size{fixed(1), fixed(o.LDB)}
	if o.TransB {
		steps = []size{fixed(o.LDB), fixed(1)}
	}
	w := t.view(t.value(o.B), pair(o.OffsetB, twin.OffsetB), fixedAll(o.N, k), steps)
	w = t.transpose(t.reshape(w, []size{out, fixed(p.Kernel), fixed(p.Kernel), fixed(p.Channels)}), []int{0, 3, 1, 2})
	inputs := []*tensor{t.transpose(p.maps, []int{0, 3, 1, 2}), w}
	if o.Bias != 0 {
		inputs = append(inputs, t.reshape(t.value(o.Bias), []size{out}))
	}
	y := t.add("Conv", inputs, floats, []size{batch, out, fixed(p.OutHeight()), fixed(p.OutWidth())}, convolved(p.Maps, 1)...)
	y = t.activate(t.transpose(y, []int{0, 2, 3, 1}), o.Activation)
	t.set(o.C, t.plus(y, o.Plus))
	return true
}

// convolved are the attributes of a convolution.
func convolved(m device.Maps, group int) []attribute {
	pads := []int{m.Padding, m.Padding, m.Padding, m.Padding}
	return []attribute{{"group", group}, {"kernel_shape", []int{m.Kernel, m.Kernel}}, {"pads", pads}, {"strides", []int{m.Stride, m.Stride}}}
}

// allPatches gathers patches for other uses: (batch, height, width, kernel, kernel, channels).
func (t *translator) allPatches(p patches) *tensor {
	batch, channels := p.maps.dims[0], fixed(p.Channels)
	height, width := p.Height+2*p.Padding, p.Width+2*p.Padding
	side := []int{0, p.Padding, p.Padding, 0}
	x := t.pad(p.maps, side, side, []size{batch, fixed(height), fixed(width), channels})
	x = t.reshape(x, []size{batch, fixed(height * width), channels})
	shape := []int{p.OutHeight(), p.OutWidth(), p.Kernel, p.Kernel}
	var cells []int64
	walk(shape, []int{width * p.Stride, p.Stride, width, 1}, func(i int) { cells = append(cells, int64(i)) })
	list := t.constantIntegers("cells", fixedAll(shape...), cells)
	return t.add("Gather", []*tensor{x, list}, floats, append(append([]size{batch}, fixedAll(shape...)...), channels), attribute{"axis", 1})
}

// conv is a Conv between maps with the channels first, the activation, and what is added.
func (t *translator) conv(o *device.Conv) {
	if o.Pre != 0 {
		fail("it is part of a training")
	}
	batch := pair(o.Batch, t.twin.(*device.Conv).Batch)
	x := t.reshape(t.value(o.X), append([]size{batch}, fixedAll(o.Height, o.Width, o.Channels)...))
	inputs := []*tensor{t.transpose(x, []int{0, 3, 1, 2}), t.reshape(t.value(o.Weight), fixedAll(o.Out, o.Channels, o.Kernel[0], o.Kernel[1]))}
	if o.Bias != 0 {
		inputs = append(inputs, t.reshape(t.value(o.Bias), fixedAll(o.Out)))
	}
	y := t.add("Conv", inputs, floats, append([]size{batch}, fixedAll(o.Out, o.OutHeight(), o.OutWidth())...),
		attribute{"dilations", o.Dilation[:]}, attribute{"group", 1}, attribute{"kernel_shape", o.Kernel[:]},
		attribute{"pads", []int{o.Padding[0], o.Padding[1], o.Padding[0], o.Padding[1]}}, attribute{"strides", o.Stride[:]})
	t.set(o.Y, t.plus(t.activate(t.transpose(y, []int{0, 2, 3, 1}), o.Activation), o.Plus))
}

// depthwise is a convolution with a group per channel.
func (t *translator) depthwise(o *device.DepthwiseConv) {
	if o.Flip {
		fail("it is part of a training")
	}
	x := t.transpose(t.mapsOf(o.X, o.Maps, t.twin.(*device.DepthwiseConv).Maps), []int{0, 3, 1, 2})
	w := t.reshape(t.value(o.Weight), fixedAll(o.Channels, 1, o.Kernel, o.Kernel))
	y := t.add("Conv", []*tensor{x, w}, floats, x.dims, convolved(o.Maps, o.Channels)...)
	t.set(o.Y, t.plus(t.transpose(y, []int{0, 2, 3, 1}), o.Plus))
}
