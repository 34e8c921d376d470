package torch

import (
	"embed"
	"fmt"

	"mixmas/nn"
	"mixmas/nn/mixer"
)

//go:embed python/*.py
var files embed.FS

// source is one of our Python sources.
func source(name string) string {
	text, err := files.ReadFile("python/" + name + ".py")
	if err != nil {
		panic(err)
	}
	return string(text)
}

func init() {
	Register("mlp_mixer", Architecture{source("mlp_mixer"), newMLPMixer})
	Register("hyper_mixer", Architecture{source("hyper_mixer"), newHyperMixer})
	Register("monarch_mixer", Architecture{source("monarch_mixer"), newMonarchMixer})
	Register("ramlp", Architecture{source("ramlp"), newRaMLP})
	Register("residual_cnn", Architecture{source("residual_cnn"), newResidualCNN})
	Register("dilated_cnn", Architecture{source("dilated_cnn"), newDilatedCNN})
	Register("simple_mlp", Architecture{source("simple_mlp"), newSimpleMLP})
	Register("gru", Architecture{source("recurrent"), newRecurrent("gru", "nn.GRU")})
	Register("lstm", Architecture{"", newRecurrent("lstm", "nn.LSTM")})
	Register("linear", Architecture{source("linear"), newLinear})
	Register("transformer", Architecture{source("transformer"), newTransformer})
	Register("ft_transformer", Architecture{source("ft_transformer"), newFTTransformer})
	Register("gmlp", Architecture{source("gmlp"), newGMLP})
	Register("resmlp", Architecture{source("resmlp"), newResMLP})
	Register("residual_mlp", Architecture{source("residual_mlp"), newResidualMLP})
	Register("layers", Architecture{source("layers"), newLayers})
	RegisterFusion("cross_attention", Fusion{source("cross_attention"), newCrossAttention})
	RegisterFusion("concat", Fusion{source("concat"), plain("Concat")})
	RegisterFusion("mean", Fusion{source("aligned"), plain("Mean")})
	RegisterFusion("max", Fusion{"", plain("Max")})
	RegisterFusion("sum", Fusion{"", plain("Sum")})
	RegisterFusion("gated", Fusion{source("gated"), newGated})
	RegisterFusion("bilinear", Fusion{source("bilinear"), newBilinear})
}

// plain makes a module without arguments.
func plain(class string) func([]mixer.Input, any) (string, error) {
	return func([]mixer.Input, any) (string, error) { return Call(class), nil }
}

// network builds an architecture for an input. Its parameters have the shapes that follow from the options, of which some are
// chosen automatically.
func network(name string, in mixer.Input, options any) (mixer.Network, map[string][]int, error) {
	architecture, err := mixer.Lookup(name)
	if err != nil {
		return nil, nil, err
	}
	s := nn.NewScope()
	built, err := architecture.Build(s, in, options)
	if err == nil {
		err = s.Parameters().Err()
	}
	if err != nil {
		return nil, nil, err
	}
	shapes := map[string][]int{}
	for _, p := range s.Parameters().All() {
		shapes[p.Name] = p.Shape
	}
	return built, shapes, nil
}

// encoder is the expression of an encoder of blocks: block makes the arguments of one for a number of tokens and their width.
func encoder(name string, in mixer.Input, options any, depth int, block func(tokens, width int, shapes map[string][]int) string) (string, error) {
	return encoderOf("Encoder", name, in, options, depth, block)
}

// encoderOf is encoder with another class for the whole.
func encoderOf(class, name string, in mixer.Input, options any, depth int, block func(tokens, width int, shapes map[string][]int) string) (string, error) {
	built, shapes, err := network(name, in, options)
	if err != nil {
		return "", err
	}
	width := built.Width()
	return Call(class, embedding(in, width, shapes), times(depth, block(built.Tokens(), width, shapes)), keyword("width", width)), nil
}

// embedding is the expression of what makes tokens of an input.
func embedding(in mixer.Input, width int, shapes map[string][]int) string {
	switch {
	case in.Kind == mixer.Map:
		return Call("PatchEmbed", keyword("channels", in.Shape[0]), keyword("width", width), keyword("patch", shapes["embed.proj.weight"][2]))
	case in.Kind == mixer.Sequence && shapes["embed.weight"] != nil:
		return linear(in.Shape[1], width)
	case in.Kind == mixer.Text:
		arguments := []string{keyword("vocabulary", in.Vocabulary), keyword("tokens", in.Shape[0]), keyword("width", width)}
		if shapes["embed.proj.weight"] != nil {
			arguments = append(arguments, keyword("vectors", in.Vectors))
		}
		return Call("TextEmbed", arguments...)
	}
	return "nn.Identity()"
}

// linear is the expression of a linear layer.
func linear(in, out int) string { return fmt.Sprintf("nn.Linear(%d, %d)", in, out) }

