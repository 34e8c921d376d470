package devicetest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// subject is something to record: a model or a collection of operations, with a scalar loss.
type subject struct {
	name       string
	parameters *nn.Parameters
	// record records the loss on random inputs.
	record func(r *recording, random *rand.Rand) *nn.Value
}

// recorded returns the subject's training step with gradients, and with an update unless optimiser is nil.
func (s subject) recorded(t testing.TB, optimiser *nn.Optimiser) *recording {
	r := record(t, s.parameters, nn.Training)
	loss := s.record(r, rand.New(rand.NewPCG(1, 2)))
	r.Output("loss", loss)
	r.Backward(loss, nil)
	if optimiser != nil {
		r.Optimise(*optimiser)
	}
	r.loss = loss
	return r
}

// weights returns initial weights without zeros and ones, with which an ignored parameter would not be noticed.
func (s subject) weights() nn.Weights {
	w, random := s.parameters.Initialise(5), rand.New(rand.NewPCG(3, 4))
	for _, p := range s.parameters.All() {
		data := w[p.Name].Data
		for i := range data {
			if p.Trainable {
				data[i] += float32(0.1 * random.NormFloat64())
			} else {
				data[i] += random.Float32() / 2
			}
		}
	}
	return w
}

func normal(random *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}

// random records an input of random numbers.
func (r *recording) random(name string, random *rand.Rand, shape ...int) *nn.Value {
	return r.input(name, normal(random, product(shape)), shape...)
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// vocabulary returns the number of tokens of a model's input, 0 if it is not a text.
func vocabulary(spec mixer.Specification, input string) int {
	for _, m := range spec.Modalities {
		if m.Name == input {
			return m.Vocabulary
		}
	}
	return 0
}

// modelSubject returns the loss of a model on random samples as a subject.
func modelSubject(t testing.TB, name string, spec mixer.Specification, batch int) subject {
	t.Helper()
	m, err := mixer.Build(spec)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return subject{name, m.Parameters(), func(r *recording, random *rand.Rand) *nn.Value {
		var inputs []*nn.Value
		for _, in := range m.Inputs() {
			x := r.random(in.Name, random, append([]int{batch}, in.Shape...)...)
			if tokens := vocabulary(spec, in.Name); tokens > 0 {
				ids := r.inputs[len(r.inputs)-1].data
				for i := range ids {
					ids[i] = float32(random.IntN(tokens))
				}
			}
			if strings.HasSuffix(in.Name, ".mask") {
				mask := r.inputs[len(r.inputs)-1].data
				for i := range mask {
					mask[i] = float32((i + 1) % 3 & 1)
				}
			}
			inputs = append(inputs, x)
		}
		shape := []int{batch}
		if m.MultiLabel() {
			shape = append(shape, m.Classes())
		}
		labels := r.random("labels", random, shape...)
		data := r.inputs[len(r.inputs)-1].data
		for i := range data {
			if m.MultiLabel() {
				data[i] = float32(random.IntN(2))
			} else {
				data[i] = float32(random.IntN(m.Classes()))
			}
		}
		_, loss := m.Forward(r.Graph, inputs, labels)
		return loss
	}}
}

// smallSpecifications returns models of odd sizes, with every architecture, fusion function and prediction.
func smallSpecifications() map[string]mixer.Specification {
	choice := func(name string, options any) mixer.Choice { return mixer.Choice{Architecture: name, Options: options} }
	mlp := choice("mlp_mixer", &mixer.MLPMixerOptions{Width: 10, Depth: 2, Patch: 3, TokenWidth: 7, ChannelWidth: 19, Dropout: 0.2})
	hyper := choice("hyper_mixer", &mixer.HyperMixerOptions{Width: 12, Depth: 1, Patch: 3, TokenWidth: 9, ChannelWidth: 21, Heads: 3, Dropout: 0.1})
	tied := choice("hyper_mixer", &mixer.HyperMixerOptions{Width: 6, Depth: 1, TokenWidth: 5, ChannelWidth: 8, Heads: 1, Tied: true})
	dense := choice("mlp_mixer", &mixer.MLPMixerOptions{Width: 10, Depth: 2, Patch: 3, TokenWidth: 7, ChannelWidth: 19})
	monarch := choice("monarch_mixer", &mixer.MonarchMixerOptions{Width: 11, Depth: 1, Patch: 3})
	ramlp := choice("ramlp", &mixer.RaMLPOptions{Depths: []int{1, 1, 2}, Dims: []int{3, 6, 10}, MLPRatio: []int{3, 2, 2},
		Expansion: []int{2, 1, 2}, Group: []int{1, 2, 4}})
	table := choice("simple_mlp", &mixer.SimpleMLPOptions{Hidden: 9, Width: 13, Layers: 2, Dropout: 0.3})
	layers := func(text string) mixer.Choice {
		var list mixer.Layers
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			panic(err)
		}
		return choice("layers", &mixer.LayersOptions{Layers: list})
	}
	image := func(c mixer.Choice) mixer.Modality {
		return mixer.Modality{Name: "image", Kind: mixer.Map, Shape: []int{2, 6, 9}, Encoder: c}
	}
	text := func(c mixer.Choice, masked bool) mixer.Modality {
		return mixer.Modality{Name: "text", Kind: mixer.Sequence, Shape: []int{7, 5}, Masked: masked, Encoder: c}
	}
	row := mixer.Modality{Name: "row", Kind: mixer.Table, Shape: []int{4}, Encoder: table}
	gru := choice("gru", &mixer.RecurrentOptions{Width: 10, Depth: 2, Bidirectional: true, Dropout: 0.2})
	lstm := choice("lstm", &mixer.RecurrentOptions{Width: 7, Depth: 1})
	words := func(c mixer.Choice) mixer.Modality {
		return mixer.Modality{Name: "words", Kind: mixer.Text, Shape: []int{7}, Vocabulary: 9, Masked: true, Encoder: c}
	}
	partly := func(m mixer.Modality) mixer.Modality { m.Masked = true; return m }
	one := func(m mixer.Modality) mixer.Specification {
		return mixer.Specification{Modalities: []mixer.Modality{m}, Classes: 3}
	}
	fused := func(fusion, prediction string, network mixer.Choice, modalities ...mixer.Modality) mixer.Specification {
		return mixer.Specification{Modalities: modalities, Fusion: mixer.Fuse(fusion), Network: &network, Prediction: prediction, Classes: 3}
	}
	many := fused("mean", mixer.MeanPrediction, hyper, image(hyper), text(tied, false), row)
	many.MultiLabel, many.PosWeight, many.Width = true, []float32{0.5, 2, 1}, 15
	return map[string]mixer.Specification{
		"mlp_mixer":     one(image(mlp)),
		"hyper_mixer":   one(image(hyper)),
		"no dropout":    one(image(dense)),
		"tied, masked":  one(text(tied, true)),
		"monarch_mixer": one(text(monarch, false)),
		"ramlp":         one(mixer.Modality{Name: "image", Kind: mixer.Map, Shape: []int{1, 28, 20}, Encoder: ramlp}),
		"residual_cnn": one(mixer.Modality{Name: "image", Kind: mixer.Map, Shape: []int{2, 9, 5}, Encoder: choice("residual_cnn",
			&mixer.ResidualCNNOptions{Width: 10, Stages: 3, Blocks: 1, Kernel: 3, Tokens: 9, Dropout: 0.2})}),
		"dilated_cnn, masked": one(text(choice("dilated_cnn", &mixer.DilatedCNNOptions{Width: 6, Depth: 2, Kernel: 3, Dropout: 0.1}), true)),
		"layers": one(image(layers(`[{"conv": {"channels": 4, "stride": 2, "bias": false}}, {"norm": {"kind": "batch"}}, {"activation": {"kind": "silu"}},
			{"repeat": {"times": 2, "layers": [{"residual": {"layers": [{"norm": {}}, {"conv": {"dilation": 2}}]}}]}},
			{"patches": {"side": 1, "width": 6}}, {"positions": {}}, {"mixer_block": {"token_width": 5}}, {"residual": {"layers": [{"norm": {}}, {"mlp": {"hidden": 7, "dropout": 0.1}}]}},
			{"dropout": {}}, {"pool": {"size": 5}}]`))),
		"layers, masked": one(text(layers(`[{"linear": {"width": 6}}, {"conv": {"stride": 2}}, {"mixer_block": {"token_width": 3, "channel_width": 9}}, {"gru": {"bidirectional": true}},
			{"pool": {"kind": "max", "size": 2}}, {"activation": {"kind": "tanh"}}]`), true)),
		"simple_mlp":   one(row),
		"gru":          one(text(gru, true)),
		"lstm, gru":    fused("concat", mixer.MeanPrediction, gru, words(lstm), text(choice("lstm", &mixer.RecurrentOptions{Width: 10, Depth: 1}), true)),
		"concat":       fused("concat", mixer.FusionPrediction, mlp, image(mlp), text(hyper, true), row),
		"max":          fused("max", mixer.MeanPrediction, monarch, image(monarch), text(mlp, true)),
		"sum":          fused("sum", mixer.MeanPrediction, tied, row, image(tied)),
		"many labels":  many,
		"words":        one(words(hyper)),
		"missing":      fused("concat", mixer.MeanPrediction, tied, partly(image(dense)), words(monarch), partly(row)),
		"missing, max": fused("max", mixer.MeanPrediction, dense, partly(image(hyper)), words(dense), row),
	}
}

