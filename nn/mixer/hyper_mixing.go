package mixer

import (
	"math"

	"mixmas/nn"
	"mixmas/nn/device"
)

// HyperMixing mixes tokens with an MLP that is generated from them (Mai et al. 2023). Each of h heads has d/h features of
// x and generates W1 = hyper1(x + P) and W2 = hyper2(x + P), both n×(t/h), row by row with a bias-free MLP
// d/h → d/h → t/h; P are sinusoidal positions. The result is LN(concat over heads of W2 gelu(W1ᵀ x)).
type HyperMixing struct {
	generators [2]generator // of W1 and W2; the same one if tied
	tied       bool
	norm       *nn.LayerNorm
	heads      int
	d, t       int
}

// generator is the MLP of each head: fc1 (h, d/h, d/h) and fc2 (h, t/h, d/h).
type generator struct{ fc1, fc2 *nn.Parameter }

// NewHyperMixing creates w1_fc1, w1_fc2, and w2_fc1, w2_fc2 unless tied, uniform after Glorot with gain √2, and norm. heads
// must divide d and t.
func NewHyperMixing(s *nn.Scope, d, t, heads int, tied bool) *HyperMixing {
	m := &HyperMixing{tied: tied, heads: heads, d: d, t: t}
	dk, tk := d/heads, t/heads
	layer := func(name string, out int) *nn.Parameter {
		return s.Parameter(name, nn.Uniform(math.Sqrt2*math.Sqrt(6/float64(out+dk))), heads, out, dk)
	}
	for i, name := range []string{"w1", "w2"} {
		if i == 1 && tied {
			m.generators[1] = m.generators[0]
			continue
		}
		m.generators[i] = generator{fc1: layer(name+"_fc1", dk), fc2: layer(name+"_fc2", tk)}
	}
	m.norm = nn.NewLayerNorm(s.In("norm"), d, 1e-5)
	return m
}

// Forward records the mixing of x (b, n, d). mask is nil or marks real tokens (b, n): the others are zeroed in x, W1 and
// W2, and a sample without any is mixed to zeros, which the norm turns into its bias. Without a mask, everything except the norm
// is one composite.
func (m *HyperMixing) Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	if len(x.Shape) != 3 || x.Shape[2] != m.d {
		return g.Fail(x.Shape, "hyper mixing: the input %v does not have the width %d", x.Shape, m.d)
	}
	b, n := x.Shape[0], x.Shape[1]
	if mask != nil {
		mask = g.Reshape(mask, b, n, 1)
		x = g.Mul(x, mask)
	}
	positions := g.ConstantOf("positions", func(p []float32) { sinusoid(p, m.d) }, n, m.d)
	if mask != nil {
		w := m.generate(g, g.Add(x, positions), mask)
		_, z := m.apply(g, x, w[0].weights, w[1].weights)
		return m.norm.Forward(g, z)
	}
	op := &device.HyperMixing{Batch: b, Tokens: n, Width: m.d, Hidden: m.t, Heads: m.heads, Tied: m.tied,
		X: x.Buffer(), Positions: positions.Buffer()}
	var positioned *nn.Value
	var w [2]generated
	z := g.Fuse(func() *nn.Value {
		positioned = g.Add(x, positions)
		w = m.generate(g, positioned, nil)
		return m.fusedApply(g, x, w[0].weights, w[1].weights)
	}, func(p device.Parts, z *nn.Value) device.Operation {
		op.Parts, op.Positioned, op.Z = p, positioned.Buffer(), z.Buffer()
		for i, w := range w {
			op.FC1[i], op.FC2[i] = w.fc1.Buffer(), w.fc2.Buffer()
			op.Pre[i], op.Inner[i], op.Weights[i] = w.inner.Kept(), w.inner.Buffer(), w.weights.Buffer()
		}
		return op
	}, func(d nn.Gradients) device.Operation {
		back := &device.HyperMixingGrad{Parts: d.Parts, Forward: op, DZ: d.DY, DX: d.Of(x)}
		for i, w := range w {
			if i == 0 || !m.tied {
				back.DFC1[i], back.DFC2[i] = d.Of(w.fc1), d.Of(w.fc2)
			}
		}
		return back
	})
	return m.norm.Forward(g, z)
}

// generated holds the values of a generator: its weights, its hidden layer, and the weights that it generates.
type generated struct{ fc1, fc2, inner, weights *nn.Value }

