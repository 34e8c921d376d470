package packed

import (
	"maps"
	"math"
	"slices"
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

// A set behaves as a map does, and lists its numbers in order.
func TestSetIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{1, 64, 511, 512, 513, 5000}).Draw(t, "n")
		want := map[int]bool{}
		got := NewSet(n, n)
		for range rapid.IntRange(0, 300).Draw(t, "changes") {
			x := rapid.IntRange(0, n-1).Draw(t, "number")
			if got.Has(x) != want[x] {
				t.Fatalf("has %d: %t, want %t", x, got.Has(x), want[x])
			}
			if rapid.Bool().Draw(t, "add") {
				got.Add(x)
				want[x] = true
			} else {
				got.Remove(x)
				delete(want, x)
			}
		}
		if list := slices.Sorted(maps.Keys(want)); !slices.Equal(got.Append(nil), list) {
			t.Fatalf("lists %v, want %v", got.Append(nil), list)
		}
	})
}

// A set of few numbers stays small however many come and go; a full one takes little more than a bit a number.
func TestSetIsSmall(t *testing.T) {
	const n = 1 << 20
	s := NewSet(n, 10)
	for x := range n {
		s.Add(x)
		if x >= 10 {
			s.Remove(x - 10)
		}
	}
	if len(s.pages) > 10 {
		t.Errorf("%d pages for 10 numbers", len(s.pages))
	}
	s = NewSet(n, n)
	for x := range n {
		s.Add(x)
	}
	if bits := float64(32*len(s.places)+512*cap(s.pages)) / n; bits > 1.1 {
		t.Errorf("%.2f bits a number", bits)
	}
}
