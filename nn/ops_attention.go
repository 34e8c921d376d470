package nn

import (
	"math"
	"slices"

	"mixmas/nn/device"
)

// Attention is scaled dot-product attention (Vaswani et al. 2017): for each sample and head, each query takes the mean of the
// values, weighted by softmax(q kᵀ / √(d/heads)). q is (b, n, d), k and v are (b, m, d), and the result is (b, n, d); heads divides
// d, and each head has its share of the features. mask is nil, or (b, m) with 1 for real keys and 0 for others, which no query
// attends to. A sample without real keys gets zeros. No gradient flows to the mask.
//
// Scores are never in memory in full, and none is kept for the backward pass: see [device.Attention].
func (g *Graph) Attention(q, k, v, mask *Value, heads int) *Value {
	if len(q.Shape) != 3 || len(k.Shape) != 3 || q.Shape[0] != k.Shape[0] || q.Shape[2] != k.Shape[2] || !slices.Equal(k.Shape, v.Shape) {
		return g.Fail(q.Shape, "attention: queries %v, keys %v and values %v do not fit: want (batch, tokens, width)", q.Shape, k.Shape, v.Shape)
	}
	b, n, m, d := q.Shape[0], q.Shape[1], k.Shape[1], q.Shape[2]
	if heads < 1 || d%heads != 0 {
		return g.Fail(q.Shape, "attention: %d heads do not divide the width %d", heads, d)
	}
	if mask != nil && !slices.Equal(mask.Shape, []int{b, m}) {
		return g.Fail(q.Shape, "attention: a mask %v does not fit keys %v: want (batch, keys)", mask.Shape, k.Shape)
	}
	if _, ok := device.Elements(b, heads, n, m); !ok {
		return g.Fail(q.Shape, "attention: %d samples with %d heads, %d queries and %d keys have more than %d scores", b, heads, n, m, device.MaxElements)
	}
	if g.err != nil {
		return &Value{Shape: q.Shape}
	}
	y := g.value("attention", q.Shape)
	op := &device.Attention{Q: q.buffer, K: k.buffer, V: v.buffer, Mask: mask.Buffer(), Y: y.buffer,
		Batch: b, Queries: n, Keys: m, Width: d, Heads: heads}
	if g.gradients {
		y.kept = g.buffer("attention log sums", b, heads, n)
		op.LogSum = y.kept
	}
	parts := newAttentionParts(g, op)
	for _, c := range parts.chunks {
		parts.forward(c)
	}
	op.Parts = parts.list
	g.recorded += len(op.Parts) - 1
	return g.record(op, y, func(dy device.Buffer) { g.attentionGradient(op, dy, q, k, v) }, q, k, v)
}

// attentionGradient records the gradient. Where one value is several of the operands, each gets a gradient of its own, and they are
// added up.
func (g *Graph) attentionGradient(op *device.Attention, dy device.Buffer, q, k, v *Value) {
	back := &device.AttentionGrad{Forward: op, DY: dy}
	var again []func()
	operands := []*Value{v, k, q}
	for i, target := range []*device.Target{&back.DV, &back.DK, &back.DQ} {
		x := operands[i]
		switch {
		case !g.needed[x.buffer-1]:
		case slices.ContainsFunc(operands[:i], func(o *Value) bool { return o.buffer == x.buffer }):
			target.D = g.buffer("attention gradient", x.Shape...)
			again = append(again, func() { g.pass(x, target.D) })
		default:
			target.D, target.Plus = g.contribution(x)
		}
	}
	parts := newAttentionParts(g, op)
	for _, c := range parts.chunks {
		parts.backward(c, back)
	}
	back.Parts = parts.list
	g.emit(back)
	for _, add := range again {
		add()
	}
}

// mostScores is the number of scores that the parts of an attention have in memory, 16 MiB of them, unless all together are so
// many that this would make more than mostChunks chunks. Tests lower it.
var mostScores = 1 << 22

const mostChunks = 1 << 8