// generate records the generators on all tokens and heads of x (b, n, d) at once: W1 and W2 (b, n, t), which are the same
// if tied. mask is nil or (b, n, 1).
func (m *HyperMixing) generate(g *nn.Graph, x, mask *nn.Value) (w [2]generated) {
	b, n, dk, tk := x.Shape[0], x.Shape[1], m.d/m.heads, m.t/m.heads
	layer := func(x, weight *nn.Value, out int, activation device.Activation) *nn.Value {
		return g.StridedMatMul(nn.StridedMatMul{
			A: nn.Layout{LD: m.d, Stride: [2]int{0, dk}}.Of(x),
			B: nn.Layout{LD: dk, Stride: [2]int{0, out * dk}}.Of(weight).Transposed(),
			C: nn.Layout{LD: m.heads * out, Stride: [2]int{0, out}},
			M: b * n, N: out, K: dk, Batch: [2]int{1, m.heads}, Activation: activation, Shape: []int{b, n, m.heads * out}})
	}
	for i, from := range m.generators {
		if i == 1 && m.tied {
			w[1] = w[0]
			break
		}
		v := generated{fc1: g.Parameter(from.fc1)}
		v.inner = layer(x, v.fc1, dk, device.GELU)
		v.fc2 = g.Parameter(from.fc2)
		v.weights = layer(v.inner, v.fc2, tk, device.Identity)
		if mask != nil {
			v.weights = g.Mul(v.weights, mask)
		}
		w[i] = v
	}
	return w
}

// apply records W2 gelu(W1ᵀ x) for each sample and head of x (b, n, d).
func (m *HyperMixing) apply(g *nn.Graph, x, w1, w2 *nn.Value) (hidden, z *nn.Value) {
	b, n, dk, tk := x.Shape[0], x.Shape[1], m.d/m.heads, m.t/m.heads
	// The matrix of sample i and head j begins at i·n·d + j·d/h in x, and correspondingly in W1 and W2.
	inX, inW := nn.Layout{LD: m.d, Stride: [2]int{n * m.d, dk}}, nn.Layout{LD: m.t, Stride: [2]int{n * m.t, tk}}
	inHidden := nn.Layout{LD: tk, Stride: [2]int{m.heads * dk * tk, dk * tk}}
	each := [2]int{b, m.heads}
	hidden = g.StridedMatMul(nn.StridedMatMul{A: inX.Of(x).Transposed(), B: inW.Of(w1), C: inHidden,
		M: dk, N: tk, K: n, Batch: each, Activation: device.GELU, Shape: []int{b, m.heads, dk, tk}})
	return hidden, g.StridedMatMul(nn.StridedMatMul{A: inW.Of(w2), B: inHidden.Of(hidden).Transposed(), C: inX,
		M: n, N: dk, K: tk, Batch: each, Shape: x.Shape})
}

// fusedApply records apply as a composite.
func (m *HyperMixing) fusedApply(g *nn.Graph, x, w1, w2 *nn.Value) *nn.Value {
	op := &device.GeneratedMLP{X: x.Buffer(), W1: w1.Buffer(), W2: w2.Buffer(),
		Batch: x.Shape[0], Tokens: x.Shape[1], Width: m.d, Hidden: m.t, Heads: m.heads}
	var hidden *nn.Value
	return g.Fuse(func() (z *nn.Value) {
		hidden, z = m.apply(g, x, w1, w2)
		return z
	}, func(p device.Parts, z *nn.Value) device.Operation {
		op.Parts, op.Pre, op.Inner, op.Z = p, hidden.Kept(), hidden.Buffer(), z.Buffer()
		return op
	}, func(d nn.Gradients) device.Operation {
		return &device.GeneratedMLPGrad{Parts: d.Parts, Forward: op, DZ: d.DY, DX: d.Of(x), DW1: d.Of(w1), DW2: d.Of(w2)}
	})
}

// sinusoid writes the positions p (n, d) of Vaswani et al. 2017: sine on even features and cosine on odd ones, with
// wavelengths 2π·10000^(2k/d).
func sinusoid(p []float32, d int) {
	for i := range len(p) / d {
		for k := 0; k < d; k += 2 {
			sin, cos := math.Sincos(float64(i) / math.Pow(10000, float64(k)/float64(d)))
			p[i*d+k] = float32(sin)
			if k+1 < d {
				p[i*d+k+1] = float32(cos)
			}
		}
	}
}
