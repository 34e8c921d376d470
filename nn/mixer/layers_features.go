package mixer

import (
	"cmp"

	"mixmas/nn"
	"mixmas/nn/device"
)

// everywhere are the kinds of values that have features, of which a layer changes each cell, step or token on its own.
var everywhere = []Kind{Map, Sequence, Tokens}

// The words of the option kind of the layer norm.
const layerNorm, batchNorm = "layer", "batch"

func init() {
	RegisterLayer(LayerKind{
		Name: "linear", Doc: "A linear layer over the features.",
		Takes: everywhere, Options: func() any { return &LinearLayer{Bias: true} },
		New: func(s *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
			o := given.(*LinearLayer)
			width := cmp.Or(o.Width, in.features())
			l := nn.NewLinearWithoutBias(s, nn.FanIn(in.features()), in.features(), width)
			if o.Bias {
				l.Bias = s.Parameter("bias", nn.FanIn(in.features()), width)
			}
			return onFeatures(l.Forward), in.with(width), nil
		},
	})
	RegisterLayer(LayerKind{
		Name: "mlp", Doc: "Two linear layers over the features with GELU between them, which keep their number.",
		Takes: everywhere, Options: func() any { return &MLPLayer{} },
		New: func(s *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
			o, d := given.(*MLPLayer), in.features()
			m := nn.NewMLP(s, d, cmp.Or(o.Hidden, 4*d), d, o.Dropout)
			return onFeatures(func(g *nn.Graph, x *nn.Value) *nn.Value { return m.Forward(g, x, nil) }), in, nil
		},
	})
	RegisterLayer(LayerKind{
		Name: "norm", Doc: "Normalises the features of each cell, step or token (layer, Ba et al. 2016), or each feature over all of the batch (batch, Ioffe and Szegedy 2015).",
		Takes: everywhere, Options: func() any { return &NormLayer{Kind: layerNorm} },
		New: func(s *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
			d, axis := in.features(), 2
			if in.Kind == Map {
				axis = 3
			}
			if given.(*NormLayer).Kind == layerNorm {
				return onFeatures(nn.NewLayerNorm(s, d, 1e-5).Forward), in, nil
			}
			norm := nn.NewBatchNorm(s, d)
			return onFeatures(func(g *nn.Graph, x *nn.Value) *nn.Value { return norm.Forward(g, x, axis) }), in, nil
		},
		unmasked: func(given any) bool { return given.(*NormLayer).Kind == batchNorm },
	})
	RegisterLayer(LayerKind{
		Name: "activation", Doc: "A function of each number.",
		Takes: everywhere, Options: func() any { return &ActivationLayer{Kind: "gelu"} },
		New: func(_ *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
			a := activations[given.(*ActivationLayer).Kind]
			return onFeatures(func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Activate(x, a) }), in, nil
		},
	})
	RegisterLayer(LayerKind{
		Name: "dropout", Doc: "In training, numbers become 0 with this probability, and the others grow to make up for it (Srivastava et al. 2014).",
		Takes: everywhere, Options: func() any { return &DropoutLayer{Probability: 0.1} },
		New: func(_ *nn.Scope, in Input, given any) (LayerFunction, Input, error) {
			p := given.(*DropoutLayer).Probability
			return onFeatures(func(g *nn.Graph, x *nn.Value) *nn.Value { return g.Dropout(x, p) }), in, nil
		},
	})
}

// LinearLayer are the options of the layer linear.
type LinearLayer struct {
	Width int  `yaml:"width" json:"width" jsonschema:"minimum=0,maximum=68719476736" short:"true" doc:"Features of the result; 0: as many as it gets."`
	Bias  bool `yaml:"bias" json:"bias" doc:"Whether it has a bias."`
}

// MLPLayer are the options of the layer mlp.
type MLPLayer struct {
	Hidden  int     `yaml:"hidden" json:"hidden" jsonschema:"minimum=0,maximum=68719476736" short:"true" doc:"Hidden width; 0: four times the features."`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" doc:"Dropout after each of the two."`
}

// NormLayer are the options of the layer norm.
type NormLayer struct {
	Kind string `yaml:"kind" json:"kind" jsonschema:"enum=layer,enum=batch" short:"true" doc:"What is normalised (layer | batch). A batch norm takes no masked steps."`
}

// ActivationLayer are the options of the layer activation.
type ActivationLayer struct {
	Kind string `yaml:"kind" json:"kind" jsonschema:"enum=gelu,enum=relu,enum=silu,enum=tanh,enum=sigmoid" short:"true" doc:"The function (gelu | relu | silu | tanh | sigmoid)."`
}

// DropoutLayer are the options of the layer dropout.
type DropoutLayer struct {
	Probability float64 `yaml:"probability" json:"probability" jsonschema:"minimum=0,exclusiveMaximum=1" short:"true" doc:"The probability."`
}

var activations = map[string]device.Activation{"gelu": device.GELU, "relu": device.ReLU, "silu": device.SiLU, "tanh": device.Tanh, "sigmoid": device.Sigmoid}

// onFeatures is a layer that changes each cell, step or token on its own.
func onFeatures(forward func(g *nn.Graph, x *nn.Value) *nn.Value) LayerFunction {
	return func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value) { return forward(g, x), mask }
}
