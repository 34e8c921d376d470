package cpu

import (
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// HyperMixing's generators are matrix products over all samples at once. What they generate is applied sample by sample
// and head by head: the hidden layer of one, transposed, (hidden, width), stays in a worker's tile, and the backward pass
// computes it again. It would be the largest buffer of the model, written and read twice.

// hyperHeads are the operands of the application, with the sizes of one head.
type hyperHeads struct {
	set     *simd.Set
	x       []float32
	weights [2][]float32 // W1 and W2
	batch, heads,
	tokens, width, hidden int // of a head
	compute part
}

// fewTokens is up to where it is cheaper to compute the hidden layer again than to write and read it: an element costs two
// operations a token.
const fewTokens = 64

// newHyperHeads is false where that does not pay, or the hidden layer and its gradient do not fit a tile.
func newHyperHeads(b *binder, o *device.HyperMixing) (h hyperHeads, ok bool) {
	b.positive("batch, tokens, width, hidden and heads", o.Batch, o.Tokens, o.Width, o.Hidden, o.Heads)
	if b.err != nil || o.Width%o.Heads != 0 || o.Hidden%o.Heads != 0 {
		return h, false
	}
	h = hyperHeads{set: b.set, batch: o.Batch, heads: o.Heads, tokens: o.Tokens, width: o.Width / o.Heads, hidden: o.Hidden / o.Heads}
	h.x = b.need("X", o.X, o.Batch*o.Tokens*o.Width)
	for i := range h.weights {
		h.weights[i] = b.need("Weights", o.Weights[i], o.Batch*o.Tokens*o.Hidden)
	}
	return h, b.err == nil && h.tokens <= fewTokens && 3*h.hidden*h.width <= tileSize
}

// grain is the least number of heads of samples that is worth a helper's while.
func (h *hyperHeads) grain() int { return grain(h.tokens * h.width * h.hidden / 4) }

// in is where a sample's head begins in a matrix (batch, tokens, heads·size), and the length of that matrix's rows.
func (h *hyperHeads) in(size, unit int) (at, ld int) {
	sample, head := unit/h.heads, unit%h.heads
	ld = h.heads * size
	return sample*h.tokens*ld + head*size, ld
}

func (h *hyperHeads) product(w *worker, p simd.Product) {
	w.plain = p
	h.set.Gemm(w.gemm, &w.plain)
}

// outer is (hidden, width) = Aᵀ B for a head's A (tokens, hidden) and B (tokens, width).
func (h *hyperHeads) outer(w *worker, unit int, c, a, b []float32) {
	i, lda := h.in(h.hidden, unit)
	j, ldb := h.in(h.width, unit)
	h.product(w, simd.Product{TransA: true, M: h.hidden, N: h.width, K: h.tokens,
		A: a[i:], B: b[j:], C: c, LDA: lda, LDB: ldb, LDC: h.width})
}

// inner is C (tokens, width) = A (tokens, hidden) B (hidden, width) for a head, where B is in the tile.
func (h *hyperHeads) inner(w *worker, unit int, c, a, b []float32, accumulate bool) {
	i, lda := h.in(h.hidden, unit)
	j, ldc := h.in(h.width, unit)
	h.product(w, simd.Product{M: h.tokens, N: h.width, K: h.hidden,
		A: a[i:], B: b, C: c[j:], LDA: lda, LDB: h.width, LDC: ldc, Accumulate: accumulate})
}

// weightGrad is C (tokens, hidden) = A (tokens, width) Bᵀ for a head, where B (hidden, width) is in the tile.
func (h *hyperHeads) weightGrad(w *worker, unit int, c, a, b []float32, accumulate bool) {
	i, lda := h.in(h.width, unit)
	j, ldc := h.in(h.hidden, unit)
	p := simd.Product{TransB: true, M: h.tokens, N: h.hidden, K: h.width,
		A: a[i:], B: b, C: c[j:], LDA: lda, LDB: h.width, LDC: ldc, Accumulate: accumulate}
	p.Dots = dots(&p)
	h.product(w, p)
}

// hyperMixing runs the last two products of [device.HyperMixing].
type hyperMixing struct {
	hyperHeads
	z []float32
}

var _ = register(bindHyperMixing)

func bindHyperMixing(b *binder, o *device.HyperMixing) instruction {
	heads, ok := newHyperHeads(b, o)
	parts := o.Operations()
	last := len(parts) - 2
	if !ok || !b.private(parts[last]) {
		return b.sequence(parts)
	}
	h := &hyperMixing{hyperHeads: heads, z: b.need("Z", o.Z, o.Batch*o.Tokens*o.Width)}
	h.compute = h.part
	return b.sequence(parts[:last], h)
}

func (h *hyperMixing) run(t *turn) error {
	t.split(h.batch*h.heads, h.grain(), h.compute)
	return nil
}

func (h *hyperMixing) part(w *worker, from, to int) {
	hidden := w.tile[:h.hidden*h.width]
	for unit := from; unit < to; unit++ {
		h.outer(w, unit, hidden, h.weights[0], h.x)
		h.set.Gelu(hidden, hidden)
		h.inner(w, unit, h.z, h.weights[1], hidden, false)
	}
}

// hyperMixingGrad runs the gradients of the last two products of [device.HyperMixing].
type hyperMixingGrad struct {
	hyperHeads
	dz       []float32
	dx       sum // absent where nobody wants it
	dweights [2]sum
}

// sum is a gradient and what is added to it; plus may be absent.
type sum struct{ d, plus []float32 }

var _ = register(bindHyperMixingGrad)

func bindHyperMixingGrad(b *binder, o *device.HyperMixingGrad) instruction {
	f := o.Forward
	heads, ok := newHyperHeads(b, f)
	if !ok {
		return b.sequence(o.Operations())
	}
	// In order: of W2, of the hidden layer after and before gelu, of X, of W1; the rest are the generators'.
	parts := o.Operations()
	next := func() (m device.MatMul) {
		if len(parts) > 0 {
			if p, ok := parts[0].(*device.MatMul); ok {
				m = *p
			}
			parts = parts[1:]
		}
		return m
	}
	target := func(role string, m device.MatMul, size int) sum {
		return sum{b.need(role, m.C, size), b.maybe(role+".Plus", m.Plus, size)}
	}
	n, t := f.Batch*f.Tokens*f.Width, f.Batch*f.Tokens*f.Hidden
	h := &hyperMixingGrad{hyperHeads: heads, dz: b.need("DZ", o.DZ, n)}
	h.dweights[1] = target("gradient of W2", next(), t)
	next()
	next()
	m := next()
	if m.A == f.Weights[0] {
		h.dx = target("gradient of X", m, n)
		m = next()
	}
	h.dweights[0] = target("gradient of W1", m, t)
	h.compute = h.part
	return append(sequence{h}, b.sequence(parts)...)
}

func (h *hyperMixingGrad) run(t *turn) error {
	t.split(h.batch*h.heads, h.grain(), h.compute)
	return nil
}

func (h *hyperMixingGrad) part(w *worker, from, to int) {
	n := h.hidden * h.width
	pre, hidden, gradient := w.tile[:n], w.tile[n:2*n], w.tile[2*n:3*n]
	for unit := from; unit < to; unit++ {
		h.outer(w, unit, pre, h.weights[0], h.x)
		h.outer(w, unit, gradient, h.weights[1], h.dz)
		h.set.GeluBoth(hidden, gradient, pre, gradient)
		h.weightGrad(w, unit, h.dweights[1].d, h.dz, hidden, h.begin(h.dweights[1], h.hidden, unit))
		if h.dx.d != nil {
			h.inner(w, unit, h.dx.d, h.weights[0], gradient, h.begin(h.dx, h.width, unit))
		}
		h.weightGrad(w, unit, h.dweights[0].d, h.x, gradient, h.begin(h.dweights[0], h.hidden, unit))
	}
}

// begin copies what is added to a head's gradient to where it goes, and says whether there is something.
func (h *hyperHeads) begin(s sum, size, unit int) bool {
	if s.plus == nil {
		return false
	}
	at, ld := h.in(size, unit)
	for i := range h.tokens {
		copy(s.d[at+i*ld:][:size], s.plus[at+i*ld:])
	}
	return true
}
