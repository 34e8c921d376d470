package mixer

import (
	"math"

	"mixmas/nn"
	"mixmas/nn/device"
)

func init() {
	Register(Architecture{
		Name: "monarch_mixer", Doc: "Monarch Mixer: tokens and features mixed by products of block-diagonal matrices (Fu et al. 2023).",
		Kinds:   []Kind{Map, Sequence, Text, Tokens},
		Options: func() any { return &MonarchMixerOptions{Width: 128, Depth: 4} },
		New:     newMonarchMixer,
		Needs:   mixerNeeds,
		Suit: func(in Input, rows int) any {
			z, ok := suitMixer(in, rows)
			if !ok {
				return nil
			}
			return &MonarchMixerOptions{Width: z.width, Depth: z.depth, Patch: z.patch}
		},
	})
}

// MonarchMixerOptions are the options of the architecture monarch_mixer.
type MonarchMixerOptions struct {
	Width int `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" doc:"Features per token; a fusion network uses the width of its tokens instead."`
	Depth int `yaml:"depth" json:"depth" jsonschema:"minimum=1,maximum=1000" doc:"Number of blocks."`
	Patch int `yaml:"patch" json:"patch" jsonschema:"minimum=0,maximum=68719476736" doc:"Side of the patches of a map; 0: chosen automatically."`
}

func newMonarchMixer(s *nn.Scope, in Input, given any) (Network, error) {
	o := given.(*MonarchMixerOptions)
	return newEncoder(s, in, o.Width, o.Depth, o.Patch, func(s *nn.Scope, n, d int) (Block, error) {
		return NewMonarchBlock(s, n, d), nil
	})
}

// MonarchBlock mixes tokens, then features, with two Monarch matrices and a learned kernel each (Fu et al. 2023, the M2
// layer): u = M2(relu(Kn ⊙ M1 xᵀ))ᵀ; y = M4 relu(kd ⊙ M3 u); the result is LN(y + u). An axis whose length is not the
// order of a Monarch matrix is padded with zeros before and cut back after.
type MonarchBlock struct {
	m1, m2, m3, m4   *Monarch
	nKernel, dKernel *nn.Parameter
	norm             *nn.LayerNorm
	n, d             int
}

// NewMonarchBlock creates a block that mixes n tokens of d features.
func NewMonarchBlock(s *nn.Scope, n, d int) *MonarchBlock {
	pn, qn := monarchFactors(n)
	pd, qd := monarchFactors(d)
	return &MonarchBlock{n: n, d: d,
		m1: NewMonarch(s.In("m1"), pn, qn), m2: NewMonarch(s.In("m2"), pn, qn),
		m3: NewMonarch(s.In("m3"), pd, qd), m4: NewMonarch(s.In("m4"), pd, qd),
		nKernel: s.Parameter("n_kernel", nn.Normal(1), pd*qd, pn*qn), dKernel: s.Parameter("d_kernel", nn.Normal(1), pd*qd),
		norm: nn.NewLayerNorm(s.In("norm"), d, 1e-5)}
}

// Forward implements [Block]. The mask is not used: the kernel learns the weight of each position.
func (m *MonarchBlock) Forward(g *nn.Graph, x, _ *nn.Value) *nn.Value {
	if len(x.Shape) != 3 || x.Shape[1] != m.n || x.Shape[2] != m.d {
		return g.Fail(x.Shape, "monarch block: the input %v does not have %d tokens of width %d", x.Shape, m.n, m.d)
	}
	b, n, d := x.Shape[0], m.m1.order(), m.m3.order()
	x = g.Pad(g.Pad(x, 2, d), 1, n)

	kernel := g.Transpose(g.Parameter(m.nKernel))
	u := m.m2.Forward(g, g.ReLU(g.Mul(m.m1.Forward(g, x), kernel))) // (b, n, d)

	// The second half has the features first, so that its matrices also multiply from the left.
	features := g.Reshape(g.Permute(u, 2, 0, 1), 1, d, b*n)
	kernel = g.Reshape(g.Parameter(m.dKernel), d, 1)
	y := m.m4.Forward(g, g.ReLU(g.Mul(m.m3.Forward(g, features), kernel)))
	y = g.Permute(g.Reshape(y, d, b, n), 1, 2, 0)

	return m.norm.Forward(g, g.Slice(g.Slice(g.Add(y, u), 1, 0, m.n), 2, 0, m.d))
}

// Monarch is a matrix of order p·q made of block-diagonal factors (Dao et al. 2022). It views a vector as a p×q matrix,
// row-major: L multiplies each of the p rows by its own q×q block, then R each of the q columns by its own p×p block.
type Monarch struct {
	l, r *nn.Parameter
	p, q int
}

// NewMonarch creates L (p, q, q) and R (q, p, p), normal with variance 1/q and 1/p, so that the product keeps the variance.
func NewMonarch(s *nn.Scope, p, q int) *Monarch {
	return &Monarch{p: p, q: q,
		l: s.Parameter("L", nn.Normal(1/math.Sqrt(float64(q))), p, q, q),
		r: s.Parameter("R", nn.Normal(1/math.Sqrt(float64(p))), q, p, p)}
}

func (m *Monarch) order() int { return m.p * m.q }

// Forward records the product with the vectors along the middle axis of x (b, p·q, width).
func (m *Monarch) Forward(g *nn.Graph, x *nn.Value) *nn.Value {
	if len(x.Shape) != 3 || x.Shape[1] != m.order() {
		return g.Fail(x.Shape, "monarch: the middle axis of %v does not have length %d·%d", x.Shape, m.p, m.q)
	}
	b, width := x.Shape[0], x.Shape[2]
	sample := m.order() * width
	// Row i of the p×q view is q consecutive rows of x; column j is every q-th row.
	rows := nn.Layout{LD: width, Stride: [2]int{sample, m.q * width}}
	columns := nn.Layout{LD: m.q * width, Stride: [2]int{sample, width}}
	multiply := func(w *nn.Value, k, blocks int, v *nn.Value, in nn.Layout) *nn.Value {
		return g.StridedMatMul(nn.StridedMatMul{A: nn.Layout{LD: k, Stride: [2]int{0, k * k}}.Of(w), B: in.Of(v), C: in,
			M: k, N: width, K: k, Batch: [2]int{b, blocks}, Shape: x.Shape})
	}
	l, r := g.Parameter(m.l), g.Parameter(m.r)
	op := &device.Monarch{X: x.Buffer(), L: l.Buffer(), R: r.Buffer(), Batch: b, P: m.p, Q: m.q, Width: width}
	return g.Fuse(func() *nn.Value {
		return multiply(r, m.p, m.q, multiply(l, m.q, m.p, x, rows), columns)
	}, func(p device.Parts, y *nn.Value) device.Operation {
		op.Parts, op.Y = p, y.Buffer()
		return op
	}, func(d nn.Gradients) device.Operation {
		return &device.MonarchGrad{Parts: d.Parts, Forward: op, DY: d.DY, DX: d.Of(x), DL: d.Of(l), DR: d.Of(r)}
	})
}

// monarchFactors returns factors p ≤ q ≤ 2p of the smallest order p·q ≥ n that has such factors, with p as large as
// possible.
func monarchFactors(n int) (p, q int) {
	for order := n; ; order++ {
		for p = int(math.Sqrt(float64(order))); order/p <= 2*p; p-- {
			if order%p == 0 {
				return p, order / p
			}
		}
	}
}
