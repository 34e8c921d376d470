package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

// sets are the sets of this build that this processor can run.
func sets() []*Set { return Sets() }

// eachSet runs a test on every set.
func eachSet(t *testing.T, test func(t *testing.T, s *Set)) {
	for _, s := range sets() {
		t.Run(s.Name, func(t *testing.T) { test(t, s) })
	}
}

// canary fills memory that must be neither read nor written. It is a NaN, so that a read shows in the result.
var canary = math.Float32frombits(0x7fc0dead)

func poison(x []float32) {
	for i := range x {
		x[i] = canary
	}
}

func random(r *rand.Rand, x []float32, scale float64) {
	for i := range x {
		x[i] = float32(scale * (2*r.Float64() - 1))
	}
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// sameBits fails unless got and want are equal bit by bit; all NaNs are the same.
func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, w := range want {
		if g := got[i]; math.Float32bits(g) != math.Float32bits(w) && (g == g || w == w) {
			t.Fatalf("%s: element %d is %v, want the bits of %v", what, i, g, w)
		}
	}
}

// within fails unless |got-want| ≤ bound; a NaN is only near a NaN.
func within(t *testing.T, what string, i int, got float32, want, bound float64) {
	t.Helper()
	if math.IsNaN(want) && got != got || float64(got) == want || float64(got) == float64(float32(want)) {
		return
	}
	if !(math.Abs(float64(got)-want) <= bound) {
		t.Fatalf("%s: element %d is %v, want %v ± %.3g", what, i, got, want, bound)
	}
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// checked is how many elements at the end of a long slice are compared with the reference.
const checked = 1100

// lengths cross every width of the vector loops and the limit of one assembly call.
var lengths = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 23, 24, 31, 32, 33, 39, 40, 63, 64, 65, 71, 100, 1003, 65543}

func checkCanaries(t *testing.T, x []float32) {
	t.Helper()
	for i, v := range x {
		if math.Float32bits(v) != math.Float32bits(canary) {
			t.Errorf("canary %d beside a buffer was overwritten with %v", i, v)
			return
		}
	}
}
