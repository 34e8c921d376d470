package sample

import (
	"context"
	"math"
	"math/rand/v2"

	"mixmas/search/packed"
)

// Random is the randomness of a sampler: a [rand.Rand] that can choose rows of many without listing all.
type Random struct {
	*rand.Rand
	source *rand.PCG
}

// NewRandom is the generator of a seed.
func NewRandom(seed uint64) *Random {
	source := rand.NewPCG(seed, 0)
	return &Random{rand.New(source), source}
}

// Choose draws size distinct numbers below n and returns them sorted. It draws the same random numbers as Perm(n), and the
// numbers are those of Perm(n)[:size]. Of memory it takes some 8 bytes for each of size, and at most 2 bits for each of n: where
// size is far smaller, a hundredth of a byte.
//
// Perm swaps, for i from n-1 down to 1, the elements at i and at a drawn j ≤ i. So an element that ends below size is
// found by going through the swaps backwards, from where it ended to where it began, which is its value. Backwards, a swap
// with i ≥ size moves what is at j to i, where nothing has been yet; and swaps below size only change the order. The draws
// are made once in a block at a time, of which each keeps the generator's state, and again block by block from the last.
func (r *Random) Choose(ctx context.Context, n, size int) ([]int, error) {
	block := max(1<<10, int(math.Sqrt(float64(n))))
	var states []rand.PCG // before the draws for i from n-1-k·block on, down to size
	for i := n - 1; i > 0; i-- {
		if done := n - 1 - i; done%block == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if i >= size {
				states = append(states, *r.source)
			}
		}
		r.IntN(i + 1)
	}
	end := *r.source
	defer func() { *r.source = end }()

	chosen := packed.NewSet(n, size)
	for i := range size {
		chosen.Add(i)
	}
	partners := make([]int, 0, min(block, n))
	for k := len(states) - 1; k >= 0; k-- {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		*r.source, partners = states[k], partners[:0]
		first := n - 1 - k*block
		last := max(first-block+1, size, 1)
		for i := first; i >= last; i-- {
			partners = append(partners, r.IntN(i+1))
		}
		for i := last; i <= first; i++ {
			if j := partners[first-i]; chosen.Has(j) {
				chosen.Remove(j)
				chosen.Add(i)
			}
		}
	}
	return chosen.Append(make([]int, 0, size)), nil
}
