package mixer

import "mixmas/nn"

func init() {
	Register(Architecture{
		Name: "layers", Doc: "An encoder that is written in the configuration: a list of named layers.",
		Kinds:   []Kind{Map, Sequence, Text, Table, Tokens},
		Options: func() any { return &LayersOptions{Layers: defaultLayers()} },
		New:     newLayers,
	})
}

// LayersOptions are the options of the architecture layers.
type LayersOptions struct {
	Layers Layers `yaml:"layers" json:"layers" doc:"The layers, one after another: each is a name, {name: its main option} or {name: {options}}, such as {conv: {channels: 32, stride: 2}}. See docs/layers.md."`
}

// defaultLayers take any input: a residual MLP over the features of each token.
func defaultLayers() Layers {
	return Layers{
		{Name: "embedding", Options: &EmbeddingLayer{Width: 64}},
		{Name: "residual", Options: &ResidualLayer{Layers: Layers{
			{Name: "norm", Options: &NormLayer{Kind: layerNorm}},
			{Name: "mlp", Options: &MLPLayer{Hidden: 128}},
		}}},
		{Name: "norm", Options: &NormLayer{Kind: layerNorm}},
	}
}

// LayeredNetwork is layers one after another. What the last one gives becomes tokens (b, n, d): of a map its cells, row by row, and of
// a table one token. It implements [Network].
type LayeredNetwork struct {
	// Layers are the layers as they were built.
	Layers []BuiltLayer
	in     Input
	out    Input // tokens
}

// newLayers creates layers.0.*, layers.1.*, and so on.
func newLayers(s *nn.Scope, in Input, given any) (Network, error) {
	o := given.(*LayersOptions)
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := o.Layers.Check("layers"); err != nil {
		return nil, err
	}
	n := &LayeredNetwork{in: in}
	var err error
	if n.Layers, n.out, err = buildLayers(s, in, o.Layers, "layers"); err != nil {
		return nil, err
	}
	if n.out, err = n.out.tokens("layers"); err != nil {
		return nil, err
	}
	return n, nil
}

// Forward implements [Network]. Masked steps are zeros wherever layers mix steps, and in tokens that are not the steps of the input.
func (n *LayeredNetwork) Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value {
	if n.in.Kind == Map && !n.Layers[0].kind.first {
		x = g.Permute(x, 0, 2, 3, 1)
	}
	x, own := forwardLayers(g, n.Layers, x, mask)
	x = g.Reshape(x, x.Shape[0], n.Tokens(), n.Width())
	if own != nil && n.Tokens() != mask.Shape[1] {
		x = masked(g, x, own)
	}
	return x
}

// Tokens implements [Network].
func (n *LayeredNetwork) Tokens() int { return n.out.Shape[0] }

// Width implements [Network].
func (n *LayeredNetwork) Width() int { return n.out.Shape[1] }
