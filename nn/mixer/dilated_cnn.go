package mixer

import (
	"math"
	"math/bits"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/options"
)

func init() {
	Register(Architecture{
		Name: "dilated_cnn", Doc: "Residual blocks of dilated convolutions over the steps of a series (van den Oord et al. 2016, Bai et al. 2018).",
		Kinds:   []Kind{Sequence, Text},
		Options: func() any { return &DilatedCNNOptions{Width: 128, Depth: 4, Kernel: 3} },
		New:     newDilatedCNN,
		Suit: func(in Input, rows int) any {
			return &DilatedCNNOptions{Width: suitWidth(rows), Depth: min(max(bits.Len(uint(in.Shape[0]/4)), 1), 6), Kernel: 3}
		},
		Extra: true,
	})
}

// DilatedCNNOptions are the options of the architecture dilated_cnn.
type DilatedCNNOptions struct {
	Width   int     `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" doc:"Features per token."`
	Depth   int     `yaml:"depth" json:"depth" jsonschema:"minimum=1,maximum=1000" doc:"Number of blocks, of two convolutions each. Their dilations are 1, 2, 4, ..., and begin again at 1 before they exceed the sequence."`
	Kernel  int     `yaml:"kernel" json:"kernel" jsonschema:"minimum=1,maximum=68719476736" doc:"Steps of the kernels; odd unless causal."`
	Causal  bool    `yaml:"causal" json:"causal" doc:"Whether a token depends only on its step and those before it."`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout before the second convolution of a block; default: the training's."`
}

// DilatedCNN is an [Encoder] of dilated blocks, whose tokens are zeros at masked steps. It implements [Network].
type DilatedCNN struct{ Network }

func newDilatedCNN(s *nn.Scope, in Input, given any) (Network, error) {
	o := given.(*DilatedCNNOptions)
	if err := in.check(); err != nil {
		return nil, err
	}
	if o.Kernel%2 == 0 && !o.Causal {
		return nil, options.Errorf("kernel", "want an odd number unless causal, got %d", o.Kernel)
	}
	if _, ok := device.Elements(in.Shape[0], o.Kernel); !ok {
		return nil, options.Errorf("kernel", "%d steps, dilated up to the length of the sequence, are more than %d", o.Kernel, device.MaxElements)
	}
	number := 0
	e, err := newEncoder(s, in, o.Width, o.Depth, 0, func(s *nn.Scope, n, d int) (Block, error) {
		dilation := Dilation(number, n)
		number++
		return NewDilatedBlock(s, d, o.Kernel, dilation, o.Causal, o.Dropout), nil
	})
	if err != nil {
		return nil, err
	}
	return &DilatedCNN{e}, nil
}

// Dilation returns the dilation of a block of a [DilatedCNN] for sequences of n steps: 1, 2, 4, ..., and again from 1 on before it is n
// or more.
func Dilation(block, n int) int {
	cycle := max(1, bits.Len(uint(n-1)))
	return 1 << (block % cycle)
}

// Forward implements [Network].
func (m *DilatedCNN) Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	return masked(g, m.Network.Forward(g, x, mask), mask)
}

// masked returns x (b, n, d) with zeros where mask (b, n) is 0; mask may be nil.
func masked(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	if mask == nil {
		return x
	}
	return g.Mul(x, g.Reshape(mask, mask.Shape[0], mask.Shape[1], 1))
}

// DilatedBlock is x + conv2(drop(relu(norm2(conv1(relu(norm1 x)))))) over the steps of a sequence, with layer norms over the features
// of each step and zeros in the place of masked steps before each convolution (Bai et al. 2018, with layer norms before the
// activations instead of weight normalisation).
type DilatedBlock struct {
	norm1, norm2 *nn.LayerNorm
	conv1, conv2 *nn.Linear // weight (d, d, kernel)
	dilation     int
	causal       bool
	dropout      float64
}

// NewDilatedBlock creates a block of d features; the kernel is odd unless the block is causal.
func NewDilatedBlock(s *nn.Scope, d, kernel, dilation int, causal bool, dropout float64) *DilatedBlock {
	conv := func(s *nn.Scope) *nn.Linear {
		return &nn.Linear{Weight: s.Parameter("weight", nn.Normal(math.Sqrt(2/(float64(d)*float64(kernel)))), d, d, kernel),
			Bias: s.Parameter("bias", nn.Constant(0), d)}
	}
	return &DilatedBlock{dilation: dilation, causal: causal, dropout: dropout,
		norm1: nn.NewLayerNorm(s.In("norm1"), d, 1e-5), conv1: conv(s.In("conv1")),
		norm2: nn.NewLayerNorm(s.In("norm2"), d, 1e-5), conv2: conv(s.In("conv2"))}
}

// Forward implements [Block].
func (m *DilatedBlock) Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	h := masked(g, g.ReLU(m.norm1.Forward(g, x)), mask)
	h = m.convolve(g, m.conv1, h, nil)
	h = g.Dropout(masked(g, g.ReLU(m.norm2.Forward(g, h)), mask), m.dropout)
	return m.convolve(g, m.conv2, h, x)
}

// convolve records plus + conv(x); plus may be nil.
func (m *DilatedBlock) convolve(g *nn.Graph, conv *nn.Linear, x, plus *nn.Value) *nn.Value {
	if len(x.Shape) != 3 {
		return g.Fail(x.Shape, "dilated convolution: want a sequence (batch, steps, features), got %v", x.Shape)
	}
	b, n, d := x.Shape[0], x.Shape[1], x.Shape[2]
	kernel := conv.Weight.Shape[2]
	weight := g.Reshape(g.Parameter(conv.Weight), d, d, 1, kernel)
	x = g.Reshape(x, b, 1, n, d)
	reach := m.dilation * (kernel - 1)
	steps := nn.Conv{Dilation: [2]int{1, m.dilation}, Padding: [2]int{0, reach / 2}}
	if m.causal { // what would be after the last step is dropped
		steps.Padding[1] = reach
		y := g.Conv2D(x, weight, g.Parameter(conv.Bias), steps)
		y = g.Reshape(g.Slice(y, 2, 0, n), b, n, d)
		if plus == nil {
			return y
		}
		return g.Add(plus, y)
	}
	if plus != nil {
		plus = g.Reshape(plus, b, 1, n, d)
	}
	return g.Reshape(g.Conv2DWith(x, weight, g.Parameter(conv.Bias), steps, device.Identity, plus), b, n, d)
}