// smallModels returns the subjects of smallSpecifications, sorted by name.
func smallModels(t testing.TB) []subject {
	t.Helper()
	var list []subject
	for name, spec := range smallSpecifications() {
		list = append(list, modelSubject(t, name, spec, 3))
	}
	slices.SortFunc(list, func(a, b subject) int { return strings.Compare(a.name, b.name) })
	return list
}

// matrices has a linear layer and both kinds of MLP on b·n rows of d features, through t hidden units over the tokens and c
// over the features.
func matrices(b, n, d, t, c int) subject {
	s := nn.NewScope()
	linear := nn.NewLinear(s.In("linear"), d, c)
	channels, tokens := nn.NewMLP(s.In("channels"), c, d, c, 0), nn.NewMLP(s.In("tokens"), n, t, n, 0)
	product := s.Parameter("product", nn.FanIn(c), c, d)
	return subject{fmt.Sprintf("matrices b=%d n=%d d=%d t=%d c=%d", b, n, d, t, c), s.Parameters(),
		func(r *recording, random *rand.Rand) *nn.Value {
			x := r.random("x", random, b, n, d)
			r.RequireGradient(x)
			y := linear.ForwardWith(r.Graph, x, device.GELU, nil)
			y = channels.Forward(r.Graph, y, y)
			y = tokens.ForwardTokens(r.Graph, y, y)
			return r.total(random, r.MatMul(y, r.Parameter(product)))
		}}
}

