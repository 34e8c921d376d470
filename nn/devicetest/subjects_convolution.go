package devicetest

import (
	"fmt"
	"math/rand/v2"

	"mixmas/nn"
	"mixmas/nn/device"
)

// convolutions are convolutions of odd sizes, and with maps, channels and results at the edges.
func convolutions(edges []int) []subject {
	same := nn.SamePadding([2]int{3, 3}, [2]int{1, 1})
	list := []subject{
		convolution(2, 5, 7, 3, 4, 3, 3, same), convolution(3, 1, 1, 5, 6, 3, 3, same), convolution(1, 9, 8, 16, 20, 3, 3, same),
		convolution(2, 9, 8, 4, 3, 3, 2, nn.Conv{Stride: [2]int{2, 3}, Padding: [2]int{1, 0}}),
		convolution(2, 6, 5, 1, 7, 2, 3, nn.Conv{Dilation: [2]int{3, 1}, Padding: [2]int{0, 4}}),
		convolution(1, 1, 5, 32, 3, 1, 3, nn.SamePadding([2]int{1, 3}, [2]int{1, 8})), // a dilation beyond the sequence
		convolution(2, 5, 6, 6, 5, 1, 1, nn.Conv{Stride: [2]int{2, 2}}), convolution(2, 4, 3, 5, 6, 1, 1, nn.Conv{}),
	}
	for _, n := range edges {
		if n < 1000 {
			list = append(list, convolution(1, 1, n, 2, 3, 1, 3, nn.SamePadding([2]int{1, 3}, [2]int{1, 2})), convolution(1, 2, 3, n, 2, 3, 3, same), convolution(1, 3, 2, 2, n, 3, 3, same), convolution(1, n, 2, 1, 2, 3, 3, same))
		}
	}
	return list
}

// convolution has convolutions of b maps with a kernel of kh×kw: one with a bias and an activation to which something is added, of
// an input that another operation uses, and one of the same weight.
func convolution(b, height, width, in, out, kh, kw int, c nn.Conv) subject {
	s := nn.NewScope()
	weight, bias := s.Parameter("weight", nn.FanIn(in*kh*kw), out, in, kh, kw), s.Parameter("bias", nn.Normal(1), out)
	return subject{fmt.Sprintf("convolution %d×%d×%d×%d to %d kernel %d×%d %v", b, height, width, in, out, kh, kw, c), s.Parameters(),
		func(r *recording, random *rand.Rand) *nn.Value {
			x := r.random("x", random, b, height, width, in)
			r.RequireGradient(x)
			w := r.Parameter(weight)
			y := r.Conv2D(r.Scale(x, 0.5), w, nil, c)
			y = r.Conv2DWith(x, w, r.Parameter(bias), c, device.GELU, y)
			return r.Add(r.total(random, y), r.total(random, x))
		}}
}
