package simd

import (
	"math"
	"slices"
	"testing"
)

const (
	ulp    = 1.0 / (1 << 23)
	scalar = 0.7371 // the constant of AddScalar, Scale and Axpy
)

// elementwise is one function y[i] = want(in[0][i], in[1][i], ...). Where it updates y, in[0] is y before.
type elementwise struct {
	name    string
	inputs  int
	updates bool
	call    func(s *Set, y []float32, in [][]float32)
	want    func(in []float64) float64
	// bound is the error allowed at the inputs in; nil is one unit in the last place.
	bound func(in []float64) float64
	// hides says that a NaN in input i does not reach y everywhere.
	hides func(i int) bool
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// slopeBound is the error of a slope that is multiplied by in[1].
func slopeBound(in []float64) float64 { return 3e-7 * max(0.1, math.Abs(in[1])) }

func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// sumBound is the error of in[0] + in[1]·in[2], where a missing in[2] is at most one.
func sumBound(in []float64) float64 {
	product := in[1]
	if len(in) > 2 {
		product *= in[2]
	}
	return ulp * (math.Abs(in[0]) + math.Abs(product))
}

var elementwiseFunctions = []elementwise{
	{name: "Gelu", inputs: 1,
		call:  func(s *Set, y []float32, in [][]float32) { s.Gelu(y, in[0]) },
		want:  func(in []float64) float64 { return in[0] * normalCDF(in[0]) },
		bound: func(in []float64) float64 { return 3e-7 * max(1, math.Abs(in[0])) }},
	{name: "GeluGrad", inputs: 2,
		call: func(s *Set, y []float32, in [][]float32) { s.GeluGrad(y, in[0], in[1]) },
		want: func(in []float64) float64 {
			x := in[0]
			return in[1] * (normalCDF(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
		},
		bound: func(in []float64) float64 { return 3e-7 * max(1, math.Abs(in[0])) * max(0.1, math.Abs(in[1])) }},
	{name: "Relu", inputs: 1,
		call: func(s *Set, y []float32, in [][]float32) { s.Relu(y, in[0]) },
		want: func(in []float64) float64 { return max(in[0], 0) }},
	{name: "ReluGrad", inputs: 2,
		call: func(s *Set, y []float32, in [][]float32) { s.ReluGrad(y, in[0], in[1]) },
		want: func(in []float64) float64 {
			if in[0] > 0 {
				return in[1]
			}
			return 0
		},
		hides: func(i int) bool { return true }},
	{name: "SquaredRelu", inputs: 1,
		call: func(s *Set, y []float32, in [][]float32) { s.SquaredRelu(y, in[0]) },
		want: func(in []float64) float64 { return max(in[0], 0) * max(in[0], 0) }},
	{name: "SquaredReluGrad", inputs: 2,
		call: func(s *Set, y []float32, in [][]float32) { s.SquaredReluGrad(y, in[0], in[1]) },
		want: func(in []float64) float64 { return 2 * max(in[0], 0) * in[1] }},
	{name: "Sigmoid", inputs: 1,
		call:  func(s *Set, y []float32, in [][]float32) { s.Sigmoid(y, in[0]) },
		want:  func(in []float64) float64 { return sigmoid(in[0]) },
		bound: func(in []float64) float64 { return 3 * ulp * sigmoid(in[0]) }},
	{name: "SigmoidGrad", inputs: 2,
		call:  func(s *Set, y []float32, in [][]float32) { s.SigmoidGrad(y, in[0], in[1]) },
		want:  func(in []float64) float64 { return in[1] * sigmoid(in[0]) * sigmoid(-in[0]) },
		bound: slopeBound},
	{name: "Tanh", inputs: 1,
		call:  func(s *Set, y []float32, in [][]float32) { s.Tanh(y, in[0]) },
		want:  func(in []float64) float64 { return math.Tanh(in[0]) },
		bound: func(in []float64) float64 { return 3 * ulp * math.Abs(math.Tanh(in[0])) }},
	{name: "TanhGrad", inputs: 2,
		call:  func(s *Set, y []float32, in [][]float32) { s.TanhGrad(y, in[0], in[1]) },
		want:  func(in []float64) float64 { return in[1] * 4 * sigmoid(2*in[0]) * sigmoid(-2*in[0]) },
		bound: slopeBound},
	{name: "Silu", inputs: 1,
		call:  func(s *Set, y []float32, in [][]float32) { s.Silu(y, in[0]) },
		want:  func(in []float64) float64 { return in[0] * sigmoid(in[0]) },
		bound: func(in []float64) float64 { return 3 * ulp * math.Abs(in[0]) * sigmoid(in[0]) }},
	{name: "SiluGrad", inputs: 2,
		call: func(s *Set, y []float32, in [][]float32) { s.SiluGrad(y, in[0], in[1]) },
		want: func(in []float64) float64 {
			return in[1] * sigmoid(in[0]) * (1 + in[0]*sigmoid(-in[0]))
		},
		bound: slopeBound},
	{name: "Add", inputs: 2,
		call: func(s *Set, y []float32, in [][]float32) { s.Add(y, in[0], in[1]) },
		want: func(in []float64) float64 { return in[0] + in[1] }},
	{name: "Mul", inputs: 2,
		call: func(s *Set, y []float32, in [][]float32) { s.Mul(y, in[0], in[1]) },
		want: func(in []float64) float64 { return in[0] * in[1] }},
	{name: "Div", inputs: 2,
		call: func(s *Set, y []float32, in [][]float32) { s.Div(y, in[0], in[1]) },
		want: func(in []float64) float64 { return in[0] / in[1] }},
	{name: "AddScalar", inputs: 1,
		call: func(s *Set, y []float32, in [][]float32) { s.AddScalar(y, in[0], scalar) },
		want: func(in []float64) float64 { return in[0] + float64(float32(scalar)) }},
	{name: "Scale", inputs: 1,
		call: func(s *Set, y []float32, in [][]float32) { s.Scale(y, in[0], scalar) },
		want: func(in []float64) float64 { return in[0] * float64(float32(scalar)) }},
	{name: "Axpy", inputs: 2, updates: true,
		call:  func(s *Set, y []float32, in [][]float32) { s.Axpy(y, in[1], scalar) },
		want:  func(in []float64) float64 { return in[0] + in[1]*float64(float32(scalar)) },
		bound: sumBound},
}

func (f *elementwise) hidesNaN(i int) bool { return f.hides != nil && f.hides(i) }

// newInputs returns f's inputs and a poisoned output of n elements at the edge of readable memory.
func (f *elementwise) newInputs(t *testing.T, seed uint64, n int) (y []float32, in [][]float32) {
	r := seeded(seed)
	atEnd := n%3 != 0
	for range f.inputs {
		x := guarded(t, n, atEnd)
		random(r, x, 10)
		in = append(in, x)
	}
	return guarded(t, n, atEnd), in
}

// apply calls f for y. An updating f starts from in[0].
func (f *elementwise) apply(s *Set, y []float32, in [][]float32) {
	if f.updates {
		copy(y, in[0])
	}
	f.call(s, y, in)
}

func eachElementwise(t *testing.T, test func(t *testing.T, s *Set, f *elementwise)) {
	eachSet(t, func(t *testing.T, s *Set) {
		for i := range elementwiseFunctions {
			f := &elementwiseFunctions[i]
			t.Run(f.name, func(t *testing.T) { test(t, s, f) })
		}
	})
}

func TestElementwise(t *testing.T) {
	eachElementwise(t, func(t *testing.T, s *Set, f *elementwise) {
		point := make([]float64, f.inputs)
		for _, n := range lengths {
			y, in := f.newInputs(t, uint64(n), n)
			f.apply(s, y, in)
			for i := max(0, n-checked); i < n; i++ {
				for j := range in {
					point[j] = float64(in[j][i])
				}
				want := f.want(point)
				bound := ulp * math.Abs(want)
				if f.bound != nil {
					bound = f.bound(point)
				}
				within(t, f.name, i, y[i], want, bound)
			}
		}
	})
}

func TestElementwiseInPlace(t *testing.T) {
	eachElementwise(t, func(t *testing.T, s *Set, f *elementwise) {
		if f.updates {
			return
		}
		for _, n := range []int{3, 8, 77} {
			y, in := f.newInputs(t, 9, n)
			f.apply(s, y, in)
			for j := range in {
				alias := slices.Clone(in)
				alias[j] = slices.Clone(in[j])
				f.apply(s, alias[j], alias)
				sameBits(t, f.name, alias[j], y)
			}
		}
	})
}

func TestElementwiseBitsDoNotDependOnTheCut(t *testing.T) {
	eachElementwise(t, func(t *testing.T, s *Set, f *elementwise) {
		r := seeded(8)
		for range 20 {
			n := 1 + r.IntN(200)
			y, in := f.newInputs(t, 8, n)
			f.apply(s, y, in)
			pieces := make([]float32, n)
			for i := 0; i < n; {
				end := i + 1 + r.IntN(n-i)
				part := make([][]float32, len(in))
				for j := range in {
					part[j] = in[j][i:end]
				}
				f.apply(s, pieces[i:end], part)
				i = end
			}
			sameBits(t, f.name, pieces, y)
		}
	})
}

func TestElementwisePropagatesNaN(t *testing.T) {
	eachElementwise(t, func(t *testing.T, s *Set, f *elementwise) {
		const n = 21
		for j := range f.inputs {
			if f.hidesNaN(j) {
				continue
			}
			for i := range n {
				y, in := f.newInputs(t, 7, n)
				in[j][i] = canary
				f.apply(s, y, in)
				for e, v := range y {
					if (v != v) != (e == i) {
						t.Fatalf("input %d has a NaN at %d, and the output is %v at %d", j, i, v, e)
					}
				}
			}
		}
	})
}

func TestReluGradPropagatesNaN(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		dx := []float32{1, 1}
		s.ReluGrad(dx, []float32{2, -2}, []float32{canary, canary})
		if dx[0] == dx[0] || dx[1] != 0 {
			t.Fatalf("dx is %v for dy NaN and x 2, -2; want NaN, 0", dx)
		}
	})
}

// The whole line of GELU and its slope, finer than the random points, with the far tails.
func TestGeluAccuracy(t *testing.T) {
	var x []float32
	for v := -12.0; v <= 12; v += 1.0 / 1024 {
		x = append(x, float32(v))
	}
	for e := -149; e < 127; e++ {
		x = append(x, float32(math.Ldexp(1.37, e)), -float32(math.Ldexp(1.37, e)))
	}
	one := slices.Repeat([]float32{1}, len(x))
	eachSet(t, func(t *testing.T, s *Set) {
		y, dx := make([]float32, len(x)), make([]float32, len(x))
		s.Gelu(y, x)
		s.GeluGrad(dx, x, one)
		for i, v := range wide(x) {
			bound := 3e-7 * max(1, math.Abs(v))
			within(t, "Gelu", i, y[i], elementwiseFunctions[0].want([]float64{v}), bound)
			within(t, "GeluGrad", i, dx[i], elementwiseFunctions[1].want([]float64{v, 1}), bound)
			if math.Abs(v) > 40 && (float64(y[i]) != max(v, 0) || (dx[i] != 0) != (v > 0)) {
				t.Fatalf("the GELU of %g is %g and its slope %g: far from zero they are those of ReLU", v, y[i], dx[i])
			}
		}
	})
}

// logisticFunctions are σ, tanh and SiLU with their slopes: the value, the slope, and the relative error allowed.
var logisticFunctions = []struct {
	name     string
	call     func(s *Set, y, x []float32)
	gradient func(s *Set, dx, x, dy []float32)
	want     func(x float64) (y, slope float64)
}{
	{"Sigmoid", func(s *Set, y, x []float32) { s.Sigmoid(y, x) }, func(s *Set, dx, x, dy []float32) { s.SigmoidGrad(dx, x, dy) },
		func(x float64) (y, slope float64) { return sigmoid(x), sigmoid(x) * sigmoid(-x) }},
	{"Tanh", func(s *Set, y, x []float32) { s.Tanh(y, x) }, func(s *Set, dx, x, dy []float32) { s.TanhGrad(dx, x, dy) },
		func(x float64) (y, slope float64) { return math.Tanh(x), 4 * sigmoid(2*x) * sigmoid(-2*x) }},
	{"Silu", func(s *Set, y, x []float32) { s.Silu(y, x) }, func(s *Set, dx, x, dy []float32) { s.SiluGrad(dx, x, dy) },
		func(x float64) (y, slope float64) {
			if math.Abs(x) > 1000 { // not infinity times 0
				return max(x, 0), max(0, math.Copysign(1, x))
			}
			return x * sigmoid(x), sigmoid(x) * (1 + x*sigmoid(-x))
		}},
}

// The whole line of σ, tanh, SiLU and their slopes, with the far tails, infinities and a NaN. The errors are relative, within 3
// units in the last place for the functions and 5 for the slopes of σ and tanh, as long as they are above 2⁻¹²⁵; the slope of
// SiLU has a zero, near which its error is absolute.
func TestLogisticAccuracy(t *testing.T) {
	var x []float32
	for v := -20.0; v <= 20; v += 1.0 / 512 {
		x = append(x, float32(v))
	}
	for v := 20.0; v <= 110; v += 1.0 / 16 {
		x = append(x, float32(v), -float32(v))
	}
	for e := -149; e < 128; e++ {
		x = append(x, float32(math.Ldexp(1.37, e)), -float32(math.Ldexp(1.37, e)))
	}
	x = append(x, 0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)))
	one := slices.Repeat([]float32{1}, len(x))
	const tiny = 3e-36 // 87 e⁻⁸⁷, where the exponentials end
	eachSet(t, func(t *testing.T, s *Set) {
		for _, f := range logisticFunctions {
			y, dx := make([]float32, len(x)), make([]float32, len(x))
			f.call(s, y, x)
			f.gradient(s, dx, x, one)
			for i, v := range wide(x) {
				want, slope := f.want(v)
				within(t, f.name, i, y[i], want, 3*ulp*math.Abs(want)+tiny)
				bound := 5 * ulp * math.Abs(slope)
				if f.name == "Silu" {
					bound = 3e-7
				}
				within(t, f.name+"'s slope", i, dx[i], slope, bound+tiny)
			}
			nan := []float32{canary, 1}
			f.call(s, y[:2], nan)
			f.gradient(s, dx[:2], nan, one[:2])
			if y[0] == y[0] || dx[0] == dx[0] {
				t.Errorf("%s of a NaN is %v, its slope %v", f.name, y[0], dx[0])
			}
		}
	})
}

