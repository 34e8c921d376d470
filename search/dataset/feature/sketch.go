package feature

import (
	"math"
	"math/bits"
)

// sketch estimates how many different texts it was given (HyperLogLog), to about 1.6%, in 4 KiB.
type sketch [1 << sketchBits]uint8

const sketchBits = 12

func (s *sketch) add(text string) {
	h := hash(text)
	rest := h<<sketchBits | 1<<(sketchBits-1)
	if zeros := uint8(bits.LeadingZeros64(rest)) + 1; zeros > s[h>>(64-sketchBits)] {
		s[h>>(64-sketchBits)] = zeros
	}
}

func (s *sketch) estimate() int {
	sum, empty := 0.0, 0
	for _, zeros := range s {
		sum += math.Ldexp(1, -int(zeros))
		if zeros == 0 {
			empty++
		}
	}
	n := float64(len(s))
	if few := n * math.Log(n/float64(empty)); empty > 0 && few < 2.5*n {
		return int(few + 0.5)
	}
	return int(0.7213/(1+1.079/n)*n*n/sum + 0.5)
}

// hash is FNV-1a, mixed so that all bits depend on all bytes. It is the same in every process: so are decisions.
func hash(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
