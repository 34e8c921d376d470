package cpu

import (
	"math"

	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// Attention works on blocks of scores, some queries by some keys of one head, that stay in a worker's tile: the L2 cache. The
// forward pass meets the blocks of a query one after the other, and weighs what it has by the logarithms of their sums of
// exponentials (Dao et al. 2022); only those of whole rows are kept. The backward pass makes the scores again. Keys that are masked
// are left out of the blocks.

// attention are the operands of both passes, with the sizes of a head and of a block.
type attention struct {
	set           *simd.Set
	q, k, v, mask []float32
	batch, queries, keys, width, heads,
	head int // width of a head
	rows, columns int // of a block
	scale         float32
	// index lists the keys of each sample that are not masked, and counts says how many they are; nil if there is no mask.
	index  []int32
	counts []int
}

// blockOf returns the rows and columns of a block of scores, and false if the tile is too small for the widest heads: it holds two
// blocks, two operands of the rows and four of the columns, with an element more per token.
func blockOf(o *device.Attention) (rows, columns int, ok bool) {
	const most, wide, high = 1 << 15, 512, 60
	columns = min(o.Keys, wide)
	rows = min(o.Queries, max(high, most/columns/rowUnit*rowUnit))
	for rows > 1 || columns > 1 {
		if 2*rows*columns+(2*rows+4*columns)*(o.HeadWidth()+1)+rows <= tileSize {
			return rows, columns, true
		}
		rows, columns = max(1, rows/2), max(1, columns/2)
	}
	return 1, 1, 6*(o.HeadWidth()+1)+3 <= tileSize
}

func newAttention(b *binder, o *device.Attention) attention {
	q, k := o.Batch*o.Queries*o.Width, o.Batch*o.Keys*o.Width
	a := attention{set: b.set, q: b.memory(o.Q, q), k: b.memory(o.K, k), v: b.memory(o.V, k), mask: b.memory(o.Mask, o.Batch*o.Keys),
		batch: o.Batch, queries: o.Queries, keys: o.Keys, width: o.Width, heads: o.Heads, head: o.HeadWidth(),
		scale: float32(1 / math.Sqrt(float64(o.HeadWidth())))}
	a.rows, a.columns, _ = blockOf(o)
	if a.mask != nil {
		a.index, a.counts = make([]int32, o.Batch*o.Keys), make([]int, o.Batch)
	}
	return a
}

// find lists the keys that are not masked.
func (a *attention) find() {
	for sample := range a.counts {
		index, n := a.index[sample*a.keys:][:a.keys], 0
		for i, m := range a.mask[sample*a.keys:][:a.keys] {
			if m != 0 {
				index[n] = int32(i)
				n++
			}
		}
		a.counts[sample] = n
	}
}

// real returns the number of keys of a sample that are not masked.
func (a *attention) real(sample int) int {
	if a.counts == nil {
		return a.keys
	}
	return a.counts[sample]
}

// key returns the i-th key of a sample that is not masked.
func (a *attention) key(sample, i int) int {
	if a.index == nil {
		return i
	}
	return int(a.index[sample*a.keys+i])
}

// at returns where a head's share of a token begins in a matrix (batch, tokens, width).
func (a *attention) at(sample, tokens, token, head int) int {
	return (sample*tokens+token)*a.width + head*a.head
}

// take returns the next n elements of a tile.
func take(tile *[]float32, n int) []float32 {
	part := (*tile)[:n:n]
	*tile = (*tile)[n:]
	return part
}

// product computes C = op(A) op(B).
func (a *attention) product(w *worker, p simd.Product) {
	p.Dots = dots(&p)
	w.plain = p
	a.set.Gemm(w.gemm, &w.plain)
}

// attentionForward runs [device.Attention]. Its units are rows of blocks.
type attentionForward struct {
	attention
	y, logSum []float32
	blocks    int // rows of blocks of a head
	compute   part
}

var _ = register(bindAttention)

func bindAttention(b *binder, o *device.Attention) instruction {
	if _, _, ok := blockOf(o); !ok {
		return b.sequence(o.Operations())
	}
	a := &attentionForward{attention: newAttention(b, o), y: b.memory(o.Y, o.Batch*o.Queries*o.Width),
		logSum: b.memory(o.LogSum, o.Batch*o.Heads*o.Queries)}
	a.blocks = ceil(a.queries, a.rows)
	a.compute = a.part
	return a
}

func (a *attentionForward) run(t *turn) error {
	a.find()
	t.split(a.batch*a.heads*a.blocks, grain(a.rows*a.keys*(a.head+16)/8), a.compute)
	return nil
}

func (a *attentionForward) part(w *worker, from, to int) {
	for unit := from; unit < to; unit++ {
		sample, head, first := unit/a.blocks/a.heads, unit/a.blocks%a.heads, unit%a.blocks*a.rows
		a.block(w, sample, head, first, min(a.rows, a.queries-first))
	}
}

// block computes a row of blocks: those of some queries of a head.
func (a *attentionForward) block(w *worker, sample, head, first, rows int) {
	tile := w.tile
	logs, queries, scores := take(&tile, rows), take(&tile, rows*a.head), take(&tile, rows*a.columns)
	keys, values := take(&tile, a.columns*a.head), take(&tile, a.columns*a.head)
	at := a.at(sample, a.queries, first, head)
	for i := range rows {
		a.set.Scale(queries[i*a.head:][:a.head], a.q[at+i*a.width:][:a.head], a.scale)
	}
	count := a.real(sample)
	if count == 0 {
		clear(logs)
		for i := range rows {
			clear(a.y[at+i*a.width:][:a.head])
		}
	}
	for c := 0; c < count; c += a.columns {
		columns := min(a.columns, count-c)
		k, v, ld := keys, values, a.head
		if a.index == nil {
			from := a.at(sample, a.keys, c, head)
			k, v, ld = a.k[from:], a.v[from:], a.width
		} else {
			for i := range columns {
				from := a.at(sample, a.keys, a.key(sample, c+i), head)
				copy(keys[i*a.head:][:a.head], a.k[from:])
				copy(values[i*a.head:][:a.head], a.v[from:])
			}
		}
		a.product(w, simd.Product{TransB: true, M: rows, N: columns, K: a.head, A: queries, B: k, C: scores, LDA: a.head, LDB: ld, LDC: columns})
		for i := range rows {
			row := scores[i*columns:][:columns]
			largest, sum := a.set.Softmax(row, row, nil)
			if a.logSum == nil && count <= a.columns {
				continue
			}
			log := largest + float32(math.Log(float64(sum)))
			if c == 0 {
				logs[i] = log
				continue
			}
			// The shares of this block and of those before it, among all of them.
			both := add(logs[i], log)
			y := a.y[at+i*a.width:][:a.head]
			a.set.Scale(y, y, exp(logs[i]-both))
			a.set.Scale(row, row, exp(log-both))
			logs[i] = both
		}
		a.product(w, simd.Product{M: rows, N: a.head, K: columns, A: scores, B: v, C: a.y[at:], LDA: columns, LDB: ld, LDC: a.width, Accumulate: c > 0})
	}
	if a.logSum != nil {
		copy(a.logSum[(sample*a.heads+head)*a.queries+first:][:rows], logs)
	}
}

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }

// add returns the logarithm of the sum of the exponentials.
func add(a, b float32) float32 {
	x, y := float64(max(a, b)), float64(min(a, b))
	return float32(x + math.Log1p(math.Exp(y-x)))
}

// attentionGrad runs [device.AttentionGrad]. Its units are heads.
type attentionGrad struct {
	attention
	y, logSum, dy []float32
	dq, dk, dv    sum
	compute       part
}

var _ = register(bindAttentionGrad)

func bindAttentionGrad(b *binder, o *device.AttentionGrad) instruction {
	f := o.Forward
	if _, _, ok := blockOf(f); !ok {
		return b.sequence(o.Operations())
	}
	q, k := f.Batch*f.Queries*f.Width, f.Batch*f.Keys*f.Width
	a := &attentionGrad{attention: newAttention(b, f), y: b.memory(f.Y, q), logSum: b.memory(f.LogSum, f.Batch*f.Heads*f.Queries),
		dy: b.memory(o.DY, q), dq: b.sum(o.DQ, q), dk: b.sum(o.DK, k), dv: b.sum(o.DV, k)}
	a.compute = a.part
	return a
}

func (a *attentionGrad) run(t *turn) error {
	a.find()
	t.split(a.batch*a.heads, grain(a.queries*a.keys*(a.head+8)/4), a.compute)
	return nil
}

func (a *attentionGrad) part(w *worker, from, to int) {
	for unit := from; unit < to; unit++ {
		a.unit(w, unit/a.heads, unit%a.heads)
	}
}

