package torch

import (
	"fmt"

	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/nn/registry"
)

// Layer is a registered kind of layer of package mixer in PyTorch.
type Layer struct {
	// Source is Python, as of an [Architecture].
	Source string
	// New returns the expression that makes the module. It maps x, a map (b, d, height, width), or steps or tokens (b, n, d), to what the
	// layer gives. One with a method steps gets x and a mask (b, n) or None, and returns what it gives with its mask.
	New func(l mixer.BuiltLayer) string
}

var layers = registry.New[Layer]("PyTorch form of layer")

// RegisterLayer adds the PyTorch form of a kind of layer, under its name, as [Register] does.
func RegisterLayer(name string, l Layer) {
	if l.New == nil {
		panic("the PyTorch form of layer " + name + " cannot be registered: it needs New")
	}
	layers.Register(name, name, l)
	addSource(name, l.Source)
}

func init() {
	for name, form := range map[string]func(l mixer.BuiltLayer) string{
		"activation": func(l mixer.BuiltLayer) string {
			return map[string]string{"gelu": "nn.GELU()", "relu": "nn.ReLU()", "silu": "nn.SiLU()", "tanh": "nn.Tanh()", "sigmoid": "nn.Sigmoid()"}[l.Options.(*mixer.ActivationLayer).Kind]
		},
		"dropout": func(l mixer.BuiltLayer) string {
			return Call("nn.Dropout", fmt.Sprint(l.Options.(*mixer.DropoutLayer).Probability))
		},
		"linear":      linearLayer,
		"mlp":         mlpLayer,
		"norm":        normLayer,
		"conv":        convLayer,
		"embedding":   func(l mixer.BuiltLayer) string { return Call("Embedding", embeddingLayer(l)) },
		"patches":     patchesLayer,
		"positions":   positionsLayer,
		"pool":        poolLayer,
		"mixer_block": mixerBlockLayer,
		"attention": func(l mixer.BuiltLayer) string {
			return Call("AttentionLayer", fmt.Sprint(l.In.Shape[1]), fmt.Sprint(l.Options.(*mixer.AttentionLayer).Heads))
		},
		"transformer_block":  transformerBlockLayer,
		"residual_block":     residualBlockLayer,
		device.GRU.String():  func(l mixer.BuiltLayer) string { return recurrentLayer("nn.GRU", l) },
		device.LSTM.String(): func(l mixer.BuiltLayer) string { return recurrentLayer("nn.LSTM", l) },
	} {
		RegisterLayer(name, Layer{New: form})
	}
}

// newLayers is the expression of the architecture layers.
func newLayers(in mixer.Input, options any) (string, error) {
	built, _, err := network("layers", in, options)
	if err != nil {
		return "", err
	}
	return stack("Layers", built.(*mixer.LayeredNetwork).Layers)
}

// stack is the expression of layers one after another.
func stack(class string, list []mixer.BuiltLayer) (string, error) {
	var arguments []string
	tokens := ""
	for i, l := range list {
		if l.From.Kind != l.In.Kind {
			tokens = keyword("tokens", i)
		}
		expression, err := layerExpression(l)
		if err != nil {
			return "", err
		}
		arguments = append(arguments, expression)
	}
	if tokens != "" {
		arguments = append(arguments, tokens)
	}
	return Call(class, arguments...), nil
}

// layerExpression is the expression of a layer.
func layerExpression(l mixer.BuiltLayer) (string, error) {
	switch l.Name {
	case "residual":
		return stack("Residual", l.Inner[0])
	case "repeat":
		var stacks []string
		for _, list := range l.Inner {
			expression, err := stack("Stack", list)
			if err != nil {
				return "", err
			}
			stacks = append(stacks, expression)
		}
		return Call("Repeat", brackets("[", stacks, "]")), nil
	}
	form, ok := layers.Get(l.Name)
	if !ok {
		return "", missing("layer", l.Name, "RegisterLayer")
	}
	return form.New(l), nil
}

// features are those of each cell, step or token.
func features(in mixer.Input) int {
	if in.Kind == mixer.Map {
		return in.Shape[0]
	}
	return in.Shape[len(in.Shape)-1]
}

// onCells is the class for maps, or the other one.
func onCells(l mixer.BuiltLayer, cells, other string) string {
	if l.In.Kind == mixer.Map {
		return cells
	}
	return other
}

// withBias are arguments, and that there is no bias if there is none.
func withBias(bias bool, arguments ...string) []string {
	if !bias {
		arguments = append(arguments, "bias=False")
	}
	return arguments
}

func linearLayer(l mixer.BuiltLayer) string {
	return Call(onCells(l, "CellLinear", "nn.Linear"), withBias(l.Options.(*mixer.LinearLayer).Bias, fmt.Sprint(features(l.In)), fmt.Sprint(features(l.Out)))...)
}

