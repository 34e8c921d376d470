package simd

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// A block of C is portableRows×portableColumns and is summed portableDepth steps of K at a time. gonum computes products of
// up to three 64×64 blocks in the calling goroutine and would start other goroutines for larger ones.
const (
	portableRows    = 64
	portableColumns = 128
	portableDepth   = 64
)

// portableGemm passes the blocks of A, B and C to gonum one after the other. Transposed blocks are copied first, because
// the bits of gonum's product for a transposed B depend on B's address, while the plain product adds over k in order. As in
// the reference BLAS, a zero of op(A) adds nothing, even if the element of op(B) is not finite.
func portableGemm(w *Workspace, p *Product) {
	for i0 := 0; i0 < p.M; i0 += portableRows {
		rows := min(portableRows, p.M-i0)
		for j0 := 0; j0 < p.N; j0 += portableColumns {
			columns := min(portableColumns, p.N-j0)
			if !p.Accumulate {
				for i := i0; i < i0+rows; i++ {
					clear(p.C[i*p.LDC+j0:][:columns])
				}
			}
			for k0 := 0; k0 < p.K; k0 += portableDepth {
				depth := min(portableDepth, p.K-k0)
				a, lda := portableBlock(w.a, p.A, p.LDA, p.TransA, i0, k0, rows, depth)
				b, ldb := portableOperandB(w, p, k0, j0, depth, columns)
				gonum.Implementation{}.Sgemm(blas.NoTrans, blas.NoTrans, rows, columns, depth,
					1, a, lda, b, ldb, 1, p.C[i0*p.LDC+j0:], p.LDC)
			}
			if p.Done != nil {
				p.Done(i0, i0+rows, j0, j0+columns)
			}
		}
	}
}

// portableOperandB returns a block of op(B) and its leading dimension.
func portableOperandB(w *Workspace, p *Product, k0, j0, depth, columns int) ([]float32, int) {
	if !p.Panels {
		return portableBlock(w.b, p.B, p.LDB, p.TransB, k0, j0, depth, columns)
	}
	for j := 0; j < columns; j += PanelColumns {
		panel := p.B[(j0+j)/PanelColumns*p.LDB+k0*PanelColumns:]
		for k := range depth {
			copy(w.b[k*columns+j:][:min(PanelColumns, columns-j)], panel[k*PanelColumns:])
		}
	}
	return w.b, columns
}

func portablePack(panels []float32, stride int, src []float32, ld, rows, columns int) {
	for j := 0; j < columns; j += PanelColumns {
		panel := panels[j/PanelColumns*stride:]
		for i := range rows {
			row := panel[i*PanelColumns:][:PanelColumns]
			clear(row[copy(row, src[i*ld+j:i*ld+min(columns, j+PanelColumns)]):])
		}
	}
}

// portableBlock returns the rows×columns block at (i, j) of a matrix that is stored in m, plain or transposed, and its
// leading dimension. scratch has room for the block.
func portableBlock(scratch, m []float32, ld int, transposed bool, i, j, rows, columns int) ([]float32, int) {
	if !transposed {
		return m[i*ld+j:], ld
	}
	portableTranspose(scratch, columns, m[j*ld+i:], ld, columns, rows)
	return scratch, columns
}

func portableTranspose(dst []float32, ldd int, src []float32, lds, rows, columns int) {
	const tile = 8
	for i0 := 0; i0 < rows; i0 += tile {
		for j0 := 0; j0 < columns; j0 += tile {
			for i := i0; i < min(i0+tile, rows); i++ {
				for j := j0; j < min(j0+tile, columns); j++ {
					dst[j*ldd+i] = src[i*lds+j]
				}
			}
		}
	}
}
