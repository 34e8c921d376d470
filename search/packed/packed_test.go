package packed

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// A list behaves as a slice does, whatever the width of its numbers.
func TestListIsASlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		largest := rapid.SampledFrom([]uint32{0, 1, 2, 3, 4, 9, 15, 16, 255, 256, 65535, 65536, math.MaxUint32}).Draw(t, "largest")
		want := make([]uint32, rapid.IntRange(0, 200).Draw(t, "length"))
		got := New(len(want), largest)
		if got.Len() != len(want) {
			t.Fatalf("length %d, want %d", got.Len(), len(want))
		}
		for range rapid.IntRange(0, 400).Draw(t, "writes") {
			if len(want) == 0 {
				break
			}
			i, x := rapid.IntRange(0, len(want)-1).Draw(t, "place"), rapid.Uint32Range(0, largest).Draw(t, "number")
			want[i] = x
			got.Set(i, x)
		}
		for i, x := range want {
			if got.At(i) != x {
				t.Fatalf("number %d of up to %d is %d, want %d", i, largest, got.At(i), x)
			}
		}
	})
}

// Labels of up to 256 classes are a byte each, of up to 16 half of one.
func TestListIsSmall(t *testing.T) {
	for largest, want := range map[uint32]int{1: 1, 9: 4, 15: 4, 16: 8, 255: 8, 256: 16, 1 << 16: 32} {
		const n = 1 << 10
		if bits := 64 * (len(New(n, largest).words) - 1) / n; bits != want {
			t.Errorf("%d bits a number of up to %d, want %d", bits, largest, want)
		}
	}
}
