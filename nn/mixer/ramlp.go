package mixer

import (
	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/options"
)

func init() {
	Register(Architecture{
		Name: "ramlp", Doc: "RaMLP: a pyramid of four stages that mixes dilated regions of a map (Lai et al. 2023).",
		Kinds: []Kind{Map},
		Options: func() any {
			return &RaMLPOptions{Depths: []int{3, 3, 9, 3}, Dims: []int{64, 128, 256, 512}, MLPRatio: []int{4, 4, 3, 3},
				Expansion: []int{3, 3, 2, 2}, Group: []int{1, 4, 16, 64}}
		},
		New:  newRaMLP,
		Suit: suitRaMLP, Needs: "a map that has more than one cell after a stride of 4",
	})
}

// suitRaMLP returns stages of one block as long as the map has more than one cell, at most three. Their widths double up to
// that of the tokens.
func suitRaMLP(in Input, rows int) any {
	o := &RaMLPOptions{}
	height, width := in.Shape[1], in.Shape[2]
	for _, sampling := range []down{{kernel: 7, stride: 4, padding: 2}, {kernel: 3, stride: 2, padding: 1}, {kernel: 3, stride: 2, padding: 1}} {
		if height, width = sampling.side(height), sampling.side(width); height < 1 || width < 1 || height*width < 2 {
			break
		}
		o.Depths, o.Dims = append(o.Depths, 1), append(o.Dims, 0)
		o.MLPRatio, o.Expansion, o.Group = append(o.MLPRatio, 2), append(o.Expansion, 2), append(o.Group, 1)
	}
	if len(o.Dims) == 0 {
		return nil
	}
	d := 2 * suitWidth(rows)
	for i := len(o.Dims) - 1; i >= 0; i-- {
		o.Dims[i], d = d, d/2
	}
	return o
}

// RaMLPOptions are the options of the architecture ramlp, each with one number per stage.
type RaMLPOptions struct {
	Depths    []int `yaml:"depths" json:"depths" jsonschema:"minimum=1,maximum=1000" doc:"Blocks of each stage."`
	Dims      []int `yaml:"dims" json:"dims" jsonschema:"minimum=1,maximum=68719476736" doc:"Features of each stage; the last are those of the tokens."`
	MLPRatio  []int `yaml:"mlp_ratio" json:"mlp_ratio" jsonschema:"minimum=1,maximum=68719476736" doc:"Hidden width of each stage's MLP over features, in multiples of its features."`
	Expansion []int `yaml:"expansion" json:"expansion" jsonschema:"minimum=1,maximum=68719476736" doc:"Width of each stage's region mixing, in multiples of its features."`
	Region    []int `yaml:"region" json:"region" jsonschema:"minimum=1,maximum=68719476736" doc:"Side of each stage's regions, a divisor of its map's sides; empty: chosen automatically."`
	Group     []int `yaml:"group" json:"group" jsonschema:"minimum=1,maximum=68719476736" doc:"Channels that each stage's regions mix together."`
}

// RaMLP turns maps (b, channels, H, W) into the cells of its last map as tokens (b, n, d) (Lai et al. 2023). Maps are
// channels-last inside. It implements [Network].
type RaMLP struct {
	down          []*down
	stages        [][]*RaMLPBlock
	norm          *nn.LayerNorm
	tokens, width int
}

// ramlpEps is the eps of RaMLP's layer norms, and truncated initialises its weights.
const ramlpEps = 1e-6

var truncated = nn.TruncatedNormal(0.02)

