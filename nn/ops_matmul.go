package nn

import (
	"slices"

	"mixmas/nn/device"
)

// Matrix is a batch of matrices inside a value: the matrix at batch index (i, j) starts at element i·Stride[0] +
// j·Stride[1] and has rows LD elements apart. Trans reads it transposed. A stride of 0 repeats the same matrix. Together
// the matrices cover the value, and do not overlap.
type Matrix struct {
	Value  *Value
	Trans  bool
	LD     int
	Stride [2]int
}

// Product is the batched product C = act(A B) of M×K and K×N matrices that lie anywhere inside their values.
type Product struct {
	A, B       Matrix
	M, N, K    int
	Batch      [2]int // counts, outer first; 0 is read as 1
	LDC        int
	StrideC    [2]int
	Activation device.Activation
	Shape      []int // of C as a whole
}

// Product records a batched product. Callers vouch for strides and sizes: they are a layer's own arithmetic.
func (g *Graph) Product(p Product) *Value {
	if g.err != nil {
		return &Value{Shape: p.Shape}
	}
	for i := range p.Batch {
		p.Batch[i] = max(p.Batch[i], 1)
	}
	y := g.value("product", p.Shape)
	y.kept = g.keepPre(p.Activation, y.Size())
	op := &device.MatMul{A: p.A.Value.buffer, B: p.B.Value.buffer, C: y.buffer, TransA: p.A.Trans, TransB: p.B.Trans,
		M: p.M, N: p.N, K: p.K, LDA: p.A.LD, LDB: p.B.LD, LDC: p.LDC,
		Batch: p.Batch, StrideA: p.A.Stride, StrideB: p.B.Stride, StrideC: p.StrideC,
		Activation: p.Activation, Pre: y.kept}
	return g.record(op, y, func(dy device.Buffer) {
		g.productGradients(p, g.beforeActivation(p.Activation, y.kept, dy))
	}, p.A.Value, p.B.Value)
}

// keepPre makes the buffer that keeps a pre-activation of n elements for the backward pass, where that is wanted.
func (g *Graph) keepPre(a device.Activation, n int) device.Buffer {
	if !g.gradients || a == device.Identity {
		return 0
	}
	return g.buffer("pre-activation", n)
}

// beforeActivation turns the gradient dy of act(pre) into that of pre; without pre there was no activation.
func (g *Graph) beforeActivation(a device.Activation, pre, dy device.Buffer) device.Buffer {
	if pre == 0 {
		return dy
	}
	n := g.buffers[pre-1].Size
	d := g.buffer("pre-activation gradient", n)
	g.emit(&device.MapGrad{Activation: a, X: pre, DY: dy, DX: d, N: n})
	return d
}

// productGradients records dA = dC Bᵀ and dB = Aᵀ dC, laid out as A and B.
func (g *Graph) productGradients(p Product, dc device.Buffer) {
	a, b := p.A, p.B
	type operand struct {
		buffer device.Buffer
		trans  bool
		ld     int
		stride [2]int
	}
	oa, ob := operand{a.Value.buffer, a.Trans, a.LD, a.Stride}, operand{b.Value.buffer, b.Trans, b.LD, b.Stride}
	c := operand{dc, false, p.LDC, p.StrideC}
	flip := func(o operand) operand { o.trans = !o.trans; return o }
	product := func(target Matrix, left, right operand, m, n, k int) {
		d, plus := g.contribution(target.Value)
		if d == 0 {
			return
		}
		g.emit(&device.MatMul{A: left.buffer, B: right.buffer, C: d, Plus: plus, TransA: left.trans, TransB: right.trans,
			M: m, N: n, K: k, LDA: left.ld, LDB: right.ld, LDC: target.LD,
			Batch: p.Batch, StrideA: left.stride, StrideB: right.stride, StrideC: target.Stride})
	}
	if a.Trans {
		product(a, ob, flip(c), p.K, p.M, p.N)
	} else {
		product(a, c, flip(ob), p.M, p.K, p.N)
	}
	if b.Trans {
		product(b, flip(c), oa, p.N, p.K, p.M)
	} else {
		product(b, flip(oa), c, p.K, p.N, p.M)
	}
}

// MatMul is the matrix product over the last two dimensions; the dimensions before them agree, or b is one matrix.
func (g *Graph) MatMul(a, b *Value) *Value {
	ra, rb := len(a.Shape), len(b.Shape)
	if ra < 2 || rb < 2 || a.Shape[ra-1] != b.Shape[rb-2] || rb > 2 && !slices.Equal(a.Shape[:ra-2], b.Shape[:rb-2]) {
		return g.Fail(a.Shape, "matrix product: shapes %v and %v do not fit", a.Shape, b.Shape)
	}
	m, k, n := a.Shape[ra-2], a.Shape[ra-1], b.Shape[rb-1]
	p := Product{A: Matrix{Value: a, LD: k, Stride: [2]int{m * k}}, B: Matrix{Value: b, LD: n, Stride: [2]int{k * n}},
		M: m, N: n, K: k, Batch: [2]int{size(a.Shape[:ra-2])}, LDC: n, StrideC: [2]int{m * n},
		Shape: append(slices.Clone(a.Shape[:ra-1]), n)}
	if rb == 2 {
		p.B.Stride[0] = 0
	}
	return g.Product(p)
}
