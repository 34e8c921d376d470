package augment

import (
	"slices"
	"testing"
)

// Noise that is added to many numbers is that which single draws give, whatever was drawn before and is drawn after.
func TestAddedNoiseIsDrawn(t *testing.T) {
	for before := range 5 {
		for n := range 11 {
			one, many := NewDraw(1, 2, 3, 4), NewDraw(1, 2, 3, 4)
			for range before {
				one.word()
				many.word()
			}
			want, got := make([]float32, n), make([]float32, n)
			for i := range want {
				want[i] += float32(0.3 * one.Noise())
			}
			many.addNoise(got, 0.3)
			if !slices.Equal(got, want) || one.word() != many.word() {
				t.Errorf("%d numbers after %d words: %v, want %v", n, before, got, want)
			}
		}
	}
}