// newRaMLP requires options with the same number of stages in every list.
func newRaMLP(s *nn.Scope, in Input, given any) (Network, error) {
	o := given.(*RaMLPOptions)
	if err := in.check(); err != nil {
		return nil, err
	}
	stages := len(o.Dims)
	if stages == 0 {
		return nil, options.Errorf("dims", "want at least one stage")
	}
	for _, list := range []struct {
		name   string
		values []int
	}{{"depths", o.Depths}, {"dims", o.Dims}, {"mlp_ratio", o.MLPRatio}, {"expansion", o.Expansion}, {"region", o.Region}, {"group", o.Group}} {
		if len(list.values) != stages && !(list.name == "region" && len(list.values) == 0) {
			return nil, options.Errorf(list.name, "want one number for each of the %d stages of dims, got %v", stages, list.values)
		}
	}
	m := &RaMLP{}
	channels, height, width := in.Shape[0], in.Shape[1], in.Shape[2]
	for i, d := range o.Dims {
		sampling := &down{kernel: 3, stride: 2, padding: 1, normFirst: true}
		if i == 0 {
			sampling = &down{kernel: 7, stride: 4, padding: 2}
		}
		sampling.create(s.In("down", i), channels, d)
		channels, height, width = d, sampling.side(height), sampling.side(width)
		if height < 1 || width < 1 {
			return nil, options.Errorf("dims", "maps of %d×%d are too small for %d stages", in.Shape[1], in.Shape[2], stages)
		}
		region := defaultRegion(height, width)
		if i == stages-1 {
			region = 1
		}
		if len(o.Region) > 0 {
			region = o.Region[i]
		}
		if height%region != 0 || width%region != 0 {
			return nil, options.Errorf("region", "%d of stage %d does not divide its map of %d×%d", region, i+1, height, width)
		}
		for _, o := range []struct {
			name  string
			sizes []int
		}{{"mlp_ratio", []int{o.MLPRatio[i], d}}, {"expansion", []int{o.Expansion[i], d}}, {"group", []int{o.Group[i], region, region}}} {
			if _, ok := device.Elements(o.sizes...); !ok {
				return nil, options.Errorf(o.name, "a layer of stage %d would be more than %d wide, the product of %v",
					i+1, device.MaxElements, o.sizes)
			}
		}
		if o.Expansion[i]*d%o.Group[i] != 0 {
			return nil, options.Errorf("group", "%d of stage %d does not divide its %d·%d expanded features", o.Group[i], i+1, o.Expansion[i], d)
		}
		var blocks []*RaMLPBlock
		for j := range o.Depths[i] {
			if err := s.Parameters().Err(); err != nil {
				return nil, err
			}
			blocks = append(blocks, NewRaMLPBlock(s.In("stages", i, j), d, o.MLPRatio[i], o.Expansion[i], region, o.Group[i], i >= 2))
		}
		m.down, m.stages = append(m.down, sampling), append(m.stages, blocks)
	}
	m.tokens, m.width = height*width, channels
	m.norm = nn.NewLayerNorm(s.In("norm"), channels, ramlpEps)
	return m, nil
}

// defaultRegion returns the largest side up to 7 that divides both sides of a map. With regions of 1 in the last stage,
// this gives the published 7, 4, 2, 1 for 28×28 inputs and 7, 7, 7, 1 for 112×112.
func defaultRegion(height, width int) int {
	for k := 7; k > 1; k-- {
		if height%k == 0 && width%k == 0 {
			return k
		}
	}
	return 1
}

// Forward implements [Network].
func (m *RaMLP) Forward(g *nn.Graph, x, _ *nn.Value) *nn.Value {
	if len(x.Shape) != 4 {
		return g.Fail(x.Shape, "ramlp: want maps (batch, channels, height, width), got %v", x.Shape)
	}
	x = g.Permute(x, 0, 2, 3, 1)
	for i, blocks := range m.stages {
		x = m.down[i].Forward(g, x)
		for _, b := range blocks {
			x = b.Forward(g, x)
		}
	}
	return m.norm.Forward(g, g.Reshape(x, x.Shape[0], m.tokens, m.width))
}

// Tokens implements [Network].
func (m *RaMLP) Tokens() int { return m.tokens }

// Width implements [Network].
func (m *RaMLP) Width() int { return m.width }

// down is a strided convolution between channels-last maps, with a layer norm before or after it.
type down struct {
	kernel, stride, padding int
	normFirst               bool
	norm                    *nn.LayerNorm
	conv                    nn.Linear // weight (out, in, k, k)
}

func (l *down) create(s *nn.Scope, in, out int) {
	normed := out
	if l.normFirst {
		normed = in
	}
	l.norm = nn.NewLayerNorm(s.In("norm"), normed, ramlpEps)
	conv := s.In("conv")
	l.conv = nn.Linear{Weight: conv.Parameter("weight", truncated, out, in, l.kernel, l.kernel),
		Bias: conv.Parameter("bias", nn.Constant(0), out)}
}

// side returns the length of a map's side after the convolution, below 1 if the map is too small.
func (l *down) side(n int) int {
	if n+2*l.padding < l.kernel {
		return 0
	}
	return (n+2*l.padding-l.kernel)/l.stride + 1
}

func (l *down) Forward(g *nn.Graph, x *nn.Value) *nn.Value {
	if l.normFirst {
		x = l.norm.Forward(g, x)
	}
	x = g.PatchConv2D(x, g.Parameter(l.conv.Weight), g.Parameter(l.conv.Bias), l.stride, l.padding)
	if !l.normFirst {
		x = l.norm.Forward(g, x)
	}
	return x
}

// RaMLPBlock is x += cpe(x), a 3×3 depthwise convolution; x = scale1 x + mix(norm1 x);
// x = scale2 x + fc2(starrelu(fc1(norm2 x))) (Lai et al. 2023), on channels-last maps.
type RaMLPBlock struct {
	cpe            *nn.Parameter
	norm1, norm2   *nn.LayerNorm
	mix            *RegionMix
	fc1, fc2       *nn.Linear
	bias           *nn.Parameter // of StarReLU
	scale1, scale2 *nn.Parameter // nil for 1
}