// mixing has the composites on b samples of n tokens and 2k features, through 2t hidden units over the tokens and c over
// the features.
func mixing(b, n, k, t, c int) subject {
	s := nn.NewScope()
	d := 2 * k
	mlp := mixer.NewMixerBlock(s.In("mlp"), n, d, t, c, 0)
	hyper, tied := mixer.NewHyperMixing(s.In("hyper"), d, 2*t, 2, false), mixer.NewHyperMixing(s.In("tied"), d, t, 1, true)
	monarch := mixer.NewMonarchBlock(s.In("monarch"), n, d)
	return subject{fmt.Sprintf("mixing b=%d n=%d d=%d t=%d c=%d", b, n, d, 2*t, c), s.Parameters(),
		func(r *recording, random *rand.Rand) *nn.Value {
			x := r.random("x", random, b, n, d)
			r.RequireGradient(x)
			y := mlp.Forward(r.Graph, x, nil)
			y = r.Add(hyper.Forward(r.Graph, y, nil), tied.Forward(r.Graph, y, nil))
			return r.total(random, monarch.Forward(r.Graph, y, nil))
		}}
}

// onInput has the composites on inputs whose gradients are not needed, so that parts of their own gradients are missing.
func onInput(b, n, d, t, c int) subject {
	s := nn.NewScope()
	mlp, monarch := mixer.NewMixerBlock(s.In("mlp"), n, d, t, c, 0), mixer.NewMonarchBlock(s.In("monarch"), n, d)
	hyper, tied := mixer.NewHyperMixing(s.In("hyper"), d, t, 1, false), mixer.NewHyperMixing(s.In("tied"), d, t, 1, true)
	return subject{fmt.Sprintf("on inputs b=%d n=%d d=%d t=%d c=%d", b, n, d, t, c), s.Parameters(),
		func(r *recording, random *rand.Rand) *nn.Value {
			x := r.random("x", random, b, n, d)
			y := r.Add(mlp.Forward(r.Graph, x, nil), monarch.Forward(r.Graph, x, nil))
			y = r.Add(y, r.Add(hyper.Forward(r.Graph, x, nil), tied.Forward(r.Graph, x, nil)))
			return r.total(random, y)
		}}
}

// rows has the operations that work along rows of the given width. There are at least three rows, since with fewer a batch
// norm has almost no gradient.
func rows(outer, n, width int) subject {
	s := nn.NewScope()
	norm, batch := nn.NewLayerNorm(s.In("norm"), width, 1e-5), nn.NewBatchNorm(s.In("batch"), width)
	gain, column := s.Parameter("gain", nn.Normal(1), width), s.Parameter("column", nn.Normal(1), n, 1)
	return subject{fmt.Sprintf("rows %d×%d×%d", outer, n, width), s.Parameters(), func(r *recording, random *rand.Rand) *nn.Value {
		x := r.random("x", random, outer, n, width)
		r.RequireGradient(x)
		a := norm.Forward(r.Graph, x)
		b := batch.Forward(r.Graph, x, 2)
		c := r.Mul(r.Add(a, r.Parameter(gain)), r.Parameter(column))
		b = r.Dropout(r.Mul(b, r.ReLU(c)), 0.3)
		maximum := r.Max(r.Concat(1, r.GELU(a), b, r.Activate(c, device.SquaredReLU)), 1)
		mean := r.Div(r.Mean(r.Pad(b, 1, n+2), 1), r.Constant("two", []float32{2}, 1))
		permuted := r.Permute(r.Slice(r.Scale(c, 1.5), 2, 0, (width+1)/2), 2, 0, 1)
		return r.Add(r.total(random, r.Add(maximum, mean)), r.total(random, permuted))
	}}
}

// gates has the activations that gates are made of, on n elements, alone and in the epilogue of a product.
func gates(n int) subject {
	s := nn.NewScope()
	gate := nn.NewLinear(s.In("gate"), n, n)
	return subject{fmt.Sprintf("gates %d", n), s.Parameters(), func(r *recording, random *rand.Rand) *nn.Value {
		x := r.random("x", random, 3, n)
		r.RequireGradient(x)
		y := r.Mul(r.Sigmoid(gate.Forward(r.Graph, x)), r.Tanh(x))
		y = gate.ForwardWith(r.Graph, r.Add(y, r.SiLU(x)), device.SiLU, y)
		y = gate.ForwardWith(r.Graph, y, device.Sigmoid, nil)
		return r.total(random, gate.ForwardWith(r.Graph, y, device.Tanh, nil))
	}}
}

// recurrent has both cells in both directions over b samples of n steps of d features, with h units, with and without a mask. A
// mask of several samples has one without real steps.
func recurrent(b, n, d, h int) subject {
	s := nn.NewScope()
	first, second := nn.NewRecurrent(s.In("gru"), device.GRU, d, h, ""), nn.NewRecurrent(s.In("lstm"), device.LSTM, h, h, "")
	return subject{fmt.Sprintf("recurrent b=%d n=%d d=%d h=%d", b, n, d, h), s.Parameters(), func(r *recording, random *rand.Rand) *nn.Value {
		x := r.random("x", random, b, n, d)
		r.RequireGradient(x)
		mask := make([]float32, b*n)
		for i := range mask {
			if b == 1 || i >= n {
				mask[i] = float32(random.IntN(4)) / 2
			}
		}
		masked := r.input("mask", mask, b, n)
		y := r.Concat(2, first.Forward(r.Graph, x, masked, false), first.Forward(r.Graph, x, nil, true))
		y = r.Add(r.Slice(y, 2, 0, h), r.Slice(y, 2, h, 2*h))
		y = r.Concat(2, second.Forward(r.Graph, y, nil, false), second.Forward(r.Graph, y, masked, true))
		return r.total(random, y)
	}}
}

// maps has the operations on channels-last maps.
func maps(b, height, width, channels, out int) subject {
	s := nn.NewScope()
	kernel, bias := s.Parameter("kernel", nn.FanIn(9*channels), out, channels, 3, 3), s.Parameter("bias", nn.Normal(1), out)
	large, small := s.Parameter("large", nn.FanIn(25), channels, 1, 5, 5), s.Parameter("small", nn.FanIn(9), channels, 1, 3, 3)
	norm := nn.NewBatchNorm(s.In("norm"), height)
	return subject{fmt.Sprintf("maps %d×%d×%d×%d to %d", b, height, width, channels, out), s.Parameters(),
		func(r *recording, random *rand.Rand) *nn.Value {
			x := r.random("x", random, b, height, width, channels)
			r.RequireGradient(x)
			y := r.DepthwiseConv(x, r.Parameter(large), nil)
			y = norm.Forward(r.Graph, r.DepthwiseConv(y, r.Parameter(small), x), 1)
			return r.total(random, r.PatchConv2D(y, r.Parameter(kernel), r.Parameter(bias), 2, 1))
		}}
}

