package mixer

import (
	"fmt"
	"math"
)

// What the functions Suit of several architectures have in common. docs/defaults.md states the rule and shows the measurements
// that led to it.

// Tokens that a map is cut into, if a divisor of its sides allows.
const fewestTokens, mostTokens = 16, 64

// suitWidth returns the features per token for a number of training rows.
func suitWidth(rows int) int {
	switch {
	case rows < 500:
		return 16
	case rows < 20_000:
		return 32
	}
	return 64
}

// suitDepth returns the number of blocks for a number of training rows.
func suitDepth(rows int) int {
	if rows < 500 {
		return 1
	}
	return 2
}

// suitPatch returns the patch with which a map has the most tokens within the limits, or else the number nearest to them.
// Only divisors of both sides are patches: a map with sides of 16×15 is cut into its 240 cells.
func suitPatch(height, across int) int {
	best, nearest := 1, math.Inf(1)
	for p := 1; p <= min(height, across); p++ {
		if height%p != 0 || across%p != 0 {
			continue
		}
		n := float64(height / p * (across / p))
		if distance := max(n/mostTokens, fewestTokens/n, 1); distance < nearest {
			best, nearest = p, distance
		}
	}
	return best
}

// suitTokens returns the patch that suits an input and its number of tokens.
func suitTokens(in Input) (patch, tokens int) {
	if in.Kind != Map {
		return 0, in.Shape[0]
	}
	patch = suitPatch(in.Shape[1], in.Shape[2])
	return patch, in.Shape[1] / patch * (in.Shape[2] / patch)
}

// manyTokens are more than one block mixes in reasonable time, and tooMany more than any: maps whose sides share no divisor are
// then left to architectures that take any sides.
const manyTokens, tooMany = 256, 1024

// mixerNeeds is what suitMixer asks of an input.
var mixerNeeds = fmt.Sprintf("sides with a common divisor that leaves at most %d tokens", tooMany)

// suitedSizes are the sizes of a mixer that suit an input.
type suitedSizes struct{ width, depth, patch, tokens int }

// suitMixer returns the sizes of a mixer that suit an input and a number of training rows, and reports whether a mixer suits it
// at all. A fusion network has the width of its tokens, and one block.
func suitMixer(in Input, rows int) (s suitedSizes, ok bool) {
	s.patch, s.tokens = suitTokens(in)
	if in.Kind == Map && s.tokens > tooMany && suitRaMLP(in, rows) != nil {
		return s, false
	}
	s.width, s.depth = suitWidth(rows), suitDepth(rows)
	if in.Kind == Tokens {
		s.width = in.Shape[1]
	}
	if in.Kind == Tokens || s.tokens > manyTokens {
		s.depth = 1
	}
	return s, true
}

// suitSquare is suitMixer for blocks with a matrix of tokens by tokens.
func suitSquare(in Input, rows int) (s suitedSizes, ok bool) {
	s, ok = suitMixer(in, rows)
	return s, ok && s.tokens <= tooMany
}

// powerOfTwo returns the largest power of two up to n, within limits that are powers of two.
func powerOfTwo(n, least, most int) int {
	p := least
	for p < most && 2*p <= n {
		p *= 2
	}
	return p
}