// NewRaMLPBlock creates a block of d features; if scaled, the skips have learned scales.
func NewRaMLPBlock(s *nn.Scope, d, mlpRatio, expansion, region, group int, scaled bool) *RaMLPBlock {
	b := &RaMLPBlock{
		cpe:   s.In("cpe").Parameter("weight", truncated, d, 1, 3, 3),
		norm1: nn.NewLayerNorm(s.In("norm1"), d, ramlpEps), norm2: nn.NewLayerNorm(s.In("norm2"), d, ramlpEps),
		mix:  NewRegionMix(s.In("mix"), d, expansion, region, group),
		fc1:  nn.NewLinearWithoutBias(s.In("fc1"), truncated, d, mlpRatio*d),
		bias: s.In("act").Parameter("bias", nn.Constant(0), 1),
		fc2:  nn.NewLinearWithoutBias(s.In("fc2"), truncated, mlpRatio*d, d),
	}
	if scaled {
		b.scale1, b.scale2 = s.Parameter("scale1", nn.Constant(1), d), s.Parameter("scale2", nn.Constant(1), d)
	}
	return b
}

// Forward records the block on x (b, H, W, d).
func (m *RaMLPBlock) Forward(g *nn.Graph, x *nn.Value) *nn.Value {
	x = g.DepthwiseConv(x, g.Parameter(m.cpe), x)
	x = m.mix.Forward(g, m.norm1.Forward(g, x), scaled(g, x, m.scale1))
	h := m.fc1.ForwardWith(g, m.norm2.Forward(g, x), device.SquaredReLU, nil)
	// fc2(h + b) is fc2(h) plus b times the row sums of fc2's weight, so that StarReLU's bias needs no pass over h.
	weight := g.Parameter(m.fc2.Weight)
	bias := g.Mul(g.Sum(weight, 1), g.Parameter(m.bias))
	return g.Linear(h, weight, bias, device.Identity, scaled(g, x, m.scale2))
}

func scaled(g *nn.Graph, x *nn.Value, scale *nn.Parameter) *nn.Value {
	if scale == nil {
		return x
	}
	return g.Mul(x, g.Parameter(scale))
}

// RegionMix mixes dilated regions of a map (Lai et al. 2023). One branch widens the features, convolves them depthwise 5×5
// and multiplies each k×k region of g channels by one shared matrix; the other only widens them. Both are batch-normalised,
// and their product is projected back.
type RegionMix struct {
	pw1, pw2, region, proj *nn.Linear
	dw                     *nn.Parameter
	bn1, bn2               *nn.BatchNorm
	k, g                   int
}

// NewRegionMix creates the layers for d features widened by expansion; group must divide expansion·d.
func NewRegionMix(s *nn.Scope, d, expansion, region, group int) *RegionMix {
	m, area := expansion*d, region*region*group
	linear := func(name string, in, out int) *nn.Linear {
		return nn.NewLinearWithoutBias(s.In(name), truncated, in, out)
	}
	return &RegionMix{k: region, g: group,
		pw1: linear("pw1", d, m), pw2: linear("pw2", d, m),
		dw: s.In("dw").Parameter("weight", truncated, m, 1, 5, 5), region: linear("region", area, area),
		bn1: nn.NewBatchNorm(s.In("bn1"), m), bn2: nn.NewBatchNorm(s.In("bn2"), m), proj: linear("proj", m, d)}
}

// Forward records plus + the mixing of x (b, H, W, d); k must divide H and W, and plus may be nil.
func (m *RegionMix) Forward(g *nn.Graph, x, plus *nn.Value) *nn.Value {
	if len(x.Shape) != 4 || x.Shape[1]%m.k != 0 || x.Shape[2]%m.k != 0 {
		return g.Fail(x.Shape, "region mixing: the maps %v (batch, height, width, features) are not a whole number of regions of %d", x.Shape, m.k)
	}
	b, height, width := x.Shape[0], x.Shape[1], x.Shape[2]
	a := g.DepthwiseConv(m.pw1.Forward(g, x), g.Parameter(m.dw), nil)
	wide := a.Shape[3]

	// Cell (i, j) of region (y, x) is the map's cell (i·H/k + y, j·W/k + x): a region is spread over the whole map.
	a = g.Reshape(a, b, m.k, height/m.k, m.k, width/m.k, wide/m.g, m.g)
	a = g.Permute(a, 0, 2, 4, 5, 6, 1, 3)
	area := m.k * m.k * m.g
	weight := g.Scale(g.Parameter(m.region.Weight), 1/float64(area))
	a = g.Linear(g.Reshape(a, b, (height/m.k)*(width/m.k), wide/m.g, area), weight, nil, device.Identity, nil)
	a = g.Reshape(a, b, height/m.k, width/m.k, wide/m.g, m.g, m.k, m.k)
	a = g.Reshape(g.Permute(a, 0, 5, 1, 6, 2, 3, 4), b, height, width, wide)

	gate := m.bn2.Forward(g, m.pw2.Forward(g, x), 3)
	return m.proj.ForwardWith(g, g.Mul(m.bn1.Forward(g, a, 3), gate), device.Identity, plus)
}
