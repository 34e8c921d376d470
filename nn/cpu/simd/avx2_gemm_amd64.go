//go:build amd64 && !purego

package simd

// The product is computed in blocks: depth steps of K, for which a panel of B, 16 columns wide, stays in the L1 cache;
// blockRows rows of A, which stay in the L2 cache; and blockColumns columns of B, which stay in the L3 cache. The bits of C
// depend only on depth: the sums over depth steps are added in order.
const (
	stripColumns = PanelColumns
	wideColumns  = 2 * stripColumns // of the kernel with AVX-512
	depth        = 256
	blockRows    = 288
	blockColumns = 3072
	packColumns  = 128      // columns of B that are packed together if only one block of A uses them
	doneElements = 36 << 10 // of C in one call of Done: they are still in the L2 cache

	workspaceA = blockRows * depth
	workspaceB = blockColumns * depth
)

// blockedGemm multiplies block by block, in strips of widest columns. wideColumns selects the kernel with AVX-512, which
// gives the same bits as the one for stripColumns.
func blockedGemm(w *Workspace, p *Product, widest int) {
	if p.M == 0 || p.N == 0 {
		return
	}
	if p.K == 0 {
		emptyProduct(p)
		return
	}
	for j0 := 0; j0 < p.N; j0 += blockColumns {
		columns := min(blockColumns, p.N-j0)
		for k0 := 0; k0 < p.K; k0 += depth {
			steps := min(depth, p.K-k0)
			b := newOperandB(w, p, k0, j0, steps, columns)
			once := p.M <= blockRows
			if !once {
				b.pack(p, 0, columns)
			}
			for i0 := 0; i0 < p.M; i0 += blockRows {
				multiplyBlock(w, p, &b, once, widest, i0, min(blockRows, p.M-i0))
			}
		}
	}
}

// emptyProduct computes the product for K = 0.
func emptyProduct(p *Product) {
	if !p.Accumulate {
		for i := range p.M {
			clear(p.C[i*p.LDC:][:p.N])
		}
	}
	if p.Done != nil {
		p.Done(0, p.M, 0, p.N)
	}
}

// multiplyBlock adds one block of op(A) times one of op(B) to C. Strips of columns are the outer loop, so that a strip of B
// stays in the L1 cache while it is multiplied with all rows of A. If once is set, this is the only block that uses B, and
// B is packed on the way: the panels then stay in the L2 cache.
func multiplyBlock(w *Workspace, p *Product, b *operandB, once bool, widest, i0, rows int) {
	blocks := blockA(w, p, i0, b.k0, rows, b.columns, b.steps)
	final := b.k0+b.steps == p.K && p.Done != nil
	done := 0
	for j, width := 0, 0; j < b.columns; j += width {
		if once && j%packColumns == 0 {
			b.pack(p, j, min(j+packColumns, b.columns))
		}
		width = min(stripColumns, b.columns-j)
		if b.columns-j >= widest {
			width = widest
		}
		for _, a := range blocks {
			for a.rows > 0 {
				n := a.rows
				if b.next.rows > 0 {
					n = min(n, askRows)
					b.next.ask()
				}
				row := (i0+a.first)*p.LDC + b.j0 + j
				multiplyStrip(&a, n, b, j, width, p.C[row:row+(n-1)*p.LDC+width], p.LDC, p.Accumulate || b.k0 > 0)
				a.skip(n)
			}
		}
		if end := j + width; final && ((end-done)*rows >= doneElements || end == b.columns) {
			p.Done(i0, i0+rows, b.j0+done, b.j0+end)
			done = end
		}
	}
}

// multiplyStrip adds to c the product of the first rows of a with width columns of b, from column j on.
func multiplyStrip(a *operandA, rows int, b *operandB, j, width int, c []float32, ldc int, accumulate bool) {
	add := 0
	if accumulate {
		add = 1
	}
	strip, ldb := b.column(j)
	switch width {
	case wideColumns:
		avx512Strip32(rows, b.steps, &a.at[0], a.rowStride, a.stepStride, a.panelStride, strip, ldb, b.distance(j), &c[0], ldc, add)
	case stripColumns:
		avx2Strip16(rows, b.steps, &a.at[0], a.rowStride, a.stepStride, a.panelStride, strip, ldb, &c[0], ldc, add)
	default:
		avx2Strip8(rows, b.steps, &a.at[0], a.rowStride, a.stepStride, a.panelStride, strip, ldb, &c[0], ldc, add, min(8, width))
		if width > 8 {
			second, _ := b.column(j + 8)
			avx2Strip8(rows, b.steps, &a.at[0], a.rowStride, a.stepStride, a.panelStride, second, ldb, &c[8], ldc, add, width-8)
		}
	}
}

func ceil(a, b int) int { return (a + b - 1) / b }