// unit computes the gradients of a head, column of blocks by column.
func (a *attentionGrad) unit(w *worker, sample, head int) {
	tile, one := w.tile, a.head+1
	shares, gradient := take(&tile, a.rows*a.columns), take(&tile, a.rows*a.columns)
	queries, dy := take(&tile, a.rows*one), take(&tile, a.rows*one)
	keys, values := take(&tile, a.columns*one), take(&tile, a.columns*one)
	dk, dv := take(&tile, a.columns*a.head), take(&tile, a.columns*a.head)
	count := a.real(sample)
	a.begin(a.dq, sample, head, count == 0)
	for c := 0; c < count; c += a.columns {
		columns := min(a.columns, count-c)
		// One element more per key and value multiplies what is subtracted from each row of the products: the logarithm of the
		// sum of the row's exponentials, and what all shares lose together.
		for i := range columns {
			from := a.at(sample, a.keys, a.key(sample, c+i), head)
			copy(keys[i*one:][:a.head], a.k[from:])
			copy(values[i*one:][:a.head], a.v[from:])
			keys[i*one+a.head], values[i*one+a.head] = 1, 1
		}
		for first := 0; first < a.queries; first += a.rows {
			rows := min(a.rows, a.queries-first)
			at := a.at(sample, a.queries, first, head)
			logs := a.logSum[(sample*a.heads+head)*a.queries+first:]
			for i := range rows {
				a.set.Scale(queries[i*one:][:a.head], a.q[at+i*a.width:][:a.head], a.scale)
				queries[i*one+a.head] = -logs[i]
			}
			p, n := shares[:rows*columns], rows*columns
			a.product(w, simd.Product{TransB: true, M: rows, N: columns, K: one, A: queries, B: keys, C: p, LDA: one, LDB: one, LDC: columns})
			a.set.Exp(p, p)
			if a.dv.d != nil {
				a.product(w, simd.Product{TransA: true, M: columns, N: a.head, K: rows, A: p, B: a.dy[at:], C: dv,
					LDA: columns, LDB: a.width, LDC: a.head, Accumulate: first > 0})
			}
			if a.dq.d == nil && a.dk.d == nil {
				continue
			}
			for i := range rows {
				row := a.dy[at+i*a.width:][:a.head]
				a.set.Scale(dy[i*one:][:a.head], row, a.scale)
				dy[i*one+a.head] = -a.scale * a.set.Dot(row, a.y[at+i*a.width:][:a.head])
			}
			d := gradient[:n]
			a.product(w, simd.Product{TransB: true, M: rows, N: columns, K: one, A: dy, B: values, C: d, LDA: one, LDB: one, LDC: columns})
			a.set.Mul(d, d, p)
			if a.dq.d != nil {
				a.product(w, simd.Product{M: rows, N: a.head, K: columns, A: d, B: keys, C: a.dq.d[at:],
					LDA: columns, LDB: one, LDC: a.width, Accumulate: c > 0 || a.dq.plus != nil})
			}
			if a.dk.d != nil {
				a.product(w, simd.Product{TransA: true, M: columns, N: a.head, K: rows, A: d, B: a.q[at:], C: dk,
					LDA: columns, LDB: a.width, LDC: a.head, Accumulate: first > 0})
			}
		}
		for i := range columns {
			key := a.key(sample, c+i)
			a.put(a.dk, a.at(sample, a.keys, key, head), dk[i*a.head:][:a.head])
			a.put(a.dv, a.at(sample, a.keys, key, head), dv[i*a.head:][:a.head])
		}
	}
	a.masked(sample, head)
}

// begin copies what is added to a head's gradient of the queries to the gradient's place, or clears it.
func (a *attentionGrad) begin(s sum, sample, head int, zero bool) {
	for i := range a.queries {
		at := a.at(sample, a.queries, i, head)
		switch {
		case s.d == nil || same(s.d, s.plus):
			return
		case s.plus != nil:
			copy(s.d[at:][:a.head], s.plus[at:])
		case zero:
			clear(s.d[at:][:a.head])
		default:
			return
		}
	}
}

// put writes a row of a gradient.
func (a *attentionGrad) put(s sum, at int, row []float32) {
	switch {
	case s.d == nil:
	case s.plus == nil:
		copy(s.d[at:], row)
	default:
		a.set.Add(s.d[at:][:a.head], row, s.plus[at:][:a.head])
	}
}

// masked writes the gradients of keys and values that are masked.
func (a *attentionGrad) masked(sample, head int) {
	if a.mask == nil {
		return
	}
	for key, m := range a.mask[sample*a.keys:][:a.keys] {
		if m != 0 {
			continue
		}
		at := a.at(sample, a.keys, key, head)
		for _, s := range [...]sum{a.dk, a.dv} {
			switch {
			case s.d == nil || same(s.d, s.plus):
			case s.plus != nil:
				copy(s.d[at:][:a.head], s.plus[at:])
			default:
				clear(s.d[at:][:a.head])
			}
		}
	}
}