func TestMax(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r := seeded(6)
		for _, n := range lengths {
			y, index, x := guarded(t, n, true), guarded(t, n, true), guarded(t, n, true)
			for i := range n {
				y[i], index[i], x[i] = float32(r.IntN(5)), 1, float32(r.IntN(5)) // small integers tie
			}
			if n > 3 {
				y[1], x[2] = canary, canary
			}
			before := slices.Clone(y)
			s.Max(y, index, x, 7)
			for i := range n {
				want, position := before[i], float32(1)
				if x[i] > want || x[i] != x[i] {
					want, position = x[i], 7
				}
				if y[i] != want && (y[i] == y[i] || want == want) || index[i] != position {
					t.Fatalf("max(%v, %v) is %v at position %v, want %v at %v", before[i], x[i], y[i], index[i], want, position)
				}
			}
		}
	})
}

func TestSumAndDot(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r := seeded(5)
		for _, n := range lengths {
			a, b := guarded(t, n, true), guarded(t, n, false)
			random(r, a, 1)
			random(r, b, 1)
			var sum, sumSize, dot, dotSize float64
			for i := range n {
				product := float64(a[i]) * float64(b[i])
				sum += float64(a[i])
				dot += product
				sumSize += math.Abs(float64(a[i]))
				dotSize += math.Abs(product)
			}
			within(t, "Sum", n, s.Sum(a), sum, ulp*sumSize)
			within(t, "Dot", n, s.Dot(a, b), dot, ulp*dotSize)
			if n > 0 {
				elsewhere := append(make([]float32, 3), a...)[3:]
				sameBits(t, "Sum elsewhere in memory", []float32{s.Sum(elsewhere)}, []float32{s.Sum(a)})
				b[n-1] = canary
				if d, u := s.Dot(a, b), s.Sum(b); d == d || u == u {
					t.Fatalf("with a NaN the dot product of %d elements is %v and the sum %v", n, d, u)
				}
			}
		}
	})
}

func TestTranspose(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r := seeded(4)
		for range 200 {
			rows, columns := r.IntN(70), r.IntN(70)
			lds, ldd := max(1, columns)+r.IntN(3), max(1, rows)+r.IntN(3)
			src, dst := guarded(t, extent(rows, columns, lds), true), guarded(t, extent(columns, rows, ldd), true)
			random(r, src, 1)
			want := slices.Clone(dst)
			for i := range rows {
				for j := range columns {
					want[j*ldd+i] = src[i*lds+j]
				}
			}
			s.Transpose(dst, ldd, src, lds, rows, columns)
			sameBits(t, "transpose", dst, want)
		}
	})
}

func TestGeluBothIsGeluAndItsGradient(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r := seeded(13)
		for _, n := range lengths {
			x, dy := guarded(t, n, true), guarded(t, n, true)
			random(r, x, 6)
			random(r, dy, 2)
			for i, v := range []float32{float32(math.NaN()), float32(math.Inf(1)), -40, 40, 0} {
				if i < n {
					x[i] = v
				}
			}
			y, dx := make([]float32, n), make([]float32, n)
			s.Gelu(y, x)
			s.GeluGrad(dx, x, dy)
			both := guarded(t, n, true)
			s.GeluBoth(both, dy, x, dy)
			sameBits(t, "GeluBoth's y", both, y)
			sameBits(t, "GeluBoth's dx", dy, dx)
		}
	})
}
