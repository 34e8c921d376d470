package simd

import (
	"math"
	"slices"
	"testing"
)

var widths = []int{1, 2, 3, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 64, 65, 100, 128, 256, 257, 1000}

// normCase is one layer norm with its gradient.
type normCase struct {
	rows, width                               int
	x, weight, bias, y, mean, rstd            []float32
	dy, plus, dx, dweight, dbias, dw0, dbias0 []float32
}

func newNormCase(t *testing.T, seed uint64, rows, width int, offset float32) *normCase {
	r := seeded(seed)
	n := &normCase{rows: rows, width: width}
	for _, x := range []*[]float32{&n.x, &n.y, &n.dy, &n.plus, &n.dx} {
		*x = guarded(t, rows*width, true)
	}
	for _, x := range []*[]float32{&n.weight, &n.bias, &n.dweight, &n.dbias} {
		*x = guarded(t, width, true)
		random(r, *x, 2)
	}
	n.mean, n.rstd = guarded(t, rows, true), guarded(t, rows, true)
	random(r, n.x, 2)
	for i := range n.x {
		n.x[i] += offset
	}
	random(r, n.dy, 1)
	random(r, n.plus, 1)
	n.dw0, n.dbias0 = slices.Clone(n.dweight), slices.Clone(n.dbias)
	return n
}

const normEps = 1e-5

// The variance of equal numbers is 0, however large they are and whatever rounding does to their mean.
func TestLayerNormOfEqualNumbers(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r := seeded(9)
		for _, width := range widths {
			n := newNormCase(t, 1, 64, width, 0)
			for i := range n.rows {
				v := float32(math.Pow(10, 6+5*r.Float64()))
				for j := range width {
					n.x[i*width+j] = v
				}
			}
			n.forward(s)
			for i, v := range n.y {
				if x := n.x[i]; !(math.Abs(float64(v)) <= float64(x)) {
					t.Fatalf("%d numbers %v became %v", width, x, v)
				}
			}
		}
	})
}

func (n *normCase) forward(s *Set) {
	s.LayerNorm(n.y, n.x, n.weight, n.bias, n.mean, n.rstd, n.rows, n.width, normEps)
}

func (n *normCase) backward(s *Set, plus []float32) {
	s.LayerNormGrad(n.dx, n.x, n.dy, n.weight, n.mean, n.rstd, plus, n.dweight, n.dbias, n.rows, n.width)
}

// check compares everything with float64. The rounding of the mean moves every normalised element by
// 2⁻²⁴|mean| rstd, so the bounds grow with that.
func (n *normCase) check(t *testing.T, plus []float32) {
	width := float64(n.width)
	dweight, dbias := wide(n.dw0), wide(n.dbias0)
	dweightBound, dbiasBound := make([]float64, n.width), make([]float64, n.width)
	for i := range n.rows {
		x, dy := wide(n.x[i*n.width:][:n.width]), wide(n.dy[i*n.width:][:n.width])
		var mean, variance, a, b, size float64
		for _, v := range x {
			mean += v / width
		}
		for _, v := range x {
			variance += (v - mean) * (v - mean) / width
		}
		rstd := 1 / math.Sqrt(variance+normEps)
		slip := ulp * (4 + math.Abs(mean)*rstd)
		within(t, "mean", i, n.mean[i], mean, ulp*(1+math.Abs(mean)))
		within(t, "rstd", i, n.rstd[i], rstd, rstd*slip)
		normal := make([]float64, n.width)
		for j, v := range x {
			normal[j] = (v - mean) * rstd
			w := float64(n.weight[j])
			want := normal[j]*w + float64(n.bias[j])
			bound := slip*math.Abs(w)*(1+math.Abs(normal[j])) + ulp*math.Abs(float64(n.bias[j]))
			within(t, "y", i*n.width+j, n.y[i*n.width+j], want, bound)
			a += w * dy[j] / width
			b += w * dy[j] * normal[j] / width
			size += math.Abs(w*dy[j]) * (1 + math.Abs(normal[j])) / width
			dweight[j] += dy[j] * normal[j]
			dbias[j] += dy[j]
			dweightBound[j] += slip*math.Abs(dy[j])*(1+math.Abs(normal[j])) + ulp*math.Abs(dweight[j])
			dbiasBound[j] += ulp * (math.Abs(dy[j]) + math.Abs(dbias[j]))
		}
		for j := range x {
			w := float64(n.weight[j])
			want := rstd * (w*dy[j] - a - normal[j]*b)
			if plus != nil {
				want += float64(plus[i*n.width+j])
			}
			bound := 2*slip*rstd*(size+math.Abs(w*dy[j]))*(1+math.Abs(normal[j])) + 2*ulp
			within(t, "dx", i*n.width+j, n.dx[i*n.width+j], want, bound)
		}
	}
	for j := range dweight {
		within(t, "dweight", j, n.dweight[j], dweight[j], 2*dweightBound[j]+ulp*2)
		within(t, "dbias", j, n.dbias[j], dbias[j], 2*dbiasBound[j]+ulp*2)
	}
}