// chunk is a part of an attention whose scores are in memory at the same time: some samples, or some heads of one sample, or some
// queries of one head.
type chunk struct{ sample, samples, head, heads, query, queries int }

// chunksOf cuts an attention into chunks, the first of which is as large as any.
func chunksOf(o *device.Attention) (list []chunk) {
	most := max(mostScores, o.Scores()/mostChunks)
	queries := min(o.Queries, max(1, most/o.Keys))
	heads := min(o.Heads, max(1, most/(o.Queries*o.Keys)))
	samples := min(o.Batch, max(1, most/(o.Heads*o.Queries*o.Keys)))
	for s := 0; s < o.Batch; s += samples {
		for h := 0; h < o.Heads; h += heads {
			for q := 0; q < o.Queries; q += queries {
				list = append(list, chunk{s, min(samples, o.Batch-s), h, min(heads, o.Heads-h), q, min(queries, o.Queries-q)})
			}
		}
	}
	return list
}

// attentionParts records the parts of an attention, chunk by chunk, with buffers for one chunk.
type attentionParts struct {
	*device.Attention
	g      *Graph
	chunks []chunk
	list   device.Parts
	// Of a chunk: the scaled queries and keys (samples, tokens, heads, width of a head), the shares and their gradient (samples,
	// heads, queries, keys), and the mask (samples, keys). Buffers are made when they are needed first.
	queries, keys, shares, gradient, mask device.Buffer
}

func newAttentionParts(g *Graph, op *device.Attention) *attentionParts {
	return &attentionParts{Attention: op, g: g, chunks: chunksOf(op)}
}

func (a *attentionParts) add(op device.Operation) { a.list = append(a.list, op) }

// buffer returns a buffer for the chunks, which is made the first time.
func (a *attentionParts) buffer(b *device.Buffer, name string, shape ...int) device.Buffer {
	if *b == 0 {
		*b = a.g.buffer("attention "+name, shape...)
	}
	return *b
}

// tokens returns where a chunk's tokens begin in a value (batch, tokens, width), from the given one on.
func (a *attentionParts) tokens(c chunk, tokens, from int) int {
	return (c.sample*tokens+from)*a.Width + c.head*a.HeadWidth()
}

// scaled adds a copy of a chunk's queries or keys, from the given one of each sample on, divided by √(width of a head).
func (a *attentionParts) scaled(c chunk, source, to device.Buffer, tokens, from, count int) {
	shape := []int{c.samples, count, c.heads * a.HeadWidth()}
	a.add(assemble("attention_scale", to, size(shape), 0, device.Piece{Source: source, Scale: float32(1 / math.Sqrt(float64(a.HeadWidth()))),
		Shape: shape, SourceOffset: a.tokens(c, tokens, from), SourceStrides: []int{tokens * a.Width, a.Width, 1}, TargetStrides: strides(shape)}))
}

// matrices are the matrices of a chunk, one for each sample and head, inside a buffer.
type matrices struct {
	buffer device.Buffer
	offset int
	Layout
	trans bool
}

func (m matrices) transposed() matrices {
	m.trans = !m.trans
	return m
}

// of returns a chunk's tokens in a value (batch, tokens, width).
func (a *attentionParts) of(c chunk, b device.Buffer, tokens, from int) matrices {
	return matrices{b, a.tokens(c, tokens, from), Layout{a.Width, [2]int{tokens * a.Width, a.HeadWidth()}}, false}
}

// copied returns the tokens that scaled wrote.
func (a *attentionParts) copied(c chunk, b device.Buffer, count int) matrices {
	width := c.heads * a.HeadWidth()
	return matrices{b, 0, Layout{width, [2]int{count * width, a.HeadWidth()}}, false}
}

// scores returns a chunk's scores, shares or their gradient.
func (a *attentionParts) scores(c chunk, b device.Buffer) matrices {
	return matrices{b, 0, Layout{a.Keys, [2]int{c.heads * c.queries * a.Keys, c.queries * a.Keys}}, false}
}

