package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas/gonum"
)

// productSizes cross the limits of the tiles (6, 16), of the portable blocks (64, 128) and of the native ones.
var productSizes = []struct{ m, n, k int }{
	{1, 1, 1}, {1, 1, 0}, {5, 17, 0}, {0, 3, 4}, {3, 0, 4}, {2, 3, 4}, {5, 15, 7}, {6, 16, 8}, {7, 17, 9}, {11, 31, 13}, {12, 32, 16},
	{13, 33, 17}, {32, 128, 4}, {4, 128, 32}, {32, 4, 128}, {4, 4, 4}, {128, 7, 4}, {49, 1, 31}, {1, 130, 65}, {63, 65, 20}, {65, 129, 63},
	{143, 24, 40}, {144, 16, 256}, {145, 33, 257}, {289, 5, 300}, {7, 3073, 5}, {1, 3071, 257}, {3, 17, 3073}, {48, 48, 48}, {49, 80, 100},
	{150, 70, 30}, {97, 64, 1}, {20, 40, 300},
}

func productName(p *Product) string {
	letter := map[bool]string{false: "N", true: "T"}
	name := fmt.Sprintf("%s%s %dx%dx%d", letter[p.TransA], letter[p.TransB], p.M, p.N, p.K)
	if p.Accumulate {
		name += " accumulate"
	}
	if p.Dots {
		name += " dots"
	}
	return name
}

// extent is the shortest slice that holds a matrix.
func extent(rows, columns, ld int) int {
	if rows == 0 || columns == 0 {
		return 0
	}
	return (rows-1)*ld + columns
}

// newProduct returns a random product whose operands and result end (or begin) at the edge of readable memory. Everything
// that it must not read is poisoned: the gaps between rows and, without accumulation, C.
func newProduct(t *testing.T, r *rand.Rand, transA, transB bool, m, n, k int, accumulate bool) *Product {
	p := &Product{TransA: transA, TransB: transB, M: m, N: n, K: k, Accumulate: accumulate}
	atEnd := r.IntN(2) == 0
	matrix := func(rows, columns int, transposed, fill bool) ([]float32, int) {
		if transposed {
			rows, columns = columns, rows
		}
		ld := max(1, columns) + r.IntN(2)*r.IntN(20)
		x := guarded(t, extent(rows, columns, ld), atEnd)
		for i := 0; fill && columns > 0 && i < rows; i++ {
			random(r, x[i*ld:][:columns], 1)
		}
		return x, ld
	}
	p.A, p.LDA = matrix(m, k, transA, true)
	p.B, p.LDB = matrix(k, n, transB, true)
	p.C, p.LDC = matrix(m, n, false, accumulate)
	return p
}

func opA(p *Product, i, k int) float64 {
	if p.TransA {
		return float64(p.A[k*p.LDA+i])
	}
	return float64(p.A[i*p.LDA+k])
}

func opB(p *Product, k, j int) float64 {
	if p.TransB {
		return float64(p.B[j*p.LDB+k])
	}
	return float64(p.B[k*p.LDB+j])
}

// checkProduct compares C with the product in float64, and the gaps between its rows with what was there before.
func checkProduct(t *testing.T, p *Product, before []float32) {
	t.Helper()
	name := productName(p)
	magnitude := func(x []float64) []float64 {
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = math.Abs(v)
		}
		return y
	}
	columns := make([]float64, p.N*p.K)
	for j := range p.N {
		for k := range p.K {
			columns[j*p.K+k] = opB(p, k, j)
		}
	}
	columnSizes := magnitude(columns)
	row := make([]float64, p.K)
	dot := func(a, b []float64) float64 { return gonum.Implementation{}.Ddot(p.K, a, 1, b, 1) }
	for i := range p.M {
		for k := range row {
			row[k] = opA(p, i, k)
		}
		rowSizes := magnitude(row)
		for j := range p.N {
			want := dot(row, columns[j*p.K:])
			size := dot(rowSizes, columnSizes[j*p.K:])
			if p.Accumulate {
				old := float64(before[i*p.LDC+j])
				want += old
				size += math.Abs(old)
			}
			within(t, name, i*p.LDC+j, p.C[i*p.LDC+j], want, 1e-7*(2+math.Sqrt(float64(p.K)))*size)
		}
		if i+1 < p.M && p.N > 0 {
			sameBits(t, name+" gap", p.C[i*p.LDC+p.N:(i+1)*p.LDC], before[i*p.LDC+p.N:(i+1)*p.LDC])
		}
	}
}

func TestGemm(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r, w := seeded(1), NewWorkspace()
		poison(w.a)
		poison(w.b)
		for _, size := range productSizes {
			for form := range 8 {
				if size.n*size.k > 200_000 && form != 3 && form != 4 {
					continue // the reference takes long
				}
				p := newProduct(t, r, form&1 != 0, form&2 != 0, size.m, size.n, size.k, form&4 != 0)
				p.Dots = r.IntN(2) == 0
				before := slices.Clone(p.C)
				s.Gemm(w, p)
				checkProduct(t, p, before)
			}
		}
	})
}

// part is the product of rows i0 ≤ i < i1 and columns j0 ≤ j < j1 of p's result, written to c.
func part(p *Product, c []float32, i0, i1, j0, j1 int) *Product {
	q := *p
	q.M, q.N = i1-i0, j1-j0
	if p.K > 0 && q.M > 0 && q.N > 0 {
		if p.TransA {
			q.A = p.A[i0:]
		} else {
			q.A = p.A[i0*p.LDA:]
		}
		if p.TransB {
			q.B = p.B[j0*p.LDB:]
		} else {
			q.B = p.B[j0:]
		}
	}
	q.C = c[min(len(c), i0*p.LDC+j0):]
	return &q
}

