package devicetest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"mixmas/nn"
)

// attentions are attentions of odd sizes, and along each axis at the edges.
func attentions(edges []int) []subject {
	list := []subject{attention(3, 5, 7, 4, 3), attention(2, 1, 1, 3, 1), attention(1, 9, 4, 1, 2), attention(2, 17, 33, 16, 2), attention(2, 70, 65, 32, 1)}
	if !slices.Contains(edges, 3071) { // the device is slow
		return list[:4]
	}
	list = append(list, attention(2, 67, 700, 4, 1)) // several blocks of queries and of keys on the CPU
	for _, n := range edges {
		list = append(list, attention(1, 1, n, 3, 1))
		if n <= 20 || n == 257 {
			list = append(list, attention(1, n, 3, 2, 2), attention(1, 3, 2, n, 1), attention(2, n%100, n%100, 4, 1))
		}
	}
	return list
}

// attention has attentions of b samples of n queries to m keys with heads of the given width: with a mask and an operand whose
// gradient is added to another one, with values whose gradient is not needed, and of a value to itself. The first sample is masked
// completely.
func attention(b, n, m, width, heads int) subject {
	s := nn.NewScope()
	d := width * heads
	gain := s.Parameter("gain", nn.Normal(1), d)
	return subject{fmt.Sprintf("attention b=%d n=%d m=%d d=%d heads=%d", b, n, m, d, heads), s.Parameters(), func(r *recording, random *rand.Rand) *nn.Value {
		x, y := r.random("x", random, b, n, d), r.random("y", random, b, m, d)
		r.RequireGradient(x)
		r.RequireGradient(y)
		mask := make([]float32, b*m)
		for i := min(m, (b-1)*m); i < len(mask); i++ {
			mask[i] = float32(random.IntN(3)) / 2 // anything but 0 counts
		}
		keys := r.Mul(y, r.Parameter(gain))
		z := r.Add(r.Attention(x, keys, y, r.input("mask", mask, b, m), heads), x)
		z = r.Add(z, r.Attention(z, keys, r.random("values", random, b, m, d), nil, heads))
		return r.total(random, r.Add(z, r.Attention(z, z, z, nil, heads)))
	}}
}
