package packed

import (
	"testing"

	"pgregory.net/rapid"
)

// Bits behave as a slice of truth values does.
func TestBitsAreASlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 200).Draw(t, "n")
		var lists [2][]bool
		var bits [2]Bits
		for i := range lists {
			lists[i], bits[i] = rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "values"), NewBits(n)
			for place, x := range lists[i] {
				if x {
					bits[i].Set(place)
				}
			}
		}
		count, both := 0, 0
		for place, x := range lists[0] {
			if bits[0].Has(place) != x {
				t.Fatalf("value %d is %t, want %t", place, !x, x)
			}
			if x {
				count++
			}
			if x && lists[1][place] {
				both++
			}
		}
		if bits[0].Count() != count || bits[0].CountBoth(bits[1]) != both {
			t.Fatalf("%d are true, %d in both; want %d, %d", bits[0].Count(), bits[0].CountBoth(bits[1]), count, both)
		}
	})
}