// optional are the arguments that differ from their defaults, which are those of the Python classes.
func optional(heads int, tied bool, dropout float64) (arguments []string) {
	if heads > 1 {
		arguments = append(arguments, keyword("heads", heads))
	}
	if tied {
		arguments = append(arguments, "tied=True")
	}
	if dropout > 0 {
		arguments = append(arguments, keyword("dropout", dropout))
	}
	return arguments
}

func newMLPMixer(in mixer.Input, options any) (string, error) {
	o := options.(*mixer.MLPMixerOptions)
	return encoder("mlp_mixer", in, o, o.Depth, func(tokens, width int, _ map[string][]int) string {
		return Call("MixerBlock", append([]string{keyword("tokens", tokens), keyword("width", width),
			keyword("token_width", o.TokenWidth), keyword("channel_width", o.ChannelWidth)}, optional(1, false, o.Dropout)...)...)
	})
}

func newHyperMixer(in mixer.Input, options any) (string, error) {
	o := options.(*mixer.HyperMixerOptions)
	return encoder("hyper_mixer", in, o, o.Depth, func(_, width int, _ map[string][]int) string {
		return Call("HyperMixerBlock", append([]string{keyword("width", width), keyword("token_width", o.TokenWidth),
			keyword("channel_width", o.ChannelWidth)}, optional(o.Heads, o.Tied, o.Dropout)...)...)
	})
}

func newMonarchMixer(in mixer.Input, options any) (string, error) {
	o := options.(*mixer.MonarchMixerOptions)
	return encoder("monarch_mixer", in, o, o.Depth, func(tokens, width int, shapes map[string][]int) string {
		l, m := shapes["blocks.0.m1.L"], shapes["blocks.0.m3.L"]
		return Call("MonarchBlock", keyword("tokens", tokens), keyword("width", width),
			keyword("token_factors", tuple(l[:2])), keyword("feature_factors", tuple(m[:2])))
	})
}

func newRaMLP(in mixer.Input, options any) (string, error) {
	o := options.(*mixer.RaMLPOptions)
	_, shapes, err := network("ramlp", in, o)
	if err != nil {
		return "", err
	}
	var region []int
	for i := range o.Dims {
		area := shapes[fmt.Sprintf("stages.%d.0.mix.region.weight", i)][0] / o.Group[i]
		side := 1
		for side*side < area {
			side++
		}
		region = append(region, side)
	}
	return Call("RaMLP", keyword("channels", in.Shape[0]), keyword("depths", tuple(o.Depths)), keyword("dims", tuple(o.Dims)),
		keyword("mlp_ratio", tuple(o.MLPRatio)), keyword("expansion", tuple(o.Expansion)), keyword("region", tuple(region)),
		keyword("group", tuple(o.Group))), nil
}

func newSimpleMLP(in mixer.Input, options any) (string, error) {
	o := options.(*mixer.SimpleMLPOptions)
	return Call("SimpleMLP", append([]string{keyword("features", in.Shape[0]), keyword("hidden", o.Hidden), keyword("width", o.Width),
		keyword("layers", o.Layers)}, optional(1, false, o.Dropout)...)...), nil
}

// newRecurrent makes the form of an architecture of recurrent cells, with the class of PyTorch.
func newRecurrent(name, class string) func(mixer.Input, any) (string, error) {
	return func(in mixer.Input, options any) (string, error) {
		o := options.(*mixer.RecurrentOptions)
		built, shapes, err := network(name, in, o)
		if err != nil {
			return "", err
		}
		arguments := []string{fmt.Sprint(shapes["rnn.weight_ih_l0"][1]), fmt.Sprint(shapes["rnn.weight_hh_l0"][1])}
		if o.Depth > 1 {
			arguments = append(arguments, keyword("num_layers", o.Depth))
		}
		arguments = append(arguments, "batch_first=True")
		if o.Bidirectional {
			arguments = append(arguments, "bidirectional=True")
		}
		if o.Dropout > 0 && o.Depth > 1 {
			arguments = append(arguments, keyword("dropout", o.Dropout))
		}
		arguments = []string{Call(class, arguments...)}
		if in.Kind == mixer.Text {
			arguments = append(arguments, "embed="+embedding(in, built.Width(), shapes))
		}
		return Call("Recurrent", arguments...), nil
	}
}

func newLinear(in mixer.Input, options any) (string, error) {
	if in.Kind != mixer.Text {
		return Call("Flat"), nil
	}
	built, _, err := network("linear", in, options)
	if err != nil {
		return "", err
	}
	return Call("WordMean", keyword("vocabulary", in.Vocabulary), keyword("width", built.Width())), nil
}

