package sample

import (
	"context"
	"math"
	"math/rand/v2"

	"mixmas/search/packed"
)

// Random is the random generator of a sampler: a [rand.Rand] that can also choose some of many rows without listing them all.
type Random struct {
	*rand.Rand
	source *rand.PCG
}

// NewRandom returns the generator of a seed.
func NewRandom(seed uint64) *Random {
	source := rand.NewPCG(seed, 0)
	return &Random{rand.New(source), source}
}

// Choose draws size distinct numbers below n and returns them sorted. It draws the same random numbers as Perm(n), and returns
// the numbers of Perm(n)[:size]. It takes about 8 bytes of memory for each of the size numbers, and at most 2 bits for each of
// the n; if size is far smaller than n, a hundredth of a byte for each of the n.
//
// Perm swaps, for i from n-1 down to 1, the elements at i and at a drawn j ≤ i. So the elements that end below size are found
// by undoing the swaps, last one first: the place where an element began is its value. Undoing a swap with i ≥ size moves the
// element at j to i, where none of them has been yet; swaps below size only change the order. All draws are made once, keeping
// the generator's state at the start of each block of draws, and then made again block by block, from the last to the first.
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