func TestLayerNorm(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, width := range widths {
			for _, offset := range []float32{0, 100} {
				for _, rows := range []int{0, 1, 5} {
					n := newNormCase(t, uint64(width), rows, width, offset)
					plus := n.plus
					if rows == 1 {
						plus = nil
					}
					n.forward(s)
					n.backward(s, plus)
					n.check(t, plus)
				}
			}
		}
	})
}

// More rows than one assembly call takes.
func TestLayerNormOfManyRows(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		n := newNormCase(t, 6, 4100, 16, 0)
		n.forward(s)
		n.backward(s, n.plus)
		n.check(t, n.plus)
	})
}

func TestLayerNormBitsDoNotDependOnTheCut(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, width := range widths {
			whole := newNormCase(t, 3, 7, width, 1)
			whole.forward(s)
			whole.backward(s, whole.plus)
			cut := newNormCase(t, 3, 7, width, 1)
			for i0 := 0; i0 < cut.rows; i0 += 2 {
				i1 := min(i0+2, cut.rows)
				piece := *cut
				piece.rows = i1 - i0
				for _, x := range []*[]float32{&piece.x, &piece.y, &piece.dy, &piece.plus, &piece.dx} {
					*x = (*x)[i0*width : i1*width]
				}
				piece.mean, piece.rstd = cut.mean[i0:i1], cut.rstd[i0:i1]
				piece.forward(s)
				piece.backward(s, piece.plus)
			}
			sameBits(t, "y", cut.y, whole.y)
			sameBits(t, "dx", cut.dx, whole.dx)
			sameBits(t, "dweight", cut.dweight, whole.dweight)
			sameBits(t, "dbias", cut.dbias, whole.dbias)
		}
	})
}

func TestLayerNormInPlace(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, width := range widths {
			n := newNormCase(t, 4, 3, width, 0)
			n.forward(s)
			n.backward(s, n.plus)
			y := slices.Clone(n.x)
			s.LayerNorm(y, y, n.weight, n.bias, n.mean, n.rstd, n.rows, n.width, normEps)
			sameBits(t, "y over x", y, n.y)
			for _, name := range []string{"x", "dy", "plus"} {
				m := *n
				m.dweight, m.dbias = slices.Clone(n.dw0), slices.Clone(n.dbias0)
				m.x, m.dy, m.plus = slices.Clone(n.x), slices.Clone(n.dy), slices.Clone(n.plus)
				m.dx = map[string][]float32{"x": m.x, "dy": m.dy, "plus": m.plus}[name]
				m.backward(s, m.plus)
				sameBits(t, "dx over "+name, m.dx, n.dx)
				sameBits(t, "dweight with dx over "+name, m.dweight, n.dweight)
			}
		}
	})
}

func TestLayerNormPropagatesNaN(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		for _, width := range widths {
			n := newNormCase(t, 5, 2, width, 0)
			n.x[width-1] = canary
			n.forward(s)
			for j := range width {
				if n.y[j] == n.y[j] || n.y[width+j] != n.y[width+j] {
					t.Fatalf("width %d: row 0 of x has a NaN, and y is %v in row 0 and %v in row 1", width, n.y[j], n.y[width+j])
				}
			}
		}
	})
}