func newTransformer(in mixer.Input, options any) (string, error) {
	o := options.(*mixer.TransformerOptions)
	built, shapes, err := network("transformer", in, o)
	if err != nil {
		return "", err
	}
	width, post := built.Width(), o.Norm == "post"
	block := []string{keyword("width", width), keyword("heads", o.Heads), keyword("hidden", o.Hidden)}
	arguments := []string{keyword("width", width)}
	if post {
		block, arguments = append(block, "post=True"), append(arguments, "norm=False")
	}
	switch learned := shapes["positions"]; {
	case learned != nil:
		arguments = append(arguments, keyword("positions", learned[0]))
	case in.Kind != mixer.Text:
		arguments = append(arguments, "sinusoidal=True")
	}
	if shapes["class_token"] != nil {
		arguments = append(arguments, "class_token=True")
	}
	blocks := times(o.Depth, Call("TransformerBlock", append(block, optional(1, false, o.Dropout)...)...))
	return Call("Transformer", append([]string{embedding(in, width, shapes), blocks}, arguments...)...), nil
}

func newFTTransformer(in mixer.Input, options any) (string, error) {
	o := options.(*mixer.FTTransformerOptions)
	return Call("FTTransformer", append([]string{keyword("features", in.Shape[0]), keyword("width", o.Width), keyword("depth", o.Depth),
		keyword("heads", o.Heads), keyword("hidden", o.Hidden)}, optional(1, false, o.Dropout)...)...), nil
}

func newCrossAttention(tokens []mixer.Input, options any) (string, error) {
	o := options.(*mixer.CrossAttentionOptions)
	width := tokens[0].Shape[1]
	return Call("CrossAttention", append([]string{keyword("modalities", len(tokens)), keyword("width", width),
		keyword("heads", o.HeadsOf(width))}, optional(1, false, o.Dropout)...)...), nil
}

func newGMLP(in mixer.Input, options any) (string, error) {
	o := options.(*mixer.GMLPOptions)
	return encoder("gmlp", in, o, o.Depth, func(tokens, width int, _ map[string][]int) string {
		return Call("GMLPBlock", append([]string{keyword("tokens", tokens), keyword("width", width), keyword("hidden", o.Hidden)},
			optional(1, false, o.Dropout)...)...)
	})
}

func newResMLP(in mixer.Input, options any) (string, error) {
	o := options.(*mixer.ResMLPOptions)
	return encoderOf("ResMLP", "resmlp", in, o, o.Depth, func(tokens, width int, _ map[string][]int) string {
		return Call("ResMLPBlock", append([]string{keyword("tokens", tokens), keyword("width", width), keyword("hidden", o.Hidden),
			keyword("scale", mixer.LayerScale(o.Depth))}, optional(1, false, o.Dropout)...)...)
	})
}

func newResidualMLP(in mixer.Input, options any) (string, error) {
	o := options.(*mixer.ResidualMLPOptions)
	arguments := []string{keyword("features", in.Shape[0]), keyword("width", o.Width), keyword("hidden", o.Hidden), keyword("depth", o.Depth)}
	if o.Bins > 0 {
		arguments = append(arguments, keyword("bins", o.Bins))
	}
	return Call("ResidualMLP", append(arguments, optional(1, false, o.Dropout)...)...), nil
}

func newGated(tokens []mixer.Input, options any) (string, error) {
	arguments := []string{keyword("modalities", len(tokens)), keyword("width", tokens[0].Shape[1])}
	if options.(*mixer.GatedOptions).Context == "mean" {
		arguments = append(arguments, "mean=True")
	}
	return Call("Gated", arguments...), nil
}

func newBilinear(tokens []mixer.Input, options any) (string, error) {
	return Call("Bilinear", keyword("modalities", len(tokens)), keyword("width", tokens[0].Shape[1]),
		keyword("rank", options.(*mixer.BilinearOptions).Rank)), nil
}

func newResidualCNN(in mixer.Input, options any) (string, error) {
	o := options.(*mixer.ResidualCNNOptions)
	built, shapes, err := network("residual_cnn", in, o)
	if err != nil {
		return "", err
	}
	var widths []int
	for i := range o.Stages {
		widths = append(widths, shapes[fmt.Sprintf("stages.%d.0.conv1.weight", i)][0])
	}
	return Call("ResidualCNN", append([]string{keyword("channels", in.Shape[0]), keyword("widths", tuple(widths)), keyword("blocks", o.Blocks),
		keyword("kernel", o.Kernel), keyword("stem_kernel", shapes["stem.weight"][2]), keyword("strides", tuple(built.(*mixer.ResidualCNN).Strides()))},
		optional(1, false, o.Dropout)...)...), nil
}

func newDilatedCNN(in mixer.Input, options any) (string, error) {
	o := options.(*mixer.DilatedCNNOptions)
	built, shapes, err := network("dilated_cnn", in, o)
	if err != nil {
		return "", err
	}
	width := built.Width()
	var blocks []string
	for i := range o.Depth {
		arguments := []string{keyword("width", width), keyword("kernel", o.Kernel), keyword("dilation", mixer.Dilation(i, built.Tokens()))}
		if o.Causal {
			arguments = append(arguments, "causal=True")
		}
		blocks = append(blocks, Call("DilatedBlock", append(arguments, optional(1, false, o.Dropout)...)...))
	}
	return Call("DilatedCNN", embedding(in, width, shapes), brackets("[", blocks, "]"), keyword("width", width)), nil
}
