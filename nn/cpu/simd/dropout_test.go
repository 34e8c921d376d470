package simd

import (
	"math"
	"testing"

	"mixmas/nn/philox"
)

// Every element is dropped or kept by its own word, whatever the length and wherever the call begins.
func TestDropoutFollowsPhilox(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r := seeded(1)
		for _, n := range []int{1, 3, 4, 31, 32, 33, 64, 100, 1000, callLimitOfTests + 37} {
			m := DropoutMask{Step: r.Uint32(), Number: r.Uint32(), Key: [2]uint32{r.Uint32(), r.Uint32()}, Threshold: r.Uint32(), Keep: 0.7}
			first := r.Uint32() // counters wrap
			x, want := make([]float32, n), make([]float32, n)
			random(r, x, 3)
			x[n/2] = float32(math.NaN())
			for i := range want {
				word := philox.Block([4]uint32{first + uint32(i/4), 0, m.Step, m.Number}, m.Key)[i%4]
				if word >= m.Threshold {
					want[i] = x[i] / m.Keep
				}
			}
			got := make([]float32, n+8)
			poison(got)
			s.Dropout(got[:n], x, first, &m)
			sameBits(t, "y", got[:n], want)
			for _, v := range got[n:] {
				if math.Float32bits(v) != math.Float32bits(canary) {
					t.Fatalf("%d elements: wrote beyond the end", n)
				}
			}
			s.Dropout(x, x, first, &m)
			sameBits(t, "in place", x, want)
		}
	})
}

// callLimitOfTests crosses the length of one assembly call.
const callLimitOfTests = 1 << 16

func BenchmarkDropout(b *testing.B) {
	for _, s := range sets() {
		b.Run(s.Name, func(b *testing.B) {
			x, m := make([]float32, 1<<16), DropoutMask{Threshold: 1 << 31, Keep: 0.5}
			for b.Loop() {
				s.Dropout(x, x, 0, &m)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x)), "ns/element")
		})
	}
}
