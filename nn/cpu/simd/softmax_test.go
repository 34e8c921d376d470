package simd

import (
	"math"
	"slices"
	"testing"
)

func TestSoftmaxCrossEntropy(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r := seeded(12)
		for _, classes := range widths {
			for _, size := range []float64{0.1, 5, 1e3, 1e30, 3e38} {
				logits, delta := guarded(t, classes, true), guarded(t, classes, true)
				random(r, logits, size)
				label := r.IntN(classes)
				largest := wide([]float32{slices.Max(logits)})[0]
				var sum float64
				for _, v := range wide(logits) {
					sum += math.Exp(v - largest)
				}
				want := math.Log(sum) - (float64(logits[label]) - largest)
				loss := s.SoftmaxCrossEntropy(delta, logits, label, 0.25)
				if want > math.MaxFloat32 {
					want = math.Inf(1)
				}
				within(t, "loss", classes, loss, want, 3e-7*(1+want))
				for i, v := range wide(logits) {
					p := math.Exp(v-largest) / sum
					if i == label {
						p--
					}
					within(t, "delta", i, delta[i], 0.25*p, 2e-7)
				}
				sameBits(t, "loss without delta", []float32{s.SoftmaxCrossEntropy(nil, logits, label, 0.25)}, []float32{loss})
				inPlace := slices.Clone(logits)
				s.SoftmaxCrossEntropy(inPlace, inPlace, label, 0.25)
				sameBits(t, "delta over logits", inPlace, delta)

				logits[r.IntN(classes)] = canary
				loss = s.SoftmaxCrossEntropy(delta, logits, label, 0.25)
				if loss == loss || delta[0] == delta[0] || delta[classes-1] == delta[classes-1] {
					t.Fatalf("%d logits with a NaN give the loss %v and deltas %v", classes, loss, delta)
				}
			}
		}
	})
}
