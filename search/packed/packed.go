// Package packed keeps lists and sets of small integers in little memory: truth values, labels, sets of rows.
package packed

import "math/bits"

// List is a list of integers of 1, 2, 4, 8, 16 or 32 bits each. Several goroutines may read it, but not write to it, because
// neighbours share a word.
type List struct {
	words  []uint64
	len    int
	shift  uint   // log₂ of the bits per number
	within uint   // log₂ of the numbers per word
	mask   uint64 // the bits of one number
}

// New makes a list of n zeros that holds numbers from 0 to largest.
func New(n int, largest uint32) List {
	shift := uint(bits.Len(uint(max(bits.Len32(largest), 1) - 1)))
	within := 6 - shift
	return List{words: make([]uint64, n>>within+1), len: n, shift: shift, within: within, mask: 1<<(1<<shift) - 1}
}

// Len is the number of numbers.
func (l List) Len() int { return l.len }

// At is number i.
func (l List) At(i int) uint32 {
	return uint32(l.words[i>>l.within] >> (uint(i) << l.shift & 63) & l.mask)
}

// Set sets number i to x. Bits of x above those of the list's largest number are lost.
func (l List) Set(i int, x uint32) {
	word, place := &l.words[i>>l.within], uint(i)<<l.shift&63
	*word = *word&^(l.mask<<place) | (uint64(x)&l.mask)<<place
}
