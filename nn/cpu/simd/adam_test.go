package simd

import (
	"math"
	"slices"
	"testing"
)

func TestAdam(t *testing.T) {
	const rate, beta1, beta2, eps = 0.01, 0.9, 0.999, 1e-8
	steps := map[string]struct{ l2, decay float64 }{"plain": {}, "l2": {l2: 0.1}, "decoupled": {decay: 0.05}}
	for name, c := range steps {
		t.Run(name, func(t *testing.T) {
			eachSet(t, func(t *testing.T, s *Set) {
				for _, n := range lengths {
					r := seeded(uint64(n))
					p, g, m, v := guarded(t, n, true), guarded(t, n, true), guarded(t, n, true), guarded(t, n, true)
					random(r, p, 1)
					clear(m)
					clear(v)
					wantP, wantM, wantV := wide(p), wide(m), wide(v)
					for step := 1; step <= 3; step++ {
						random(r, g, 1)
						correction1, correction2 := 1-math.Pow(beta1, float64(step)), 1-math.Pow(beta2, float64(step))
						s.Adam(p, g, m, v, &AdamStep{Beta1: beta1, Beta2: beta2, Eps: eps, L2: float32(c.l2),
							Rate: float32(rate / correction1), Root: float32(1 / math.Sqrt(correction2)), Decay: float32(rate * c.decay)})
						for i := max(0, n-checked); i < n; i++ {
							d := float64(g[i]) + c.l2*wantP[i]
							wantM[i] = beta1*wantM[i] + (1-beta1)*d
							wantV[i] = beta2*wantV[i] + (1-beta2)*d*d
							wantP[i] = wantP[i]*(1-rate*c.decay) - rate/correction1*wantM[i]/(math.Sqrt(wantV[i]/correction2)+eps)
						}
					}
					for i := max(0, n-checked); i < n; i++ {
						within(t, "m", i, m[i], wantM[i], 1e-6)
						within(t, "v", i, v[i], wantV[i], 1e-7)
						within(t, "p", i, p[i], wantP[i], 1e-6)
					}
				}
			})
		})
	}
}

func TestAdamPropagatesNaN(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		const n = 11
		for i := range n {
			for j := range 4 {
				x := [4][]float32{}
				for k := range x {
					x[k] = slices.Repeat([]float32{0.5}, n)
				}
				x[j][i] = canary
				s.Adam(x[0], x[1], x[2], x[3], &AdamStep{Beta1: 0.9, Beta2: 0.999, Rate: 0.01, Root: 1, Eps: 1e-8})
				for e, v := range x[0] {
					if (v != v) != (e == i) {
						t.Fatalf("operand %d has a NaN at %d and p is %v at %d", j, i, v, e)
					}
				}
			}
		}
	})
}
