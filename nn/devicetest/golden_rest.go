package devicetest

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/devicetest/golden"
	"mixmas/nn/mixer"
	"mixmas/nn/philox"
)

// runners run a case of each operation.
var runners = map[string]func(v *vectors){
	"cross_entropy": runCrossEntropy, "bce_with_logits": runLoss,
	"multimodal": runMultimodal, "training": runTraining,
	"adam": runOptimiser, "adam_l2": runOptimiser, "adamw": runOptimiser, "sgd_momentum": runOptimiser,
	"plateau": runPlateau, "philox": runPhilox,
}

func init() {
	for op := range modules {
		runners[op] = runModule
	}
}

func runLoss(v *vectors) {
	r := record(v.T, nn.NewScope().Parameters(), nn.Training)
	x, labels := v.array("x"), v.array("labels")
	logits := r.input("x", x.Float32(), x.Shape...)
	r.RequireGradient(logits)
	var loss *nn.Value
	switch v.c.Op {
	case "cross_entropy":
		loss = r.CrossEntropy(logits, r.input("labels", labels.Float32(), labels.Shape...))
	case "soft_cross_entropy":
		loss = r.CrossEntropy(logits, r.input("labels", oneHot(labels.Float32(), x.Shape[1]), x.Shape...))
	default:
		y := r.input("labels", labels.Float32(), labels.Shape...)
		var weight *nn.Value
		if w, ok := v.arrays["pos_weight"]; ok {
			weight = r.Constant("pos_weight", w.Float32(), w.Shape...)
		}
		loss = r.BCEWithLogits(logits, y, weight)
	}
	r.Output("loss", loss)
	r.Backward(loss, nil)
	gx := r.Gradient(logits)
	r.Output("gx", gx)
	v.load(r, nn.Weights{})
	r.run(device.Step{})
	v.wantValue("y", r, loss)
	v.wantValue("gx", r, gx)
}

// runCrossEntropy runs the vectors of class indices, and again with each index as a soft label.
func runCrossEntropy(v *vectors) {
	runLoss(v)
	v.c.Op = "soft_cross_entropy"
	runLoss(v)
}

// oneHot returns a row per class index, with 1 for that class and 0 for the others.
func oneHot(indices []float32, classes int) []float32 {
	rows := make([]float32, len(indices)*classes)
	for i, class := range indices {
		rows[i*classes+int(class)] = 1
	}
	return rows
}

// ordered holds the members of a JSON object of numbers, in order.
type ordered []struct {
	name  string
	value int
}

// UnmarshalJSON implements [json.Unmarshaler].
func (o *ordered) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(strings.NewReader(string(data)))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value int
		if err := d.Decode(&value); err != nil {
			return err
		}
		*o = append(*o, struct {
			name  string
			value int
		}{name.(string), value})
	}
	return nil
}

// multimodalModel returns the model of a multimodal case.
func multimodalModel(v *vectors) nn.Model {
	var h struct {
		Widths                                 ordered
		D, T, C, Heads, Patch, Classes, Hidden int
		Fusion, Network, Prediction            string
		NetworkHeads                           int `json:"network_heads"`
	}
	v.hyper(&h)
	network := mixer.Choice{Architecture: h.Network, Options: mixerOptions(h.Network, h.D, 1, 0, h.T, h.C, h.NetworkHeads)}
	spec := mixer.Specification{Fusion: mixer.Fuse(h.Fusion), Network: &network, Prediction: h.Prediction, Classes: h.Classes,
		MultiLabel: len(v.array("labels").Shape) == 2}
	if w, ok := v.arrays["pos_weight"]; ok {
		spec.PosWeight = w.Float32()
	}
	for _, w := range h.Widths {
		m := mixer.Modality{Name: w.name, Shape: v.array("x." + w.name).Shape[1:]}
		switch w.name {
		case "image":
			m.Kind, m.Encoder = mixer.Map, mixer.Choice{Architecture: "mlp_mixer", Options: mixerOptions("mlp_mixer", w.value, 1, h.Patch, h.T, h.C, 0)}
		case "series":
			m.Kind, m.Encoder = mixer.Sequence, mixer.Choice{Architecture: "hyper_mixer", Options: mixerOptions("hyper_mixer", w.value, 1, 0, h.T, h.C, h.Heads)}
		case "table":
			m.Kind, m.Encoder = mixer.Table, mixer.Choice{Architecture: "simple_mlp", Options: &mixer.SimpleMLPOptions{Hidden: h.Hidden, Width: w.value, Layers: 2}}
		default:
			v.Fatalf("unknown modality %s", w.name)
		}
		spec.Modalities = append(spec.Modalities, m)
	}
	return v.build(spec)
}

func (v *vectors) build(spec mixer.Specification) nn.Model {
	v.Helper()
	m, err := mixer.Build(spec)
	if err != nil {
		v.Fatal(err)
	}
	return m
}

func runMultimodal(v *vectors) {
	m := multimodalModel(v).(*mixer.Multimodal)
	v.checkShapes(m.Parameters())
	record := func() (r *recording, inputs []*nn.Value) {
		r = record(v.T, m.Parameters(), nn.Training)
		for _, in := range m.Inputs() {
			x := v.array("x." + in.Name)
			inputs = append(inputs, r.input(in.Name, x.Float32(), x.Shape...))
		}
		return r, inputs
	}

	r, inputs := record()
	labels := v.array("labels")
	y, loss := m.Forward(r.Graph, inputs, r.input("labels", labels.Float32(), labels.Shape...))
	r.Output("y", y)
	r.Output("loss", loss)
	r.Backward(loss, nil)
	v.load(r, v.weights())
	r.run(device.Step{})
	v.wantValue("loss", r, loss)
	v.wantValue("y", r, y)
	v.wantParameters(r)

	r, inputs = record()
	_, each := m.Logits(r.Graph, inputs)
	for i, in := range m.Inputs() {
		r.Output("z."+in.Name, each[i])
	}
	v.load(r, v.weights())
	r.run(device.Step{})
	for i, in := range m.Inputs() {
		v.wantValue("z."+in.Name, r, each[i])
	}
}

// samples are in-memory arrays as [nn.Samples].
type samples struct {
	inputs [][]float32
	labels []float32
	rows   int
}

// Len implements [nn.Samples].
func (s *samples) Len() int { return s.rows }

// Read implements [nn.Samples].
func (s *samples) Read(row, input int, dst []float32) error {
	copy(dst, s.inputs[input][row*len(dst):])
	return nil
}

// Label implements [nn.Samples].
func (s *samples) Label(row int, dst []float32) error {
	copy(dst, s.labels[row*len(dst):])
	return nil
}

func runTraining(v *vectors) {
	var h struct {
		LR                                      float64
		Epochs, D, T, C, Heads, Classes, Hidden int
		Batches                                 []int
		RaMLP                                   mixer.RaMLPOptions `json:"ramlp"`
	}
	v.hyper(&h)
	data := &samples{labels: v.array("labels").Float32(), rows: len(v.array("labels").Data)}
	modality := func(name string, kind mixer.Kind, architecture string, options any) mixer.Modality {
		x := v.array("x." + name)
		data.inputs = append(data.inputs, x.Float32())
		return mixer.Modality{Name: name, Kind: kind, Shape: x.Shape[1:], Encoder: mixer.Choice{Architecture: architecture, Options: options}}
	}
	model := v.build(mixer.Specification{
		Modalities: []mixer.Modality{
			modality("image", mixer.Map, "ramlp", &h.RaMLP),
			modality("series", mixer.Sequence, "hyper_mixer", mixerOptions("hyper_mixer", h.D, 1, 0, h.T, h.C, h.Heads)),
			modality("table", mixer.Table, "simple_mlp", &mixer.SimpleMLPOptions{Hidden: h.Hidden, Width: h.D, Layers: 2}),
		},
		Fusion: mixer.Fuse("concat"), Network: &mixer.Choice{Architecture: "mlp_mixer", Options: mixerOptions("mlp_mixer", h.D, 1, 0, h.T, h.C, 0)},
		Classes: h.Classes})
	v.checkShapes(model.Parameters())
	trainer, err := nn.NewTrainer(v.device, model, nn.Recipe{Optimiser: "adam", Batch: h.Batches[0]}, 0)
	if err != nil {
		v.Fatal(err)
	}
	defer trainer.Close()
	if err := trainer.Load(v.weights()); err != nil {
		v.Fatal(err)
	}
	var losses []float64
	for range h.Epochs {
		at := 0
		for _, size := range h.Batches {
			rows := make([]int, size)
			for i := range rows {
				rows[i] = at + i
			}
			at += size
			loss, err := trainer.Step(data, rows, h.LR)
			if err != nil {
				v.Fatal(err)
			}
			losses = append(losses, loss)
		}
	}
	program, err := trainer.Program(h.Batches[0])
	if err != nil {
		v.Fatal(err)
	}
	v.note(program)
	deepest := slices.Max(v.depths)
	v.wantRounded("losses", losses, deepest)
	weights, err := trainer.Weights()
	if err != nil {
		v.Fatal(err)
	}
	for _, p := range model.Parameters().All() {
		switch got := widen(weights[p.Name].Data); {
		case !p.Trainable:
			v.wantRounded("b."+p.Name, got, deepest)
		case v.rounding.Roundoff > 0:
			// Adam moves a parameter by about the learning rate per step, however small its gradient: one whose gradient is
			// noise may move in any direction.
			v.within("p1."+p.Name, got, 2*h.LR*float64(len(losses)))
		default:
			v.want("p1."+p.Name, got)
		}
	}
	y, err := trainer.Predict(context.Background(), data)
	if err != nil {
		v.Fatal(err)
	}
	v.wantRounded("y", widen(y), deepest)
}

func runOptimiser(v *vectors) {
	var h struct {
		LR, Eps, Momentum float64
		Betas             []float64
		WeightDecay       float64 `json:"weight_decay"`
	}
	v.hyper(&h)
	o := nn.Optimiser{Name: v.c.Op, Eps: h.Eps, Momentum: h.Momentum, WeightDecay: h.WeightDecay}
	switch v.c.Op {
	case "adam_l2":
		o.Name = "adam"
	case "sgd_momentum":
		o.Name = "sgd"
	}
	if len(h.Betas) == 2 {
		o.Beta1, o.Beta2 = h.Betas[0], h.Betas[1]
	}
	start, grads := v.array("p"), v.array("grads")
	s := nn.NewScope()
	p := s.Parameter("p", nn.Constant(0), start.Shape...)
	r := record(v.T, s.Parameters(), nn.Training)
	// The gradient of a parameter comes from the backward pass of 1·p.
	r.Backward(r.Scale(r.Parameter(p), 1), r.input("gradient", nil, start.Shape...))
	r.Optimise(o)
	v.load(r, nn.Weights{"p": {Shape: start.Shape, Data: start.Float32()}})
	var trace []float64
	for i := range grads.Shape[0] {
		r.inputs[0].data = grads.Float32()[i*p.Size():][:p.Size()]
		r.run(device.Step{LearningRate: h.LR, Update: i + 1})
		trace = append(trace, widen(r.state(r.places["p"]))...)
	}
	v.want("trace", trace)
}

func runPlateau(v *vectors) {
	var h struct {
		LR, Factor, Threshold float64
		Patience              int
	}
	v.hyper(&h)
	p := nn.NewPlateau(h.LR, nn.Reduction{Factor: h.Factor, Patience: h.Patience})
	p.Threshold = h.Threshold
	var rates []float64
	for _, loss := range v.array("values").Data {
		rates = append(rates, p.Observe(loss))
	}
	v.want("lr", rates)
}

// runPhilox compares the generator's words, and the elements that dropout keeps.
func runPhilox(v *vectors) {
	var h struct {
		P               float64
		Step, Operation uint32
		Key             [2]uint32
	}
	v.hyper(&h)
	words := v.array("words")
	for i := range words.Shape[0] {
		counter, key := uint32s(v.array("counters"), i), uint32s(v.array("keys"), i)
		got, want := philox.Block([4]uint32(counter), [2]uint32(key)), [4]uint32(uint32s(words, i))
		if got != want {
			v.Errorf("block of counter %x under key %x is %x, want %x", counter, key, got, want)
		}
	}

	n := len(v.array("keep").Data)
	r := record(v.T, nn.NewScope().Parameters(), nn.Training)
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	x := r.input("x", ones, n)
	r.RequireGradient(x)
	for range h.Operation {
		r.Dropout(x, h.P)
	}
	y := r.Dropout(x, h.P)
	r.Output("y", y)
	r.Backward(y, r.input("gy", ones, n))
	gx := r.Gradient(x)
	r.Output("gx", gx)
	v.load(r, nn.Weights{})
	r.run(device.Step{Seed: uint64(h.Key[1])<<32 | uint64(h.Key[0]), Counter: h.Step})
	for _, out := range []*nn.Value{y, gx} {
		keep := widen(r.read(out))
		for i := range keep {
			keep[i] *= 1 - h.P
			if math.Abs(keep[i]-1) < 1e-6 {
				keep[i] = 1
			}
		}
		v.want("keep", keep)
	}
}

// uint32s returns row i of an array of words.
func uint32s(a golden.Array, i int) []uint32 {
	row := make([]uint32, a.Shape[1])
	for k := range row {
		row[k] = uint32(a.Data[i*len(row)+k])
	}
	return row
}
