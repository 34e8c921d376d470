package nn

import (
	"slices"

	"mixmas/nn/device"
)

// Layout describes where the matrices of a batch are inside a value. The matrix at batch index (i, j) starts at element
// i·Stride[0] + j·Stride[1] and its rows are LD elements apart. A stride of 0 repeats the same matrix. Together the
// matrices cover the value without overlap.
type Layout struct {
	LD     int
	Stride [2]int
}

// Of returns the matrices with this layout inside a value.
func (l Layout) Of(v *Value) Matrix { return Matrix{Value: v, Layout: l} }

// Matrix is a batch of matrices inside a value. If Trans is set, each is read transposed.
type Matrix struct {
	Value *Value
	Layout
	Trans bool
}

// Transposed returns the matrices, each transposed.
func (m Matrix) Transposed() Matrix {
	m.Trans = !m.Trans
	return m
}

// StridedMatMul is the batched product C = act(A B) of M×K and K×N matrices anywhere inside their values.
type StridedMatMul struct {
	A, B       Matrix
	C          Layout
	M, N, K    int
	Batch      [2]int // counts, outer first; 0 is read as 1
	Activation device.Activation
	Shape      []int // of C as a whole
}

// StridedMatMul records a batched product. It does not check strides and sizes: layers compute them and are responsible for
// them.
func (g *Graph) StridedMatMul(p StridedMatMul) *Value {
	if g.err != nil {
		return &Value{Shape: p.Shape}
	}
	for i := range p.Batch {
		p.Batch[i] = max(p.Batch[i], 1)
	}
	y := g.value("matrix product", p.Shape)
	y.kept = g.keepPre(p.Activation, y.Size())
	op := p.matMul(p.A, p.B, y.buffer, p.C, p.M, p.N, p.K)
	op.Activation, op.Pre = p.Activation, y.kept
	return g.record(op, y, func(dy device.Buffer) {
		g.stridedGradients(p, g.beforeActivation(p.Activation, y.kept, dy))
	}, p.A.Value, p.B.Value)
}

// matMul returns the product of two operands of p, or of their gradients, which writes to c.
func (p *StridedMatMul) matMul(a, b Matrix, c device.Buffer, layout Layout, m, n, k int) *device.MatMul {
	return &device.MatMul{A: a.Value.buffer, B: b.Value.buffer, C: c, TransA: a.Trans, TransB: b.Trans, M: m, N: n, K: k,
		LDA: a.LD, LDB: b.LD, LDC: layout.LD, Batch: p.Batch, StrideA: a.Stride, StrideB: b.Stride, StrideC: layout.Stride}
}

// stridedGradients records dA = dC Bᵀ and dB = Aᵀ dC, laid out as A and B.
func (g *Graph) stridedGradients(p StridedMatMul, dc device.Buffer) {
	a, b, c := p.A, p.B, p.C.Of(&Value{buffer: dc})
	gradient := func(of, left, right Matrix, m, n, k int) {
		if d, plus := g.contribution(of.Value); d != 0 {
			op := p.matMul(left, right, d, of.Layout, m, n, k)
			op.Plus = plus
			g.emit(op)
		}
	}
	if a.Trans {
		gradient(a, b, c.Transposed(), p.K, p.M, p.N)
	} else {
		gradient(a, c, b.Transposed(), p.M, p.K, p.N)
	}
	if b.Trans {
		gradient(b, c.Transposed(), a, p.N, p.K, p.M)
	} else {
		gradient(b, a.Transposed(), c, p.K, p.N, p.M)
	}
}

// keepPre makes the buffer that keeps a pre-activation of n elements for the backward pass, if it is needed.
func (g *Graph) keepPre(a device.Activation, n int) device.Buffer {
	if !g.gradients || a == device.Identity {
		return 0
	}
	return g.buffer("pre-activation", n)
}

// beforeActivation turns the gradient dy of act(pre) into that of pre. If pre is absent, there was no activation.
func (g *Graph) beforeActivation(a device.Activation, pre, dy device.Buffer) device.Buffer {
	if pre == 0 {
		return dy
	}
	n := g.buffers[pre-1].Size
	d := g.buffer("pre-activation gradient", n)
	g.emit(&device.MapGrad{Activation: a, X: pre, DY: dy, DX: d, N: n})
	return d
}

// MatMul is the matrix product over the last two dimensions. The dimensions before them must agree, or b is a single
// matrix.
func (g *Graph) MatMul(a, b *Value) *Value {
	ra, rb := len(a.Shape), len(b.Shape)
	if ra < 2 || rb < 2 || a.Shape[ra-1] != b.Shape[rb-2] || rb > 2 && !slices.Equal(a.Shape[:ra-2], b.Shape[:rb-2]) {
		return g.Fail(a.Shape, "matrix product: shapes %v and %v do not fit", a.Shape, b.Shape)
	}
	m, k, n := a.Shape[ra-2], a.Shape[ra-1], b.Shape[rb-1]
	p := StridedMatMul{A: Layout{k, [2]int{m * k}}.Of(a), B: Layout{n, [2]int{k * n}}.Of(b), C: Layout{n, [2]int{m * n}},
		M: m, N: n, K: k, Batch: [2]int{size(a.Shape[:ra-2])}, Shape: append(slices.Clone(a.Shape[:ra-1]), n)}
	if rb == 2 {
		p.B.Stride[0] = 0
	}
	return g.StridedMatMul(p)
}
