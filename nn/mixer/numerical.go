package mixer

import (
	"math"
	"math/rand/v2"

	"mixmas/nn"
)

// PiecewiseLinear turns each number x of a table into bins: component k is z = slope_k x + offset_k, cut to 0 to 1, but of the first
// bin not from below, and of the last not from above (Gorishniy et al. 2022). So it is 0 below the bin, 1 above it, and the
// place of x in between. The bins are trained, unlike those of the publication. They begin with the quantiles of
// the standard normal distribution: numbers of tables are standardised. It maps (b, f) to (b, f bins).
type PiecewiseLinear struct {
	slope, offset *nn.Parameter
	bins          int
}

// NewPiecewiseLinear creates slope and offset (f, bins).
func NewPiecewiseLinear(s *nn.Scope, f, bins int) *PiecewiseLinear {
	edges := normalEdges(bins)
	fill := func(of func(from, to float64) float64) nn.Initialiser {
		return func(data []float32, _ *rand.Rand) {
			for i := range data {
				data[i] = float32(of(edges[i%bins], edges[i%bins+1]))
			}
		}
	}
	return &PiecewiseLinear{bins: bins,
		slope:  s.Parameter("slope", fill(func(from, to float64) float64 { return 1 / (to - from) }), f, bins),
		offset: s.Parameter("offset", fill(func(from, to float64) float64 { return -from / (to - from) }), f, bins)}
}

// normalEdges are the edges of bins that are equally probable for standard normal numbers, but for the outer ones, which end where a
// bin of half their probability would begin.
func normalEdges(bins int) []float64 {
	edges := make([]float64, bins+1)
	for i := range edges {
		p := min(max(float64(i), 0.5), float64(bins)-0.5) / float64(bins)
		edges[i] = math.Sqrt2 * math.Erfinv(2*p-1)
	}
	if bins == 1 { // both edges would be the median
		edges[0], edges[1] = -1, 1
	}
	return edges
}

// Forward records the embedding of x (b, f).
func (p *PiecewiseLinear) Forward(g *nn.Graph, x *nn.Value) *nn.Value {
	if len(x.Shape) != 2 || x.Shape[1] != p.slope.Shape[0] {
		return g.Fail(x.Shape, "piecewise linear embedding: want rows of %d numbers, got %v", p.slope.Shape[0], x.Shape)
	}
	b, f := x.Shape[0], x.Shape[1]
	z := g.Add(g.Mul(g.Reshape(x, b, f, 1), g.Parameter(p.slope)), g.Parameter(p.offset))
	if p.bins > 1 {
		minus := func(from, to int) *nn.Value { // -1 for some bins, 0 for the others
			return g.ConstantOf("bins", func(data []float32) {
				for i := from; i < to; i++ {
					data[i] = -1
				}
			}, p.bins)
		}
		below, above := g.ReLU(g.Scale(z, -1)), g.ReLU(g.Add(z, g.Constant("minus one", []float32{-1}, 1)))
		z = g.Add(g.ReLU(z), g.Add(g.Mul(below, minus(0, 1)), g.Mul(above, minus(0, p.bins-1))))
	}
	return g.Reshape(z, b, f*p.bins)
}
