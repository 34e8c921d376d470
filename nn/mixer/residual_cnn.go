package mixer

import (
	"math"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/options"
)

func init() {
	Register(Architecture{
		Name: "residual_cnn", Doc: "A small residual CNN for pictures and spectrograms, with batch norm (He et al. 2016).",
		Kinds: []Kind{Map},
		Options: func() any {
			return &ResidualCNNOptions{Width: 128, Stages: 3, Blocks: 2, Kernel: 3, Tokens: 64}
		},
		New:   newResidualCNN,
		Suit:  suitResidualCNN,
		Needs: "a map of more than one cell",
		Extra: true,
	})
}

// suitResidualCNN returns stages that double up to twice the width of a mixer's tokens, with a block each for small data and two
// for large data, unless the map has only one cell.
func suitResidualCNN(in Input, rows int) any {
	if in.Shape[1]*in.Shape[2] == 1 {
		return nil
	}
	return &ResidualCNNOptions{Width: 2 * suitWidth(rows), Stages: 3, Blocks: max(1, suitWidth(rows)/32), Kernel: 3, Tokens: mostTokens}
}

// ResidualCNNOptions are the options of the architecture residual_cnn.
type ResidualCNNOptions struct {
	Width   int     `yaml:"width" json:"width" jsonschema:"minimum=1,maximum=68719476736" doc:"Channels of the last stage, the features of the tokens; each stage before has half of those of the next."`
	Stages  int     `yaml:"stages" json:"stages" jsonschema:"minimum=1,maximum=1000" doc:"Number of stages."`
	Blocks  int     `yaml:"blocks" json:"blocks" jsonschema:"minimum=1,maximum=1000" doc:"Blocks of each stage, of two convolutions each."`
	Kernel  int     `yaml:"kernel" json:"kernel" jsonschema:"minimum=1,maximum=68719476736" doc:"Side of the kernels, odd."`
	Tokens  int     `yaml:"tokens" json:"tokens" jsonschema:"minimum=1,maximum=68719476736" doc:"The most cells of the last map: the sides are halved until there are no more, between stages and in the first convolution."`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"Dropout between the convolutions of a block; default: the training's."`
}

// ResidualCNN turns maps (b, channels, H, W) into the cells of its last map as tokens (b, n, d): a convolution, stages of
// pre-activation residual blocks (He et al. 2016, Identity Mappings in Deep Residual Networks), batch norm and ReLU. Maps are
// channels-last inside. It implements [Network].
type ResidualCNN struct {
	stem          *nn.Parameter
	strides       []int // of the stem and of the later stages
	stages        [][]*ResidualBlock
	norm          *nn.BatchNorm
	tokens, width int
}

func newResidualCNN(s *nn.Scope, in Input, given any) (Network, error) {
	o := given.(*ResidualCNNOptions)
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := odd(o.Kernel); err != nil {
		return nil, err
	}
	halvings := halvingsTo(o.Tokens, in.Shape[1], in.Shape[2])
	m := &ResidualCNN{width: o.Width, strides: []int{1 << max(0, halvings-(o.Stages-1))}}
	width := func(stage int) int { return halved(o.Width, o.Stages-1-stage) }
	m.stem = convolutionWeight(s.In("stem"), in.Shape[0], width(0), max(o.Kernel, 2*m.strides[0]-1))
	channels := width(0)
	for i := range o.Stages {
		stride := 1
		if i > 0 {
			if i <= halvings {
				stride = 2
			}
			m.strides = append(m.strides, stride)
		}
		var blocks []*ResidualBlock
		for j := range o.Blocks {
			if err := s.Parameters().Err(); err != nil {
				return nil, err
			}
			blocks = append(blocks, NewResidualBlock(s.In("stages", i, j), channels, width(i), o.Kernel, stride, o.Dropout))
			channels, stride = width(i), 1
		}
		m.stages = append(m.stages, blocks)
	}
	m.norm = nn.NewBatchNorm(s.In("norm"), o.Width)
	m.tokens = halved(in.Shape[1], halvings) * halved(in.Shape[2], halvings)
	return m, nil
}

// odd returns an error unless the side of a kernel has a middle.
func odd(kernel int) error {
	if kernel%2 == 0 {
		return options.Errorf("kernel", "want an odd number, got %d", kernel)
	}
	return nil
}

// halved returns n after a number of halvings, rounded up.
func halved(n, times int) int {
	for range times {
		n = (n + 1) / 2
	}
	return n
}

// halvingsTo returns how often the sides of a map must be halved until it has at most some cells.
func halvingsTo(cells, height, across int) int {
	times := 0
	for height*across > cells {
		height, across = halved(height, 1), halved(across, 1)
		times++
	}
	return times
}

// convolutionWeight creates weight (out, in, kernel, kernel) for a convolution that a ReLU precedes or follows (He et al. 2015).
func convolutionWeight(s *nn.Scope, in, out, kernel int) *nn.Parameter {
	return s.Parameter("weight", nn.Normal(math.Sqrt(2/(float64(in)*float64(kernel)*float64(kernel)))), out, in, kernel, kernel)
}

// Forward implements [Network].
func (m *ResidualCNN) Forward(g *nn.Graph, x, _ *nn.Value) *nn.Value {
	if len(x.Shape) != 4 {
		return g.Fail(x.Shape, "residual_cnn: want maps (batch, channels, height, width), got %v", x.Shape)
	}
	stride, padding := m.strides[0], m.stem.Shape[2]/2
	x = g.Conv2D(g.Permute(x, 0, 2, 3, 1), g.Parameter(m.stem), nil, nn.Conv{Stride: [2]int{stride, stride}, Padding: [2]int{padding, padding}})
	for _, blocks := range m.stages {
		for _, b := range blocks {
			x = b.Forward(g, x)
		}
	}
	x = g.ReLU(m.norm.Forward(g, x, 3))
	return g.Reshape(x, x.Shape[0], m.tokens, m.width)
}

// Strides returns the strides of the first convolution and of the first blocks of the later stages.
func (m *ResidualCNN) Strides() []int { return m.strides }

// Tokens implements [Network].
func (m *ResidualCNN) Tokens() int { return m.tokens }

// Width implements [Network].
func (m *ResidualCNN) Width() int { return m.width }

// ResidualBlock is h = relu(norm1 x); y = shortcut + conv2(drop(relu(norm2(conv1 h)))) on channels-last maps, with batch norms (He
// et al. 2016). The shortcut is x or, where the block changes the maps' size or channels, a convolution of h with a kernel of 1.
// The first convolution has the stride. Dropout is between the convolutions (Zagoruyko and Komodakis 2016).
type ResidualBlock struct {
	norm1, norm2           *nn.BatchNorm
	conv1, conv2, shortcut *nn.Parameter
	kernel, stride         int
	dropout                float64
}

// NewResidualBlock creates a block from in to out channels; the kernel is odd.
func NewResidualBlock(s *nn.Scope, in, out, kernel, stride int, dropout float64) *ResidualBlock {
	b := &ResidualBlock{kernel: kernel, stride: stride, dropout: dropout,
		norm1: nn.NewBatchNorm(s.In("norm1"), in), conv1: convolutionWeight(s.In("conv1"), in, out, kernel),
		norm2: nn.NewBatchNorm(s.In("norm2"), out), conv2: convolutionWeight(s.In("conv2"), out, out, kernel)}
	if in != out || stride > 1 {
		b.shortcut = convolutionWeight(s.In("shortcut"), in, out, 1)
	}
	return b
}

// Forward records the block on maps (b, H, W, in).
func (m *ResidualBlock) Forward(g *nn.Graph, x *nn.Value) *nn.Value {
	stride, padding := [2]int{m.stride, m.stride}, [2]int{m.kernel / 2, m.kernel / 2}
	h := g.ReLU(m.norm1.Forward(g, x, 3))
	if m.shortcut != nil {
		x = g.Conv2D(h, g.Parameter(m.shortcut), nil, nn.Conv{Stride: stride})
	}
	h = g.Conv2D(h, g.Parameter(m.conv1), nil, nn.Conv{Stride: stride, Padding: padding})
	h = g.Dropout(g.ReLU(m.norm2.Forward(g, h, 3)), m.dropout)
	return g.Conv2DWith(h, g.Parameter(m.conv2), nil, nn.Conv{Padding: padding}, device.Identity, x)
}
