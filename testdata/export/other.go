package main

import (
	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search/export/exporttest"
)

// other is an encoder of sequences that records what no encoder of ours does: attention with a mask, windows that overlap, a
// convolution, the largest of neighbours, a batch norm of the steps.
type other struct {
	steps, width             int
	depthwise, conv, squared *nn.Parameter
	norm                     *nn.BatchNorm
}

func (o *other) Tokens() int { return o.steps }
func (o *other) Width() int  { return o.width }

func (o *other) Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	b, n, d := x.Shape[0], o.steps, o.width
	x = o.norm.Forward(g, x, 1)
	shares := g.Softmax(g.MatMul(x, g.Transpose(x)), mask)
	x = g.Add(x, g.MatMul(shares, x))
	maps := g.Reshape(x, b, n, 1, d)
	maps = g.DepthwiseConv(maps, g.Parameter(o.depthwise), maps)
	maps = g.PatchConv2D(maps, g.Parameter(o.conv), nil, 1, 1)
	x = g.Add(x, g.GELU(g.Reshape(maps, b, n, d)))
	// The largest of each step and the next one, then sums of two features side by side, by a product with overlapping windows.
	next := g.Pad(g.Slice(x, 1, 1, n), 1, n)
	x = g.Max(g.Concat(0, g.Reshape(x, 1, b, n, d), g.Reshape(next, 1, b, n, d)), 0)
	windows := g.StridedMatMul(nn.StridedMatMul{A: nn.Layout{LD: 2, Stride: [2]int{d, 1}}.Of(x), B: nn.Layout{LD: 1}.Of(g.ConstantOf("ones", nn.Ones, 2, 1)),
		C: nn.Layout{LD: 1, Stride: [2]int{d - 1, 1}}, M: 1, N: 1, K: 2, Batch: [2]int{b * n, d - 1}, Shape: []int{b, n, d - 1}})
	x = g.Concat(2, windows, g.Slice(x, 2, 2, 3))
	return g.Mul(x, g.Activate(g.Parameter(o.squared), device.SquaredReLU))
}

// register adds the encoder, after the cases of all others are made.
func register() {
	mixer.Register(mixer.Architecture{Name: "other_operations", Doc: "Operations that no encoder records.", Kinds: []mixer.Kind{mixer.Sequence},
		Options: func() any { return &struct{}{} },
		New: func(s *nn.Scope, in mixer.Input, _ any) (mixer.Network, error) {
			n, d := in.Shape[0], in.Shape[1]
			return &other{steps: n, width: d, depthwise: s.Parameter("depthwise", nn.Normal(1), d, 1, 3, 3), conv: s.Parameter("conv", nn.Normal(1), d, d, 3, 3),
				squared: s.Parameter("squared", nn.Normal(1), d), norm: nn.NewBatchNorm(s.In("norm"), n)}, nil
		}})
}

// others are the cases of the encoder.
func others() []exporttest.Case {
	register()
	var list []exporttest.Case
	for _, masked := range []bool{false, true} {
		name := "other operations"
		if masked {
			name += ", masked"
		}
		list = append(list, exporttest.New(name, mixer.Specification{Classes: 3, Modalities: []mixer.Modality{
			{Name: "series", Kind: mixer.Sequence, Shape: []int{7, 5}, Masked: masked, Encoder: mixer.Choice{Architecture: "other_operations"}}}}))
	}
	return list
}
