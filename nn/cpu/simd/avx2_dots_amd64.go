//go:build amd64 && !purego

package simd

// avx2Product and avx512Product are the products of the two sets.
func avx2Product(w *Workspace, p *Product)   { nativeProduct(w, p, stripColumns) }
func avx512Product(w *Workspace, p *Product) { nativeProduct(w, p, wideColumns) }

func nativeProduct(w *Workspace, p *Product, widest int) {
	if p.Dots && p.TransB && !p.TransA && p.M > 0 && p.N > 0 && p.K > 0 {
		nativeDots(p)
		return
	}
	blockedGemm(w, p, widest)
}

// nativeDots passes four rows of A at a time to the kernel, with as many of B as one call may take.
func nativeDots(p *Product) {
	const rows = 4
	columns := max(1, callLimit/p.K)
	accumulate := 0
	if p.Accumulate {
		accumulate = 1
	}
	for i := 0; i < p.M; i += rows {
		m := min(rows, p.M-i)
		a := p.A[i*p.LDA : (i+m-1)*p.LDA+p.K]
		for j := 0; j < p.N; j += columns {
			n := min(columns, p.N-j)
			b := p.B[j*p.LDB : (j+n-1)*p.LDB+p.K]
			c := p.C[i*p.LDC+j : (i+m-1)*p.LDC+j+n]
			avx2Dots(m, n, p.K, &a[0], p.LDA, &b[0], p.LDB, &c[0], p.LDC, accumulate)
		}
		if p.Done != nil {
			p.Done(i, i+m, 0, p.N)
		}
	}
}
