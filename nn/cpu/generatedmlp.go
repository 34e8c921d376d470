package cpu

import (
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// A generated MLP is applied sample by sample and head by head: the hidden layer of one head, transposed to (hidden,
// width), stays in a worker's tile, and the backward pass computes it again. In memory it would be the largest buffer of
// the model, written and read twice.

// generatedMLP are the operands of both passes, with the sizes of one head.
type generatedMLP struct {
	set       *simd.Set
	x, w1, w2 []float32
	batch, heads,
	tokens, width, hidden int // of a head
	compute part
}

// fewTokens is the largest number of tokens for which it is cheaper to compute the hidden layer again than to write and
// read it: an element costs two operations per token.
const fewTokens = 64

// inTile reports whether this is cheaper, and whether the hidden layer and its gradient fit into a tile.
func inTile(o *device.GeneratedMLP) bool {
	return o.Tokens <= fewTokens && 3*(o.Width/o.Heads)*(o.Hidden/o.Heads) <= tileSize
}

func newGeneratedMLP(b *binder, o *device.GeneratedMLP) generatedMLP {
	n, hidden := o.Batch*o.Tokens*o.Width, o.Batch*o.Tokens*o.Hidden
	return generatedMLP{set: b.set, x: b.memory(o.X, n), w1: b.memory(o.W1, hidden), w2: b.memory(o.W2, hidden),
		batch: o.Batch, heads: o.Heads, tokens: o.Tokens, width: o.Width / o.Heads, hidden: o.Hidden / o.Heads}
}

// grain returns the least number of units (one head of one sample) that is worth calling a helper.
func (h *generatedMLP) grain() int { return grain(h.tokens * h.width * h.hidden / 4) }

// in returns where a unit begins in a matrix (batch, tokens, heads·size), and the length of that matrix's rows.
func (h *generatedMLP) in(size, unit int) (at, ld int) {
	sample, head := unit/h.heads, unit%h.heads
	ld = h.heads * size
	return sample*h.tokens*ld + head*size, ld
}

func (h *generatedMLP) product(w *worker, p simd.Product) {
	w.plain = p
	h.set.Gemm(w.gemm, &w.plain)
}

// outer computes (hidden, width) = Aᵀ B for a head's A (tokens, hidden) and B (tokens, width).
func (h *generatedMLP) outer(w *worker, unit int, c, a, b []float32) {
	i, lda := h.in(h.hidden, unit)
	j, ldb := h.in(h.width, unit)
	h.product(w, simd.Product{TransA: true, M: h.hidden, N: h.width, K: h.tokens,
		A: a[i:], B: b[j:], C: c, LDA: lda, LDB: ldb, LDC: h.width})
}

// inner computes C (tokens, width) = A (tokens, hidden) B (hidden, width) for a head, with B in the tile.
func (h *generatedMLP) inner(w *worker, unit int, c, a, b []float32, accumulate bool) {
	i, lda := h.in(h.hidden, unit)
	j, ldc := h.in(h.width, unit)
	h.product(w, simd.Product{M: h.tokens, N: h.width, K: h.hidden,
		A: a[i:], B: b, C: c[j:], LDA: lda, LDB: h.width, LDC: ldc, Accumulate: accumulate})
}

// weightGrad computes C (tokens, hidden) = A (tokens, width) Bᵀ for a head, with B (hidden, width) in the tile.
func (h *generatedMLP) weightGrad(w *worker, unit int, c, a, b []float32, accumulate bool) {
	i, lda := h.in(h.width, unit)
	j, ldc := h.in(h.hidden, unit)
	p := simd.Product{TransB: true, M: h.tokens, N: h.hidden, K: h.width,
		A: a[i:], B: b, C: c[j:], LDA: lda, LDB: h.width, LDC: ldc, Accumulate: accumulate}
	p.Dots = dots(&p)
	h.product(w, p)
}

// generatedForward runs [device.GeneratedMLP].
type generatedForward struct {
	generatedMLP
	z []float32
}

var _ = register(bindGeneratedMLP)

func bindGeneratedMLP(b *binder, o *device.GeneratedMLP) instruction {
	if !inTile(o) || !b.private(o.Inner) || o.Pre != 0 && !b.private(o.Pre) {
		return b.sequence(o.Operations())
	}
	h := &generatedForward{newGeneratedMLP(b, o), b.memory(o.Z, o.Batch*o.Tokens*o.Width)}
	h.compute = h.part
	return h
}

func (h *generatedForward) run(t *turn) error {
	t.split(h.batch*h.heads, h.grain(), h.compute)
	return nil
}

func (h *generatedForward) part(w *worker, from, to int) {
	hidden := w.tile[:h.hidden*h.width]
	for unit := from; unit < to; unit++ {
		h.outer(w, unit, hidden, h.w1, h.x)
		h.set.Gelu(hidden, hidden)
		h.inner(w, unit, h.z, h.w2, hidden, false)
	}
}

// generatedGrad runs [device.GeneratedMLPGrad].
type generatedGrad struct {
	generatedMLP
	dz           []float32
	dx, dw1, dw2 sum
}

// sum is a gradient d and the value plus that is added to it. plus may be absent, and d is absent if it is not needed.
type sum struct{ d, plus []float32 }

func (b *binder) sum(t device.Target, size int) sum {
	return sum{b.memory(t.D, size), b.memory(t.Plus, size)}
}

var _ = register(bindGeneratedMLPGrad)

func bindGeneratedMLPGrad(b *binder, o *device.GeneratedMLPGrad) instruction {
	f := o.Forward
	if !inTile(f) {
		return b.sequence(o.Operations())
	}
	n, hidden := f.Batch*f.Tokens*f.Width, f.Batch*f.Tokens*f.Hidden
	h := &generatedGrad{generatedMLP: newGeneratedMLP(b, f), dz: b.memory(o.DZ, n),
		dx: b.sum(o.DX, n), dw1: b.sum(o.DW1, hidden), dw2: b.sum(o.DW2, hidden)}
	if f.W1 == f.W2 { // the gradient of W1 is added to that of W2
		h.dw1.plus = h.dw2.d
	}
	h.compute = h.part
	return h
}

func (h *generatedGrad) run(t *turn) error {
	t.split(h.batch*h.heads, h.grain(), h.compute)
	return nil
}

func (h *generatedGrad) part(w *worker, from, to int) {
	n := h.hidden * h.width
	pre, hidden, gradient := w.tile[:n], w.tile[n:2*n], w.tile[2*n:3*n]
	for unit := from; unit < to; unit++ {
		h.outer(w, unit, pre, h.w1, h.x)
		h.outer(w, unit, gradient, h.w2, h.dz)
		h.set.GeluBoth(hidden, gradient, pre, gradient)
		if h.dw2.d != nil {
			h.weightGrad(w, unit, h.dw2.d, h.dz, hidden, h.begin(h.dw2, h.hidden, unit))
		}
		if h.dx.d != nil {
			h.inner(w, unit, h.dx.d, h.w1, gradient, h.begin(h.dx, h.width, unit))
		}
		if h.dw1.d != nil {
			h.weightGrad(w, unit, h.dw1.d, h.x, gradient, h.begin(h.dw1, h.hidden, unit))
		}
	}
}

// begin copies the value that is added to a head's gradient to the gradient's place, and reports whether there is one.
func (h *generatedMLP) begin(s sum, size, unit int) bool {
	if s.plus == nil {
		return false
	}
	if same(s.d, s.plus) {
		return true
	}
	at, ld := h.in(size, unit)
	for i := range h.tokens {
		copy(s.d[at+i*ld:][:size], s.plus[at+i*ld:])
	}
	return true
}
