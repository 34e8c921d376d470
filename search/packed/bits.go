package packed

import "math/bits"

// Bits are truth values, 64 to a word. What is behind the last one is 0.
type Bits []uint64

// NewBits makes n values that are false.
func NewBits(n int) Bits { return make(Bits, (n+63)/64) }

// Has reports whether value i is true.
func (b Bits) Has(i int) bool { return b[i/64]>>(i%64)&1 == 1 }

// Set makes value i true.
func (b Bits) Set(i int) { b[i/64] |= 1 << (i % 64) }

// Count is the number of values that are true.
func (b Bits) Count() int {
	n := 0
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// CountBoth is the number of places where both are true. They have the same length.
func (b Bits) CountBoth(other Bits) int {
	n := 0
	other = other[:len(b)]
	for i, word := range b {
		n += bits.OnesCount64(word & other[i])
	}
	return n
}
