package cpu

import (
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// rowUnit is the number of rows of C in a unit of work.
const rowUnit = simd.TileRows

// matmul runs [device.MatMul]. Batches whose matrices follow each other without a gap are folded into one larger product.
type matmul struct {
	set     *simd.Set
	product simd.Product // without operands
	// a, b and c begin at the first matrix.
	a, b, c []float32
	// batches are the batch dimensions in which C moves, sums those in which it does not; outer first.
	batches, sums []batch
	// rowUnits is the number of row units of one matrix, grain the least number of them that is worth calling a helper.
	rowUnits, grain int
	compute         part

	// The epilogue. pre, gate and plus have the layout of c.
	bias            []float32
	biasRows        bool
	activate        func(y, x []float32)
	gradient        func(dx, x, dy []float32)
	pre, gate, plus []float32
	// staged is set if c shares memory with an operand of the epilogue: the product then goes to the worker's tile first.
	staged bool
	// target is where a product that is not staged goes before its epilogue: pre if present, otherwise c.
	target []float32
	// plain is set if there is no epilogue.
	plain bool
}

// batch is a dimension of matrices with its strides in the operands.
type batch struct{ count, a, b, c int }

var _ = register(bindMatMul)

func bindMatMul(b *binder, o *device.MatMul) instruction {
	m := &matmul{set: b.set, biasRows: o.BiasRows, product: simd.Product{TransA: o.TransA, TransB: o.TransB,
		M: o.M, N: o.N, K: o.K, LDA: o.LDA, LDB: o.LDB, LDC: o.LDC}}
	m.a = b.matrices(o.A, o.OffsetA, o.M, o.K, o.TransA, o.LDA, o.Batch, o.StrideA)
	m.b = b.matrices(o.B, o.OffsetB, o.K, o.N, o.TransB, o.LDB, o.Batch, o.StrideB)
	asC := func(buffer device.Buffer) []float32 {
		return b.matrices(buffer, o.OffsetC, o.M, o.N, false, o.LDC, o.Batch, o.StrideC)
	}
	m.c, m.pre, m.gate, m.plus = asC(o.C), asC(o.Pre), asC(o.Gate), asC(o.Plus)
	if o.BiasRows {
		m.bias = b.memory(o.Bias, o.M)
	} else {
		m.bias = b.memory(o.Bias, o.N)
	}
	if o.Gate != 0 {
		_, m.gradient = functions(b, o.Activation)
	} else {
		m.activate, _ = functions(b, o.Activation)
	}

	for i, count := range o.Batch {
		d := batch{count, o.StrideA[i], o.StrideB[i], o.StrideC[i]}
		switch {
		case count == 1:
		case d.c == 0:
			m.sums = append(m.sums, d)
		default:
			m.batches = append(m.batches, d)
		}
	}
	m.fold()
	m.product.Dots = dots(&m.product)

	// Accumulating into C is cheaper than staging.
	if same(m.c, m.plus) && m.activate == nil && m.gate == nil && m.pre == nil {
		m.product.Accumulate, m.plus = true, nil
	}
	m.staged = same(m.c, m.plus) || same(m.c, m.gate)
	if m.target = m.c; m.pre != nil && !m.staged {
		m.target = m.pre
	}
	m.plain = m.bias == nil && m.activate == nil && m.gate == nil && m.pre == nil && m.plus == nil
	m.rowUnits = ceil(m.product.M, rowUnit)
	work := rowUnit * m.product.N * m.product.K
	for _, d := range m.sums {
		work *= d.count
	}
	// A multiplication and addition takes about a sixteenth of the time of an elementwise operation.
	m.grain = grain(work / 16)
	m.compute = m.part
	return m
}

// matrices returns the memory of a batch of matrices of op(rows×columns), from the first element on.
func (b *binder) matrices(buffer device.Buffer, offset, rows, columns int, trans bool, ld int, counts, strides [2]int) []float32 {
	if buffer == 0 {
		return nil
	}
	if trans {
		rows, columns = columns, rows
	}
	return b.memory(buffer, offset+(counts[0]-1)*strides[0]+(counts[1]-1)*strides[1]+(rows-1)*ld+columns)[offset:]
}

// dots reports whether packing B is not worth it, since only a few rows or columns would use it.
func dots(p *simd.Product) bool {
	const few, long = 16, 64
	return p.TransB && !p.TransA && min(p.M, p.N) <= few && p.K >= long
}

// fold merges batch dimensions into M, N or K.
func (m *matmul) fold() {
	m.batches = folded(m.batches, m.foldBatch)
	m.sums = folded(m.sums, m.foldSum)
}

// folded folds dimensions, inner first, until no more can be folded, and returns the remaining ones.
func folded(dimensions []batch, fold func(batch) bool) []batch {
	for i := len(dimensions) - 1; i >= 0; {
		if fold(dimensions[i]) {
			dimensions = append(dimensions[:i], dimensions[i+1:]...)
			i = len(dimensions)
		}
		i--
	}
	return dimensions
}

// foldBatch folds a dimension of separate products into more rows or more columns of one product.
func (m *matmul) foldBatch(d batch) bool {
	p := &m.product
	if rows := p.M * d.count; d.b == 0 && !(m.bias != nil && m.biasRows) &&
		follow(d.c, false, rows, p.M, p.LDC) && follow(d.a, p.TransA, rows, p.M, p.LDA) {
		p.M = rows
		return true
	}
	if columns := p.N * d.count; d.a == 0 && !(m.bias != nil && !m.biasRows) &&
		follow(d.c, true, columns, p.N, p.LDC) && follow(d.b, !p.TransB, columns, p.N, p.LDB) {
		p.N = columns
		return true
	}
	return false
}

// foldSum folds a dimension of summed products into a longer sum.
func (m *matmul) foldSum(d batch) bool {
	p := &m.product
	long := p.K * d.count
	if !follow(d.a, !p.TransA, long, p.K, p.LDA) || !follow(d.b, p.TransB, long, p.K, p.LDB) {
		return false
	}
	p.K = long
	return true
}

// follow reports whether matrices that are stride apart form one matrix, with all elements instead of n along an axis: the
// axis of the stored rows or, if along is true, the axis within them.
func follow(stride int, along bool, all, n, ld int) bool {
	return stride == step(along, n, ld) && (!along || all <= ld)
}

// step returns the distance in memory of n elements along an axis: the axis of the stored rows or, if along is true, the
// axis within them.
func step(along bool, n, ld int) int {
	if along {
		return n
	}
	return n * ld
}

func (m *matmul) run(t *turn) error {
	n := m.rowUnits
	for _, d := range m.batches {
		n *= d.count
	}
	t.split(n, m.grain, m.compute)
	return nil
}

// part computes row units, counted through the batches.
func (m *matmul) part(w *worker, from, to int) {
	for from < to {
		index, unit := from/m.rowUnits, from%m.rowUnits
		end := min(m.rowUnits, unit+to-from)
		var at batch
		for i := len(m.batches) - 1; i >= 0; i-- {
			d := m.batches[i]
			k := index % d.count
			index /= d.count
			at.a, at.b, at.c = at.a+k*d.a, at.b+k*d.b, at.c+k*d.c
		}
		m.rows(w, at, unit*rowUnit, min(end*rowUnit, m.product.M))
		from += end - unit
	}
}

// rows computes rows i0 ≤ i < i1 of the matrices at the offsets.
func (m *matmul) rows(w *worker, at batch, i0, i1 int) {
	p := &w.product
	done := p.Done
	*p = m.product
	p.Done = done
	w.epilogue = epilogue{m: m, at: at.c, row: i0}
	if m.plain {
		p.Done = nil
	}
	if m.staged {
		m.stage(w, at, i0, i1)
	} else {
		p.C = m.target[at.c+i0*p.LDC:]
		m.sum(w, at, i0, i1, 0, p.N)
	}
	p.Done = done
}

// stage computes the rows tile by tile.
func (m *matmul) stage(w *worker, at batch, i0, i1 int) {
	const columns = 256
	width := min(m.product.N, columns)
	height := tileSize / width
	w.product.LDC = width
	w.epilogue.tile, w.epilogue.width = w.tile, width
	for j := 0; j < m.product.N; j += width {
		for i := i0; i < i1; i += height {
			w.product.C = w.tile
			w.epilogue.row, w.epilogue.column = i, j
			m.sum(w, at, i, min(i+height, i1), j, min(j+width, m.product.N))
		}
	}
}

// sum computes the block of C that is rows i0 ≤ i < i1 and columns j0 ≤ j < j1, which w.product.C holds, over all summed
// dimensions.
func (m *matmul) sum(w *worker, at batch, i0, i1, j0, j1 int) {
	p := &w.product
	p.M, p.N = i1-i0, j1-j0
	a := m.a[at.a+i0*step(p.TransA, 1, p.LDA):]
	b := m.b[at.b+j0*step(!p.TransB, 1, p.LDB):]
	if len(m.sums) == 0 {
		p.A, p.B = a, b
		m.set.Gemm(w.gemm, p)
		return
	}
	outer, inner := batch{count: 1}, m.sums[len(m.sums)-1]
	if len(m.sums) == 2 {
		outer = m.sums[0]
	}
	done := p.Done
	for i := range outer.count {
		for j := range inner.count {
			p.A, p.B = a[i*outer.a+j*inner.a:], b[i*outer.b+j*inner.b:]
			p.Done = nil
			if i == outer.count-1 && j == inner.count-1 {
				p.Done = done
			}
			m.set.Gemm(w.gemm, p)
			p.Accumulate = true
		}
	}
}

// epilogue finishes blocks of a product while they are in the cache.
type epilogue struct {
	m *matmul
	// at is the offset of the matrix in C; row and column are the place of the product's first element in the matrix.
	at, row, column int
	// tile, with rows of width elements, holds a staged product.
	tile  []float32
	width int
}

// finish is [simd.Product].Done.
func (e *epilogue) finish(i0, i1, j0, j1 int) {
	m, ld, n := e.m, e.m.product.LDC, j1-j0
	// Contiguous rows are finished together, up to a block of them.
	rows := 1
	if n == ld && (e.tile == nil || n == e.width) {
		rows = max(1, blockSize/n)
	}
	for i := i0; i < i1; i += rows {
		rows := min(rows, i1-i)
		at := e.at + (e.row+i)*ld + e.column + j0
		p := e.block(i, j0, rows*n, at)
		if m.bias != nil {
			for k := range rows {
				row := p[k*n:][:n]
				if m.biasRows {
					m.set.AddScalar(row, row, m.bias[e.row+i+k])
				} else {
					m.set.Add(row, row, m.bias[e.column+j0:][:n])
				}
			}
		}
		m.finish(m.c[at:at+rows*n], p, at)
	}
}

// block returns n elements of the product: at the given offset of C, or from row i and column j of the tile.
func (e *epilogue) block(i, j, n, at int) []float32 {
	if e.tile != nil {
		return e.tile[i*e.width+j:][:n]
	}
	return e.m.target[at : at+n]
}

// finish turns n elements of P into n elements of C and, if present, of Pre. p may be the memory of either.
func (m *matmul) finish(c, p []float32, at int) {
	n := len(p)
	if m.pre != nil && m.staged {
		copy(m.pre[at:at+n], p)
	}
	to := p
	if m.pre != nil && !m.staged {
		to = c
	}
	switch {
	case m.gradient != nil:
		m.gradient(to, m.gate[at:at+n], p)
		p = to
	case m.activate != nil:
		m.activate(to, p)
		p = to
	}
	if m.plus != nil {
		m.set.Add(c, p, m.plus[at:at+n])
	} else if !same(c, p) {
		copy(c, p)
	}
}