func TestGemmBitsDoNotDependOnTheCut(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r, w := seeded(2), NewWorkspace()
		for range 150 {
			m, n, k := 1+r.IntN(160), 1+r.IntN(160), r.IntN(40)
			if r.IntN(4) == 0 {
				k = r.IntN(600)
			}
			form := r.IntN(8)
			p := newProduct(t, r, form&1 != 0, form&2 != 0, m, n, k, form&4 != 0)
			p.Dots = r.IntN(2) == 0
			whole, cut := slices.Clone(p.C), slices.Clone(p.C)
			s.Gemm(w, part(p, whole, 0, m, 0, n))
			for i0 := 0; i0 < m; {
				i1 := i0 + 1 + r.IntN(m-i0)
				for j0 := 0; j0 < n; {
					j1 := j0 + 1 + r.IntN(n-j0)
					s.Gemm(w, part(p, cut, i0, i1, j0, j1))
					j0 = j1
				}
				i0 = i1
			}
			sameBits(t, productName(p), cut, whole)
		}
	})
}

// A transposed operand holds the same numbers, so its product has the same bits.
func TestGemmBitsDoNotDependOnTheLayout(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r, w := seeded(3), NewWorkspace()
		for _, size := range productSizes {
			if size.m*size.n*size.k == 0 {
				continue
			}
			p := newProduct(t, r, false, false, size.m, size.n, size.k, false)
			s.Gemm(w, p)
			for form := 1; form < 4; form++ {
				q := newProduct(t, r, form&1 != 0, form&2 != 0, size.m, size.n, size.k, false)
				for i := range size.m {
					for k := range size.k {
						if q.TransA {
							q.A[k*q.LDA+i] = p.A[i*p.LDA+k]
						} else {
							q.A[i*q.LDA+k] = p.A[i*p.LDA+k]
						}
					}
				}
				for k := range size.k {
					for j := range size.n {
						if q.TransB {
							q.B[j*q.LDB+k] = p.B[k*p.LDB+j]
						} else {
							q.B[k*q.LDB+j] = p.B[k*p.LDB+j]
						}
					}
				}
				s.Gemm(w, q)
				for i := range size.m {
					sameBits(t, productName(q), q.C[i*q.LDC:][:q.N], p.C[i*p.LDC:][:p.N])
				}
			}
		}
	})
}

func TestGemmDone(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r, w := seeded(4), NewWorkspace()
		for _, size := range productSizes {
			for form := range 8 {
				p := newProduct(t, r, form&1 != 0, form&2 != 0, size.m, size.n, size.k, form&4 != 0)
				p.Dots = r.IntN(2) == 0
				plain := slices.Clone(p.C)
				s.Gemm(w, part(p, plain, 0, p.M, 0, p.N))
				calls := make([]int, p.M*p.N)
				p.Done = func(i0, i1, j0, j1 int) {
					for i := i0; i < i1; i++ {
						for j := j0; j < j1; j++ {
							calls[i*p.N+j]++
							p.C[i*p.LDC+j] += 1
						}
					}
				}
				s.Gemm(w, p)
				for i := range p.M {
					for j := range p.N {
						if calls[i*p.N+j] != 1 {
							t.Fatalf("%s: Done was called %d times for (%d,%d), want once", productName(p), calls[i*p.N+j], i, j)
						}
						plain[i*p.LDC+j] += 1
					}
					if p.N > 0 {
						sameBits(t, productName(p)+" with Done", p.C[i*p.LDC:][:p.N], plain[i*p.LDC:][:p.N])
					}
				}
			}
		}
	})
}

func TestGemmPropagatesNaN(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r, w := seeded(5), NewWorkspace()
		for form := range 4 {
			p := newProduct(t, r, form&1 != 0, form&2 != 0, 13, 21, 9, false)
			p.Dots = true
			p.A[0] = float32(math.NaN())
			s.Gemm(w, p)
			for j := range p.N {
				if c := p.C[j]; c == c {
					t.Fatalf("%s: row 0 of A has a NaN but C[0,%d] is %v", productName(p), j, c)
				}
			}
		}
	})
}

// A product with a packed B has the same bits, whichever steps of the panels it begins with.
func TestGemmOfPanels(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r, w := seeded(6), NewWorkspace()
		for _, size := range productSizes {
			if size.m*size.n*size.k == 0 {
				continue
			}
			p := newProduct(t, r, r.IntN(2) == 0, false, size.m, size.n, size.k, false)
			q := *p
			q.Panels, q.LDB = true, PanelColumns*(size.k+2)
			q.B = guarded(t, ceilTo(size.n, PanelColumns)*(size.k+2), true)
			poison(q.B)
			s.Pack(q.B[2*PanelColumns:], q.LDB, p.B, p.LDB, size.k, size.n)
			for j := range ceilTo(size.n, PanelColumns) {
				for k := range size.k {
					want := float32(0)
					if j < size.n {
						want = p.B[k*p.LDB+j]
					}
					if got := q.B[j/PanelColumns*q.LDB+PanelColumns*(k+2)+j%PanelColumns]; got != want {
						t.Fatalf("%s: element (%d,%d) of the panels is %v, want %v", productName(p), k, j, got, want)
					}
				}
			}
			q.B = q.B[2*PanelColumns:]
			q.C = slices.Clone(p.C)
			s.Gemm(w, p)
			s.Gemm(w, &q)
			for i := range p.M {
				sameBits(t, productName(p)+" of panels", q.C[i*p.LDC:][:p.N], p.C[i*p.LDC:][:p.N])
			}
		}
	})
}

func ceilTo(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }
