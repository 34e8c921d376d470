//go:build amd64 && !purego

package simd

// operandA describes where rows of a block of op(A) are, as the kernels' arguments.
type operandA struct {
	first, rows                        int
	at                                 []float32
	rowStride, stepStride, panelStride int
}

// skip skips the first rows: a multiple of a panel's height, or all.
func (a *operandA) skip(rows int) {
	a.first += rows
	if a.rows -= rows; a.rows > 0 {
		a.at = a.at[rows/TileRows*a.panelStride:]
	}
}

// blockA returns a block of op(A) in at most two parts. A transposed block is packed in panels of 6 rows if that is worth
// it; the last rows, which do not fill a panel, are read in place.
func blockA(w *Workspace, p *Product, i0, k0, rows, columns, steps int) [2]operandA {
	if !p.TransA {
		a := p.A[i0*p.LDA+k0:]
		_ = a[(rows-1)*p.LDA+steps-1]
		return [2]operandA{{rows: rows, at: a, rowStride: p.LDA, stepStride: 1, panelStride: TileRows * p.LDA}}
	}
	a := p.A[k0*p.LDA+i0:]
	_ = a[(steps-1)*p.LDA+rows-1]
	direct := operandA{rows: rows, at: a, rowStride: 1, stepStride: p.LDA, panelStride: TileRows}
	const manyColumns, nearRows = 64, 64
	panels := rows / TileRows
	if columns < manyColumns || p.LDA <= nearRows || panels == 0 {
		return [2]operandA{direct}
	}
	avx2Pack6(panels, steps, &a[0], p.LDA, &w.a[0], TileRows*steps)
	packed := operandA{rows: panels * TileRows, at: w.a, rowStride: 1, stepStride: TileRows, panelStride: TileRows * steps}
	if packed.rows == rows {
		return [2]operandA{packed}
	}
	direct.first, direct.rows, direct.at = packed.rows, rows-packed.rows, a[packed.rows:]
	return [2]operandA{packed, direct}
}

// operandB describes where the columns of a block of op(B) are: the first ones in place in B, the others in panels of 16 that
// are stride elements apart.
type operandB struct {
	// j0 and k0 are the first column and step of the block, at is its place in B.
	j0, k0     int
	at         []float32
	ld         int
	transposed bool
	steps      int
	columns    int
	direct     int // columns
	panels     []float32
	stride     int
	first      int  // column in the panels
	packed     bool // by the caller
	next       ahead
}

// newOperandB finds the columns of B that must be packed or are worth packing: those of a transposed B, those that many
// rows of A use, and the last columns, which do not fill a panel.
func newOperandB(w *Workspace, p *Product, k0, j0, steps, columns int) operandB {
	const manyRows = 48
	b := operandB{j0: j0, k0: k0, ld: p.LDB, transposed: p.TransB, steps: steps, columns: columns, panels: w.b, stride: stripColumns * steps}
	if p.Panels {
		b.panels, b.stride, b.packed = p.B[j0/stripColumns*p.LDB+stripColumns*k0:], p.LDB, true
		_ = b.panels[(columns-1)/stripColumns*b.stride+stripColumns*steps-1]
		return b
	}
	if p.TransB {
		b.at = p.B[j0*p.LDB+k0:]
		_ = b.at[(columns-1)*b.ld+steps-1]
		return b
	}
	b.at = p.B[k0*p.LDB+j0:]
	_ = b.at[(steps-1)*b.ld+columns-1]
	if p.M <= manyRows {
		b.direct = columns - columns%stripColumns
	}
	return b
}

// pack makes panels of the columns from ≤ j < to that are not read in place, and finds what will be packed next. from is a
// multiple of 16.
func (b *operandB) pack(p *Product, from, to int) {
	if b.packed {
		return
	}
	b.next = b.after(p, to, ceil(to-from, wideColumns)*ceil(p.M, askRows))
	from = max(from, b.direct)
	b.first = from
	if b.transposed {
		for j := from; j < to; j += stripColumns {
			nativeTranspose(b.panels[(j-from)*b.steps:], stripColumns, b.at[j*b.ld:], b.ld, min(stripColumns, to-j), b.steps)
		}
		return
	}
	edge := to % stripColumns
	if whole := to - edge - from; whole > 0 {
		avx2Pack16(whole/stripColumns, b.steps, &b.at[from], b.ld, &b.panels[0], stripColumns*b.steps)
	}
	if edge > 0 && to > from {
		avx2PackEdge(edge, b.steps, &b.at[to-edge], b.ld, &b.panels[(to-edge-from)*b.steps])
	}
}

// ahead is a part of B that will be packed soon. Its cache lines are prefetched a few at a time while others are
// multiplied, which hides the memory's latency. If too many are prefetched at once, the CPU waits.
type ahead struct {
	at    []float32
	ld    int
	rows  int // not yet prefetched
	lines int // of a row
	share int // rows to prefetch at a time
}

// askRows is the number of rows of A that are multiplied between two calls of ask.
const askRows = 2 * TileRows

// after returns the part that will be packed after the columns up to end, if it is known, divided into a number of shares.
func (b *operandB) after(p *Product, end, shares int) ahead {
	j, k := b.j0+end, b.k0
	if end == b.columns {
		j, k = b.j0, b.k0+b.steps
	}
	if k == p.K || b.direct > 0 {
		return ahead{}
	}
	const lineElements = 16
	columns, steps := min(packColumns, p.N-j), min(depth, p.K-k)
	next := ahead{ld: p.LDB}
	if p.TransB {
		next.at, next.rows, next.lines = p.B[j*p.LDB+k:], columns, ceil(steps, lineElements)
	} else {
		next.at, next.rows, next.lines = p.B[k*p.LDB+j:], steps, ceil(columns, lineElements)
	}
	next.share = ceil(next.rows, shares)
	return next
}

// ask prefetches a share.
func (a *ahead) ask() {
	rows := min(a.share, a.rows)
	avx2Prefetch(rows, a.lines, &a.at[0], a.ld)
	if a.rows -= rows; a.rows > 0 {
		a.at = a.at[rows*a.ld:]
	}
}

// column returns the first element of column j and the distance between its rows.
func (b *operandB) column(j int) (*float32, int) {
	if j < b.direct {
		return &b.at[j], b.ld
	}
	within := j % stripColumns
	return &b.panels[(j-b.first-within)/stripColumns*b.stride+within], stripColumns
}

// distance returns the distance of column j+16 from column j.
func (b *operandB) distance(j int) int {
	if j < b.direct {
		return stripColumns
	}
	return b.stride
}

func nativePack(panels []float32, stride int, src []float32, ld, rows, columns int) {
	if rows == 0 || columns == 0 {
		return
	}
	whole, edge := columns/stripColumns, columns%stripColumns
	_, _ = src[(rows-1)*ld+columns-1], panels[(columns-1)/stripColumns*stride+stripColumns*rows-1]
	if whole > 0 {
		avx2Pack16(whole, rows, &src[0], ld, &panels[0], stride)
	}
	if edge > 0 {
		avx2PackEdge(edge, rows, &src[columns-edge], ld, &panels[whole*stride])
	}
}