// shares has softmaxes of b samples of h heads of n rows, with a mask per sample, with a mask per head, and without a mask.
// The first sample is masked completely.
func shares(b, h, n, width int) subject {
	s := nn.NewScope()
	bias := s.Parameter("bias", nn.Normal(1), width)
	return subject{fmt.Sprintf("shares %d×%d×%d×%d", b, h, n, width), s.Parameters(), func(r *recording, random *rand.Rand) *nn.Value {
		x := r.random("x", random, b, h, n, width)
		r.RequireGradient(x)
		logits := r.Add(x, r.Parameter(bias))
		mask := make([]float32, b*h*width)
		for i := width; i < len(mask); i++ {
			mask[i] = float32(random.IntN(3)) / 2 // anything but 0 counts
		}
		y := r.Softmax(logits, r.input("mask", mask[:b*width], b, width))
		y = r.Add(y, r.Softmax(logits, r.input("masks", mask, b, h, width)))
		return r.total(random, r.Add(r.Softmax(y, nil), x))
	}}
}

// words has lookups of b·n tokens in a table that is used twice, so that gradients add up. Some ids are padding, some are no
// tokens, and one is in many places.
func words(b, n, vocabulary, width int) subject {
	s := nn.NewScope()
	table := s.Parameter("table", nn.Normal(1), vocabulary, width)
	return subject{fmt.Sprintf("words %d×%d×%d of %d", b, n, width, vocabulary), s.Parameters(), func(r *recording, random *rand.Rand) *nn.Value {
		ids := func(name string) *nn.Value {
			list := make([]float32, b*n)
			for i := range list {
				switch random.IntN(8) {
				case 0:
					list[i] = float32(vocabulary - 1)
				case 1:
					list[i] = []float32{-1, -0.25, 1.75, float32(vocabulary), float32(math.NaN()), float32(math.Inf(1))}[random.IntN(6)]
				default:
					list[i] = float32(random.IntN(vocabulary))
				}
			}
			return r.input(name, list, b, n)
		}
		y := r.Add(r.Embedding(ids("first"), r.Parameter(table)), r.Embedding(ids("second"), r.Parameter(table)))
		return r.total(random, r.Add(y, r.random("x", random, b, n, width)))
	}}
}

// losses has all losses for n samples and k classes.
func losses(n, k int) subject {
	s := nn.NewScope()
	bias := s.Parameter("bias", nn.Normal(1), k)
	return subject{fmt.Sprintf("losses %d×%d", n, k), s.Parameters(), func(r *recording, random *rand.Rand) *nn.Value {
		x := r.random("x", random, n, k)
		r.RequireGradient(x)
		logits := r.Add(x, r.Parameter(bias))
		one, many := make([]float32, n), make([]float32, n*k)
		for i := range one {
			one[i] = float32(random.IntN(k))
		}
		for i := range many {
			many[i] = float32(random.IntN(2))
		}
		weight := make([]float32, k)
		for i := range weight {
			weight[i] = random.Float32() + 0.5
		}
		soft := make([]float32, n*k)
		for i := range soft { // some are 0, and a row may have any sum
			soft[i] = max(0, random.Float32()-0.5)
		}
		labels := r.input("many", many, n, k)
		return r.Add(r.Add(r.CrossEntropy(logits, r.input("one", one, n)), r.CrossEntropy(logits, r.input("soft", soft, n, k))),
			r.Add(r.BCEWithLogits(logits, labels, nil), r.BCEWithLogits(logits, labels, r.Constant("weight", weight, k))))
	}}
}

// total returns a scalar to which every element of x contributes with a different weight. All terms are positive, so that
// float32 can add them with small errors.
func (r *recording) total(random *rand.Rand, x *nn.Value) *nn.Value {
	n := x.Size()
	weights := make([]float32, n)
	for i := range weights {
		weights[i] = random.Float32() + 0.5
	}
	x = r.Reshape(x, n)
	return r.Reshape(r.Mean(r.Mul(r.Mul(x, x), r.Constant("weights of the elements", weights, n)), 0), 1)
}
