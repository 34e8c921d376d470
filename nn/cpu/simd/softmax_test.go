package simd

import (
	"math"
	"slices"
	"testing"
)

func TestSoftmax(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r := seeded(14)
		for _, width := range widths {
			for _, size := range []float64{0.1, 5, 1e3, 3e38} {
				x, y, mask := guarded(t, width, true), guarded(t, width, true), guarded(t, width, true)
				random(r, x, size)
				for _, share := range []int{0, 1, 2, 10} { // of ten elements that count
					some := false
					for i := range mask {
						mask[i] = 0
						if r.IntN(10) < share {
							mask[i], some = 1, true
						} else if share > 0 {
							x[i] = canary // which is not read
						}
					}
					largest, sum := math.Inf(-1), 0.0
					for i, v := range wide(x) {
						if mask[i] != 0 {
							largest = max(largest, v)
						}
					}
					for i, v := range wide(x) {
						if mask[i] != 0 {
							sum += math.Exp(v - largest)
						}
					}
					top, total := s.Softmax(y, x, mask)
					if !some && (top != 0 || total != 0) {
						t.Fatalf("width %d: nothing counts, and the sum is %v with the largest %v", width, total, top)
					}
					if some {
						within(t, "largest", 0, top, largest, 0)
						within(t, "sum", 0, total, sum, 1e-6*sum)
					}
					for i, v := range wide(x) {
						switch {
						case mask[i] != 0:
							within(t, "y", i, y[i], math.Exp(v-largest)/sum, 2e-7)
						case y[i] != 0:
							t.Fatalf("width %d: element %d of %d is left out, and is %v", width, i, width, y[i])
						}
					}
					inPlace := slices.Clone(x)
					s.Softmax(inPlace, inPlace, mask)
					sameBits(t, "y over x", inPlace, y)
					if some {
						x[slices.Index(mask, 1)] = canary
						s.Softmax(y, x, mask)
						if i := slices.Index(mask, 1); y[i] == y[i] {
							t.Fatalf("width %d: a NaN became %v", width, y[i])
						}
					}
					random(r, x, size)
				}
				for i := range mask {
					mask[i] = -0.5 // counts, as all but 0 does
				}
				s.Softmax(y, x, mask)
				all := slices.Clone(y)
				s.Softmax(y, x, nil)
				sameBits(t, "without a mask", y, all)
			}
		}
	})
}

func TestExp(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r := seeded(15)
		for _, width := range widths {
			x, y := guarded(t, width, true), guarded(t, width, true)
			random(r, x, 30)
			for i := range x {
				x[i] = min(-x[i]*x[i]/10, 1e-4) // rounding leads beyond 0
			}
			s.Exp(y, x)
			for i, v := range wide(x) {
				within(t, "y", i, y[i], math.Exp(max(v, -87)), 3e-7*math.Exp(max(v, -87)))
			}
			inPlace := slices.Clone(x)
			s.Exp(inPlace, inPlace)
			sameBits(t, "y over x", inPlace, y)
		}
	})
}

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

func TestSoftCrossEntropy(t *testing.T) {
	eachSet(t, func(t *testing.T, s *Set) {
		r := seeded(15)
		for _, classes := range widths {
			for _, size := range []float64{0.1, 5, 1e3, 1e30, 3e38} {
				logits, targets, delta := guarded(t, classes, true), guarded(t, classes, true), guarded(t, classes, true)
				random(r, logits, size)
				random(r, targets, 2/float64(classes))
				for i, v := range targets {
					targets[i] = max(v, 0)
				}
				largest := wide([]float32{slices.Max(logits)})[0]
				var sum, total, want float64
				for i, v := range wide(logits) {
					sum += math.Exp(v - largest)
					total += float64(targets[i])
				}
				for i, v := range wide(logits) {
					want += float64(targets[i]) * (math.Log(sum) + largest - v)
				}
				loss := s.SoftCrossEntropy(delta, logits, targets, 0.25)
				if want > math.MaxFloat32 {
					want = math.Inf(1)
				}
				within(t, "loss", classes, loss, want, 5e-7*(1+want))
				for i, v := range wide(logits) {
					within(t, "delta", i, delta[i], 0.25*(total*math.Exp(v-largest)/sum-float64(targets[i])), 3e-7)
				}
				sameBits(t, "loss without delta", []float32{s.SoftCrossEntropy(nil, logits, targets, 0.25)}, []float32{loss})
				inPlace := slices.Clone(logits)
				s.SoftCrossEntropy(inPlace, inPlace, targets, 0.25)
				sameBits(t, "delta over logits", inPlace, delta)

				clear(targets) // as a single class does
				label := r.IntN(classes)
				targets[label] = 1
				loss = s.SoftCrossEntropy(delta, logits, targets, 0.25)
				hard := guarded(t, classes, true)
				within(t, "loss of one class", classes, loss, float64(s.SoftmaxCrossEntropy(hard, logits, label, 0.25)), 3e-7*(1+math.Abs(float64(loss))))
				for i, v := range wide(hard) {
					within(t, "delta of one class", i, delta[i], v, 2e-7)
				}

				kept := logits[label]
				logits[r.IntN(classes)] = canary
				loss = s.SoftCrossEntropy(delta, logits, targets, 0.25)
				if loss == loss || delta[0] == delta[0] || delta[classes-1] == delta[classes-1] {
					t.Fatalf("%d logits with a NaN give the loss %v and deltas %v", classes, loss, delta)
				}
				random(r, logits, 1)
				logits[label], targets[label] = kept, canary
				if loss = s.SoftCrossEntropy(delta, logits, targets, 0.25); loss == loss {
					t.Fatalf("%d targets with a NaN give the loss %v", classes, loss)
				}
			}
		}
	})
}
