package cpu

import (
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// binary runs [device.Binary]: broadcast operands are gathered into blocks.
type binary struct {
	set     *simd.Set
	combine func(y, a, b []float32)
	a, b    view
	y, plus []float32
	compute part
}

var _ = register(bindBinary)

func bindBinary(b *binder, o *device.Binary) instruction {
	n := product(o.Shape)
	c := &binary{set: b.set, y: b.memory(o.Y, n), plus: b.memory(o.Plus, n),
		a: b.view(o.A, o.Shape, o.StridesA), b: b.view(o.B, o.Shape, o.StridesB)}
	switch o.Arithmetic {
	case device.Add:
		c.combine = b.set.Add
	case device.Mul:
		c.combine = b.set.Mul
	case device.Div:
		c.combine = b.set.Div
	default:
		b.fail("the cpu device does not support arithmetic %d", int(o.Arithmetic))
	}
	c.compute = c.part
	return c
}

func (c *binary) run(t *turn) error {
	t.splitElements(len(c.y), c.compute)
	return nil
}

func (c *binary) part(w *worker, from, to int) {
	eachBlock(from, to, func(i, j int) {
		a, b := c.a.read(w.blocks[0], i, j), c.b.read(w.blocks[1], i, j)
		if c.plus == nil {
			c.combine(c.y[i:j], a, b)
			return
		}
		y := w.blocks[2][:j-i]
		c.combine(y, a, b)
		c.set.Add(c.y[i:j], c.plus[i:j], y)
	})
}

// view is a strided operand that is read in the order of a contiguous output. Dimensions without a gap between them are
// merged.
type view struct {
	data   []float32
	rank   int
	counts [device.MaxRank]int
	stride [device.MaxRank]int
}

func (b *binder) view(buffer device.Buffer, shape, strides []int) view {
	var v view
	end := 1
	for i, n := range shape {
		end += (n - 1) * strides[i]
		if n == 1 {
			continue
		}
		if v.rank > 0 && v.stride[v.rank-1] == n*strides[i] {
			v.counts[v.rank-1] *= n
			v.stride[v.rank-1] = strides[i]
			continue
		}
		v.counts[v.rank], v.stride[v.rank] = n, strides[i]
		v.rank++
	}
	if v.rank == 0 {
		v.rank, v.counts[0], v.stride[0] = 1, 1, 1
	}
	v.data = b.memory(buffer, end)
	return v
}

// read returns the elements from ≤ i < to: in place if they are contiguous, otherwise gathered in scratch.
func (v *view) read(scratch []float32, from, to int) []float32 {
	var index [device.MaxRank]int
	last, rest, at := v.rank-1, from, 0
	for d := last; d >= 0; d-- {
		index[d] = rest % v.counts[d]
		rest /= v.counts[d]
		at += index[d] * v.stride[d]
	}
	n := to - from
	inner, stride := v.counts[last], v.stride[last]
	if stride == 1 && index[last]+n <= inner {
		return v.data[at : at+n]
	}
	out := scratch[:n]
	for k := 0; k < n; {
		run := out[k : k+min(n-k, inner-index[last])]
		gather(run, v.data[at:], stride)
		k += len(run)
		index[last] += len(run)
		at += len(run) * stride
		for d := last; d > 0 && index[d] == v.counts[d]; d-- {
			at += v.stride[d-1] - index[d]*v.stride[d]
			index[d] = 0
			index[d-1]++
		}
	}
	return out
}

// gather copies elements that are stride apart.
func gather(dst, src []float32, stride int) {
	switch stride {
	case 0:
		fill(dst, src[0])
	case 1:
		copy(dst, src)
	default:
		for i := range dst {
			dst[i] = src[i*stride]
		}
	}
}

func fill(dst []float32, value float32) {
	for i := range dst {
		dst[i] = value
	}
}
