package mixer

import (
	"mixmas/nn"
	"mixmas/nn/options"
)

func init() {
	RegisterLayer(LayerKind{
		Name: "residual", Doc: "x + layers(x): what the layers within give is added to what they get, which must have the same shape (He et al. 2016).",
		Takes:   []Kind{Map, Sequence, Tokens},
		Options: func() any { return &ResidualLayer{} },
		inner:   func(own any) (Layers, int) { return own.(*ResidualLayer).Layers, 1 },
		nest: func(in Input, times [][]BuiltLayer, out Input) (LayerFunction, Input, error) {
			if !out.equals(in) {
				return nil, in, options.Errorf("", "the layers within give %s, want what they get, %s", out.describe(), in.describe())
			}
			return func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value) {
				y, _ = forwardLayers(g, times[0], x, mask)
				return g.Add(x, y), mask
			}, out, nil
		},
	})
	RegisterLayer(LayerKind{
		Name: "repeat", Doc: "The layers within several times, one after another, with weights of their own each time.",
		Takes:   []Kind{Map, Sequence, Tokens},
		Options: func() any { return &RepeatLayer{Times: 1} },
		inner:   func(own any) (Layers, int) { return own.(*RepeatLayer).Layers, own.(*RepeatLayer).Times },
		nest: func(in Input, times [][]BuiltLayer, out Input) (LayerFunction, Input, error) {
			return func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value) {
				for _, list := range times {
					x, mask = forwardLayers(g, list, x, mask)
				}
				return x, mask
			}, out, nil
		},
		beside: "layers",
	})
}

// ResidualLayer are the options of the layer residual.
type ResidualLayer struct {
	Layers Layers `yaml:"layers" json:"layers" short:"true" doc:"The layers within."`
}

// RepeatLayer are the options of the layer repeat.
type RepeatLayer struct {
	Times  int    `yaml:"times" json:"times" jsonschema:"minimum=1,maximum=1000" short:"true" doc:"How often."`
	Layers Layers `yaml:"layers" json:"layers" doc:"The layers within."`
}