func mlpLayer(l mixer.BuiltLayer) string {
	o, d := l.Options.(*mixer.MLPLayer), features(l.In)
	hidden := o.Hidden
	if hidden == 0 {
		hidden = 4 * d
	}
	return Call(onCells(l, "CellMLP", "MLP"), append([]string{fmt.Sprint(d), fmt.Sprint(hidden)}, optional(1, false, o.Dropout)...)...)
}

func normLayer(l mixer.BuiltLayer) string {
	class := onCells(l, "CellNorm", "nn.LayerNorm")
	if l.Options.(*mixer.NormLayer).Kind == "batch" {
		class = onCells(l, "nn.BatchNorm2d", "TokenBatchNorm")
	}
	return Call(class, fmt.Sprint(features(l.In)))
}

func convLayer(l mixer.BuiltLayer) string {
	o := l.Options.(*mixer.ConvLayer)
	return Call(onCells(l, "nn.Conv2d", "StepConv"), withBias(o.Bias, fmt.Sprint(features(l.In)), fmt.Sprint(features(l.Out)), keyword("kernel_size", o.Kernel),
		keyword("stride", o.Stride), keyword("padding", o.Dilation*(o.Kernel/2)), keyword("dilation", o.Dilation))...)
}

// embeddingLayer is the expression of what makes tokens of the input.
func embeddingLayer(l mixer.BuiltLayer) string {
	in, width, shapes := l.In, features(l.Out), map[string][]int{}
	switch {
	case in.Kind == mixer.Table:
		return linear(in.Shape[0], width)
	case in.Kind == mixer.Map:
		patch := 1
		for patch*patch*l.Out.Shape[0] < in.Shape[1]*in.Shape[2] {
			patch++
		}
		shapes["embed.proj.weight"] = []int{width, in.Shape[0], patch, patch}
	case in.Kind == mixer.Sequence && in.Shape[1] != width:
		shapes["embed.weight"] = []int{width, in.Shape[1]}
	case in.Kind == mixer.Text && in.Vectors > 0 && in.Vectors != width:
		shapes["embed.proj.weight"] = []int{width, in.Vectors}
	}
	return embedding(in, width, shapes)
}

func patchesLayer(l mixer.BuiltLayer) string {
	return Call("PatchEmbed", keyword("channels", l.In.Shape[0]), keyword("width", features(l.Out)), keyword("patch", l.Options.(*mixer.PatchesLayer).Side))
}

func positionsLayer(l mixer.BuiltLayer) string {
	arguments := []string{keyword("width", l.In.Shape[1])}
	if l.Options.(*mixer.PositionsLayer).Kind == "learned" {
		arguments = append(arguments, keyword("tokens", l.In.Shape[0]))
	}
	return Call("Positions", arguments...)
}

func poolLayer(l mixer.BuiltLayer) string {
	o, arguments := l.Options.(*mixer.PoolLayer), []string(nil)
	if o.Size > 0 {
		arguments = append(arguments, keyword("size", o.Size))
	}
	if o.Kind == "max" {
		arguments = append(arguments, "largest=True")
	}
	return Call("Pool", arguments...)
}

func mixerBlockLayer(l mixer.BuiltLayer) string {
	o := l.Options.(*mixer.MixerBlockLayer)
	channels := o.ChannelWidth
	if channels == 0 {
		channels = 4 * l.In.Shape[1]
	}
	return Call("MixerLayer", append([]string{keyword("tokens", l.In.Shape[0]), keyword("width", l.In.Shape[1]),
		keyword("token_width", o.TokenWidth), keyword("channel_width", channels)}, optional(1, false, o.Dropout)...)...)
}

func transformerBlockLayer(l mixer.BuiltLayer) string {
	o, width := l.Options.(*mixer.TransformerBlockLayer), l.In.Shape[1]
	hidden := o.Hidden
	if hidden == 0 {
		hidden = 4 * width
	}
	arguments := []string{keyword("width", width), keyword("heads", o.Heads), keyword("hidden", hidden)}
	if o.Norm == "post" {
		arguments = append(arguments, "post=True")
	}
	return Call("TransformerLayer", append(arguments, optional(1, false, o.Dropout)...)...)
}

func residualBlockLayer(l mixer.BuiltLayer) string {
	o := l.Options.(*mixer.ResidualBlockLayer)
	return Call("ResidualBlock", append([]string{fmt.Sprint(features(l.In)), fmt.Sprint(features(l.Out)), keyword("kernel", o.Kernel), keyword("stride", o.Stride)},
		optional(1, false, o.Dropout)...)...)
}

func recurrentLayer(class string, l mixer.BuiltLayer) string {
	o, width := l.Options.(*mixer.RecurrentLayer), features(l.Out)
	if o.Bidirectional {
		return Call("RecurrentLayer", Call(class, fmt.Sprint(features(l.In)), fmt.Sprint(width/2), "batch_first=True", "bidirectional=True"))
	}
	return Call("RecurrentLayer", Call(class, fmt.Sprint(features(l.In)), fmt.Sprint(width), "batch_first=True"))
}
