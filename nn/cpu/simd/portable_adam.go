package simd

import "math"

func portableAdam(p, g, m, v []float32, step *AdamStep) {
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	s := *step
	for i, w := range p {
		d := g[i] + s.L2*w
		m[i] = s.Beta1*m[i] + (1-s.Beta1)*d
		v[i] = s.Beta2*v[i] + (1-s.Beta2)*d*d
		root := float32(math.Sqrt(float64(v[i])))
		p[i] = w*(1-s.Decay) - s.Rate*m[i]/(root*s.Root+s.Eps)
	}
}