// product adds to = plus + x y for matrices of m×k and k×n.
func (a *attentionParts) product(c chunk, to, x, y matrices, m, n, k int, plus device.Buffer) {
	a.add(&device.MatMul{A: x.buffer, OffsetA: x.offset, TransA: x.trans, LDA: x.LD, StrideA: x.Stride,
		B: y.buffer, OffsetB: y.offset, TransB: y.trans, LDB: y.LD, StrideB: y.Stride,
		C: to.buffer, OffsetC: to.offset, LDC: to.LD, StrideC: to.Stride, Plus: plus, M: m, N: n, K: k, Batch: [2]int{c.samples, c.heads}})
}

// attend adds what makes the shares of a chunk.
func (a *attentionParts) attend(c chunk) (queries, shares matrices) {
	first := a.chunks[0]
	q := a.buffer(&a.queries, "queries", first.samples, first.queries, first.heads, a.HeadWidth())
	s := a.buffer(&a.shares, "shares", first.samples, first.heads, first.queries, a.Keys)
	a.scaled(c, a.Q, q, a.Queries, c.query, c.queries)
	queries, shares = a.copied(c, q, c.queries), a.scores(c, s)
	a.product(c, shares, queries, a.of(c, a.K, a.Keys, 0).transposed(), c.queries, a.Keys, a.HeadWidth(), 0)
	softmax := &device.Softmax{X: s, Y: s, Mask: a.Mask, Batch: c.samples, Repeat: c.heads * c.queries, Width: a.Keys}
	if a.Mask != 0 && c.samples < a.Batch {
		softmax.Mask = a.buffer(&a.mask, "mask", first.samples, a.Keys)
		shape := []int{c.samples * a.Keys}
		a.add(assemble("slice", softmax.Mask, shape[0], 0, device.Piece{Source: a.Attention.Mask, Scale: 1, Shape: shape,
			SourceOffset: c.sample * a.Keys, SourceStrides: []int{1}, TargetStrides: []int{1}}))
	}
	a.add(softmax)
	return queries, shares
}

// forward adds the parts of a chunk.
func (a *attentionParts) forward(c chunk) {
	_, shares := a.attend(c)
	a.product(c, a.of(c, a.Y, a.Queries, c.query), shares, a.of(c, a.V, a.Keys, 0), c.queries, a.HeadWidth(), a.Keys, 0)
}

// backward adds the parts of the gradient of a chunk.
func (a *attentionParts) backward(c chunk, o *device.AttentionGrad) {
	first, width := a.chunks[0], a.HeadWidth()
	// The chunks of one head share its keys and values: they add to what the first one wrote.
	plus := func(t device.Target) device.Buffer {
		if c.query > 0 {
			return t.D
		}
		return t.Plus
	}
	queries, shares := a.attend(c)
	dy := a.of(c, o.DY, a.Queries, c.query)
	if o.DV.D != 0 {
		a.product(c, a.of(c, o.DV.D, a.Keys, 0), shares.transposed(), dy, a.Keys, width, c.queries, plus(o.DV))
	}
	if o.DQ.D == 0 && o.DK.D == 0 {
		return
	}
	d := a.scores(c, a.buffer(&a.gradient, "shares gradient", first.samples, first.heads, first.queries, a.Keys))
	a.product(c, d, dy, a.of(c, a.V, a.Keys, 0).transposed(), c.queries, a.Keys, width, 0)
	a.add(&device.SoftmaxGrad{Y: shares.buffer, DY: d.buffer, DX: d.buffer, Rows: c.samples * c.heads * c.queries, Width: a.Keys})
	if o.DK.D != 0 {
		a.product(c, a.of(c, o.DK.D, a.Keys, 0), d.transposed(), queries, a.Keys, width, c.queries, plus(o.DK))
	}
	if o.DQ.D != 0 {
		keys := a.buffer(&a.keys, "keys", first.samples, a.Keys, first.heads, width)
		a.scaled(c, a.K, keys, a.Keys, 0, a.Keys)
		a.product(c, a.of(c, o.DQ.D, a.Queries, c.query), d, a.copied(c, keys, a.Keys), c.queries, width, a.Keys, o.DQ.Plus)
	}
}
