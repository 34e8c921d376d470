package mixer

import (
	"cmp"
	"math"

	"mixmas/nn"
)

func init() {
	RegisterLayer(LayerKind{
		Name: "conv", Doc: "A convolution of a map, or over the steps of a sequence, with zeros around it: each side is divided by the stride, rounded up.",
		Takes:   []Kind{Map, Sequence},
		Options: func() any { return &ConvLayer{Kernel: 3, Stride: 1, Dilation: 1, Bias: true} },
		New:     newConvLayer,
	})
	RegisterLayer(LayerKind{
		Name: "residual_block", Doc: "The block of residual_cnn: two convolutions behind batch norms, added to what it gets or, where the shape changes, to a convolution of it (He et al. 2016).",
		Takes:   []Kind{Map},
		Options: func() any { return &ResidualBlockLayer{Kernel: 3, Stride: 1} },
		New: func(s *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
			o := given.(*ResidualBlockLayer)
			if err := odd(o.Kernel); err != nil {
				return nil, in, err
			}
			channels := cmp.Or(o.Channels, in.features())
			b := NewResidualBlock(s, in.features(), channels, o.Kernel, o.Stride, o.Dropout)
			return func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value) { return b.Forward(g, x), mask }, in.strided(channels, o.Stride), nil
		},
	})
}

// ConvLayer are the options of the layer conv.
type ConvLayer struct {
	Channels int  `yaml:"channels" json:"channels" jsonschema:"minimum=0,maximum=68719476736" short:"true" doc:"Channels of the result, or features of its steps; 0: as many as it gets."`
	Kernel   int  `yaml:"kernel" json:"kernel" jsonschema:"minimum=1,maximum=1000" doc:"Side of the kernel, odd."`
	Stride   int  `yaml:"stride" json:"stride" jsonschema:"minimum=1,maximum=1000" doc:"Steps from one place of the kernel to the next."`
	Dilation int  `yaml:"dilation" json:"dilation" jsonschema:"minimum=1,maximum=1000000" doc:"Steps from one element of the kernel to the next."`
	Bias     bool `yaml:"bias" json:"bias" doc:"Whether it has a bias; a norm behind it needs none."`
}

// ResidualBlockLayer are the options of the layer residual_block.
type ResidualBlockLayer struct {
	Channels int     `yaml:"channels" json:"channels" jsonschema:"minimum=0,maximum=68719476736" short:"true" doc:"Channels of the result; 0: as many as it gets."`
	Kernel   int     `yaml:"kernel" json:"kernel" jsonschema:"minimum=1,maximum=1000" doc:"Side of the kernels, odd."`
	Stride   int     `yaml:"stride" json:"stride" jsonschema:"minimum=1,maximum=1000" doc:"Steps from one place of the first kernel to the next."`
	Dropout  float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" doc:"Dropout between the convolutions."`
}

// strided returns the map or sequence that a convolution of it with a stride gives.
func (in Input) strided(channels, stride int) Input {
	out := in.with(channels)
	for i := range out.Shape {
		if (i == 0) != (in.Kind == Map) { // the sides of a map, the steps of a sequence
			out.Shape[i] = (out.Shape[i] + stride - 1) / stride
		}
	}
	return out
}

// newConvLayer creates weight (out, in, kernel, kernel), or (out, in, kernel) over steps, and bias (out).
func newConvLayer(s *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
	o := given.(*ConvLayer)
	if err := odd(o.Kernel); err != nil {
		return nil, in, err
	}
	channels, features, k := cmp.Or(o.Channels, in.features()), in.features(), o.Kernel
	out := in.strided(channels, o.Stride)
	bias := func() *nn.Parameter {
		if !o.Bias {
			return nil
		}
		return s.Parameter("bias", nn.Constant(0), channels)
	}
	reach := o.Dilation * (k / 2)
	if in.Kind == Map {
		weight, bias := convolutionWeight(s, features, channels, k), bias()
		c := nn.Conv{Stride: [2]int{o.Stride, o.Stride}, Padding: [2]int{reach, reach}, Dilation: [2]int{o.Dilation, o.Dilation}}
		return func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value) {
			return g.Conv2D(x, g.Parameter(weight), optionalParameter(g, bias), c), mask
		}, out, nil
	}
	weight := s.Parameter("weight", nn.Normal(math.Sqrt(2/(float64(features)*float64(k)))), channels, features, k)
	b := bias()
	c := nn.Conv{Stride: [2]int{1, o.Stride}, Padding: [2]int{0, reach}, Dilation: [2]int{1, o.Dilation}}
	return func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value) {
		x = masked(g, x, mask)
		y = g.Conv2D(g.Reshape(x, x.Shape[0], 1, in.Shape[0], features), g.Reshape(g.Parameter(weight), channels, features, 1, k), optionalParameter(g, b), c)
		return g.Reshape(y, x.Shape[0], out.Shape[0], channels), everyOther(g, mask, o.Stride)
	}, out, nil
}

// optionalParameter is the value of a parameter, nil if there is none.
func optionalParameter(g *nn.Graph, p *nn.Parameter) *nn.Value {
	if p == nil {
		return nil
	}
	return g.Parameter(p)
}

// everyOther returns the elements 0, stride, 2 stride, ... of a mask (b, n), which may be nil: those at the middle of a kernel.
func everyOther(g *nn.Graph, mask *nn.Value, stride int) *nn.Value {
	if mask == nil || stride == 1 {
		return mask
	}
	b, n := mask.Shape[0], (mask.Shape[1]+stride-1)/stride
	mask = g.Reshape(g.Pad(mask, 1, n*stride), b, n, stride)
	return g.Reshape(g.Slice(mask, 2, 0, 1), b, n)
}
