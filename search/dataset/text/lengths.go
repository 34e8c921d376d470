package text

import (
	"maps"
	"math"
	"math/bits"
	"slices"
)

// exactLength is the largest length that is counted exactly. Above it, lengths whose first seven binary digits are equal are
// counted together.
const exactLength = 4096

// Lengths counts the lengths of texts, in tokens. Its zero value has counted none. Memory is bounded, however many texts there
// are.
type Lengths struct {
	texts  int
	counts map[int]int // by length, or by the largest length of those counted together
}

// Add counts a text of n tokens.
func (l *Lengths) Add(n int) {
	if n > exactLength {
		n |= 1<<(bits.Len(uint(n))-7) - 1
	}
	if l.counts == nil {
		l.counts = map[int]int{}
	}
	l.counts[n]++
	l.texts++
}

// Quantile returns the smallest length that at least the share q of all texts, from 0 to 1, do not exceed. Above 4,096 it may
// be too large by 1/64. Without texts it is 0.
func (l *Lengths) Quantile(q float64) int {
	left := int(math.Ceil(q * float64(l.texts)))
	lengths := slices.Sorted(maps.Keys(l.counts))
	for _, n := range lengths {
		if left -= l.counts[n]; left <= 0 {
			return n
		}
	}
	if len(lengths) == 0 {
		return 0
	}
	return lengths[len(lengths)-1] // q was above 1
}
