package torch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/combine"
	"mixmas/search/dataset"
	"mixmas/search/export/torch"
	"mixmas/search/model"
	"mixmas/search/task"
)

var python = flag.String("python", "", "a Python with PyTorch, for TestPyTorchGivesTheSameLogits")

var processor = cpu.New(cpu.Options{Workers: 1})

// kase is a model to export.
type kase struct {
	name        string
	description model.Description
}

// small are options of an architecture that make a small model. odd asks for others, which take other ways through the code.
func small(architecture string, width int, odd bool) mixer.Choice {
	switch architecture {
	case "mlp_mixer":
		return mixer.Choice{Architecture: architecture, Options: &mixer.MLPMixerOptions{Width: width, Depth: 2, TokenWidth: 5, ChannelWidth: 9, Dropout: 0.1}}
	case "hyper_mixer":
		o := &mixer.HyperMixerOptions{Width: width, Depth: 2, TokenWidth: 6, ChannelWidth: 9, Heads: 1}
		if odd {
			o.Heads, o.Tied, o.Depth = 2, true, 1
		}
		return mixer.Choice{Architecture: architecture, Options: o}
	case "monarch_mixer":
		return mixer.Choice{Architecture: architecture, Options: &mixer.MonarchMixerOptions{Width: width, Depth: 2}}
	case "ramlp":
		o := &mixer.RaMLPOptions{Depths: []int{1, 2}, Dims: []int{4, width}, MLPRatio: []int{2, 1}, Expansion: []int{2, 1}, Group: []int{2, 1}}
		if odd {
			o = &mixer.RaMLPOptions{Depths: []int{1, 1, 1}, Dims: []int{4, 6, width}, MLPRatio: []int{2, 1, 2}, Expansion: []int{2, 1, 2}, Group: []int{2, 3, 1}, Region: []int{2, 1, 1}}
		}
		return mixer.Choice{Architecture: architecture, Options: o}
	case "simple_mlp":
		return mixer.Choice{Architecture: architecture, Options: &mixer.SimpleMLPOptions{Hidden: 7, Width: width, Layers: 2}}
	}
	return mixer.Choice{Architecture: architecture} // with its defaults
}

// input is a modality of a kind, named like it.
func input(kind mixer.Kind, masked bool, encoder mixer.Choice) mixer.Modality {
	m := mixer.Modality{Name: string(kind), Kind: kind, Masked: masked, Encoder: encoder}
	switch kind {
	case mixer.Map:
		m.Shape = []int{2, 24, 24}
	case mixer.Sequence:
		m.Shape = []int{5, 3}
	case mixer.Text:
		m.Shape, m.Vocabulary, m.Masked = []int{7}, 11, true
	case mixer.Table:
		m.Shape = []int{4}
	}
	return m
}

// described is the description of a model, or of an ensemble of several.
func described(multiLabel bool, specs ...mixer.Specification) model.Description {
	d := model.Description{Name: "small", Classes: []string{"cat", "dog", "owl"}, Preprocessing: map[string]dataset.Standardisation{},
		Data: model.Data{Format: "npy", Fingerprint: strings.Repeat("1", 64)}, Metrics: map[string]map[string]float64{"validation": {"accuracy": 0.75}}}
	for i := range specs {
		specs[i].Classes, specs[i].MultiLabel = len(d.Classes), multiLabel
	}
	if d.Model = specs[0]; len(specs) > 1 {
		d.Model, d.Ensemble = mixer.Specification{}, &model.Ensemble{Mean: combine.Probabilities}
		for i, spec := range specs {
			d.Ensemble.Members = append(d.Ensemble.Members, model.Member{Model: spec, Member: combine.Member{Weight: 0.5 + float64(i), Temperature: 1 / (1 + float64(i))}})
		}
	}
	for _, m := range d.Modalities() {
		s := dataset.Uniform(0.5, 2)
		switch m.Kind {
		case mixer.Text:
			s = dataset.Standardisation{Per: dataset.None}
		case mixer.Map:
			s = dataset.Standardisation{Per: dataset.PerFeature, Mean: []float64{1, -30}, Deviation: []float64{0.5, 7}}
		case mixer.Table:
			s = dataset.Standardisation{Per: dataset.PerFeature, Mean: []float64{0, 1e6, 3, 4}, Deviation: []float64{1, 100, 1e-3, 1}, Missing: true}
		}
		d.Preprocessing[m.Name] = s
	}
	return d
}

func multimodal(fusion, network, prediction string, modalities ...mixer.Modality) mixer.Specification {
	n := small(network, 8, fusion == "sum")
	spec := mixer.Specification{Modalities: modalities, Fusion: mixer.Fuse(fusion), Network: &n, Prediction: prediction}
	if modalities[0].Encoder.Architecture == "linear" {
		spec.Width = 8
	}
	return spec
}

// kases are models of every architecture with every kind of input, of every fusion function with every network, with and without
// masks, and with everything else that a description can hold.
func kases() []kase {
	var list []kase
	add := func(d model.Description, format string, arguments ...any) {
		list = append(list, kase{fmt.Sprintf(format, arguments...), d})
	}
	var networks []string
	odd := false
	for _, a := range mixer.All() {
		if a.Takes(mixer.Tokens) {
			networks = append(networks, a.Name)
		}
		for _, kind := range a.Kinds {
			for _, masked := range []bool{false, true} {
				if kind == mixer.Tokens || kind == mixer.Text && !masked {
					continue
				}
				odd = !odd
				add(described(odd, mixer.Specification{Modalities: []mixer.Modality{input(kind, masked, small(a.Name, 8, odd))}}), "%s-%s-masked-%t", a.Name, kind, masked)
			}
		}
	}
	for _, f := range mixer.Fusions() {
		for i, n := range networks {
			prediction := []string{mixer.MeanPrediction, mixer.FusionPrediction, ""}[i%3]
			table := input(mixer.Table, false, small("simple_mlp", 8, false))
			add(described(false, multimodal(f.Name, n, prediction, input(mixer.Map, false, small("ramlp", 8, false)), input(mixer.Sequence, false, small(n, 8, false)), table)), "%s-%s", f.Name, n)
			add(described(true, multimodal(f.Name, n, prediction, input(mixer.Map, true, small("mlp_mixer", 6, false)), input(mixer.Sequence, true, small("hyper_mixer", 8, true)),
				input(mixer.Text, true, small(n, 6, false)), table)), "%s-%s-all-masked", f.Name, n)
			add(described(false, multimodal(f.Name, n, prediction, input(mixer.Sequence, true, small("linear", 0, false)), input(mixer.Table, false, small("linear", 0, false)))), "%s-%s-sequences", f.Name, n)
			add(described(false, multimodal(f.Name, n, prediction, input(mixer.Text, true, small("linear", 0, false)), input(mixer.Table, true, small("simple_mlp", 8, false)))), "%s-%s-rows", f.Name, n)
		}
	}

	text := input(mixer.Text, true, small("hyper_mixer", 8, false))
	text.Vectors = 5
	only := input(mixer.Sequence, true, small("monarch_mixer", 8, false))
	d := described(false, multimodal("concat", "hyper_mixer", "", text, only))
	d.Thresholds = []float64{0.1, -0.2, 0.3}
	add(d, "vectors")
	d = described(true, multimodal("concat", "hyper_mixer", "", text))
	d.Thresholds = []float64{0.1, -0.2, 0.3}
	add(d, "texts-alone")

	plain := []mixer.Specification{
		multimodal("mean", "mlp_mixer", "", input(mixer.Map, false, small("mlp_mixer", 8, false)), input(mixer.Table, false, small("simple_mlp", 8, false))),
		{Modalities: []mixer.Modality{input(mixer.Table, false, small("linear", 0, false))}},
		multimodal("concat", "monarch_mixer", mixer.FusionPrediction, input(mixer.Table, false, small("simple_mlp", 6, false)), input(mixer.Map, false, small("ramlp", 8, true))),
	}
	masked := []mixer.Specification{
		multimodal("sum", "hyper_mixer", "", input(mixer.Map, true, small("mlp_mixer", 8, false)), input(mixer.Text, true, small("mlp_mixer", 8, false))),
		{Modalities: []mixer.Modality{input(mixer.Text, true, small("linear", 0, false))}},
	}
	for _, multiLabel := range []bool{false, true} {
		for _, mean := range []combine.Mean{combine.Probabilities, combine.LogProbabilities} {
			for name, specs := range map[string][]mixer.Specification{"plain": plain, "masked": masked, "equal": {plain[0], plain[0]}} {
				d := described(multiLabel, append([]mixer.Specification{}, specs...)...)
				d.Ensemble.Mean = mean
				add(d, "ensemble-%s-%s-%t", name, mean, multiLabel)
			}
		}
	}

	d = described(false, multimodal("concat", "mlp_mixer", "", input(mixer.Table, false, small("simple_mlp", 6, false)), input(mixer.Sequence, true, small("linear", 0, false))))
	d.Name = "\x1b[31m\"\"\"\n\\"
	d.Classes = []string{`<script>"""`, "=1+1\\", "\u202ea\nb"}
	s := d.Preprocessing["sequence"]
	d.Model.Modalities[0].Name, d.Model.Modalities[1].Name = "type", `a"""b\ '{x} #`
	d.Preprocessing = map[string]dataset.Standardisation{"type": d.Preprocessing["table"], `a"""b\ '{x} #`: s}
	add(d, "hostile")

	d = described(false, mixer.Specification{Modalities: []mixer.Modality{input(mixer.Table, false, small("simple_mlp", 8, false))}})
	d.Classes = nil
	for i := range 150 {
		d.Classes = append(d.Classes, fmt.Sprintf("class %d", i))
	}
	d.Model.Classes = len(d.Classes)
	d.Preprocessing["table"] = dataset.Standardisation{Per: dataset.None}
	add(d, "many-classes")
	return list
}

// weights are random weights in which no tensor has its initial value.
func weights(spec mixer.Specification, seed uint64) (nn.Weights, error) {
	network, err := mixer.Build(spec)
	if err != nil {
		return nil, err
	}
	w, r := network.Parameters().Initialise(seed), rand.New(rand.NewPCG(seed, 1))
	for _, p := range network.Parameters().All() { // in one order
		for i := range w[p.Name].Data {
			if strings.HasSuffix(p.Name, "running_var") {
				w[p.Name].Data[i] = 0.5 + r.Float32()
			} else {
				w[p.Name].Data[i] += 0.2 * float32(r.NormFloat64())
			}
		}
	}
	return w, nil
}

// build makes the model, as it is read from the file that it writes.
func (k kase) build() (m *model.Model, file []byte, err error) {
	var all nn.Weights
	if k.description.Ensemble == nil {
		all, err = weights(k.description.Model, 1)
	} else {
		var members []nn.Weights
		for i, member := range k.description.Ensemble.Members {
			w, err := weights(member.Model, uint64(i))
			if err != nil {
				return nil, nil, err
			}
			members = append(members, w)
		}
		all = model.Join(members)
	}
	if err != nil {
		return nil, nil, err
	}
	var b bytes.Buffer
	if err := model.Write(&b, &k.description, all); err != nil {
		return nil, nil, err
	}
	m, err = model.Parse(b.Bytes())
	return m, b.Bytes(), err
}

func export(t testing.TB, m *model.Model) string {
	t.Helper()
	var b bytes.Buffer
	if err := torch.Write(t.Context(), &b, m, torch.Options{Weights: "model.safetensors", Device: processor, Producer: "mixmas test"}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// rows are random raw rows of a model's inputs, with masks. They are the test split of a data set.
type rows struct {
	dataset.Dataset // nothing else is asked
	m               *model.Model
	modalities      []dataset.Modality
	count           int
	raw, masks      [][]float32
}

func newRows(m *model.Model, count int) *rows {
	r, random := &rows{m: m, count: count}, rand.New(rand.NewPCG(7, 7))
	for _, reads := range m.Modalities() {
		modality := dataset.Modality{Name: reads.Name, Kind: reads.Kind, Shape: reads.Shape, Masked: reads.Masked, Vocabulary: reads.Vocabulary}
		raw, mask := make([]float32, count*modality.Size()), make([]float32, count*modality.Steps())
		for row := range count {
			real := random.IntN(modality.Steps() + 1)
			for i := range modality.Steps() {
				mask[row*modality.Steps()+i] = 1
				if modality.Masked && i >= real {
					mask[row*modality.Steps()+i] = 0
				}
			}
			for i := range modality.Size() {
				x := 3 * float32(random.NormFloat64())
				if modality.Kind == mixer.Text {
					x = float32(random.IntN(modality.Vocabulary+2)) * mask[row*modality.Steps()+i] // some unknown
				} else if m.Preprocessing[reads.Name].Missing && random.IntN(4) == 0 {
					x = float32(math.NaN())
				}
				raw[row*modality.Size()+i] = x
			}
		}
		r.modalities, r.raw, r.masks = append(r.modalities, modality), append(r.raw, raw), append(r.masks, mask)
	}
	return r
}

func (r *rows) Name() string                                      { return "random" }
func (r *rows) Len(dataset.Split) int                             { return r.count }
func (r *rows) Modalities() []dataset.Modality                    { return r.modalities }
func (r *rows) Task() task.Task                                   { return task.Task{Kind: r.m.Kind(), Classes: r.m.Classes} }
func (r *rows) Preprocessing() map[string]dataset.Standardisation { return r.m.Preprocessing }

func (r *rows) Read(_ dataset.Split, modality, row int, dst []float32) error {
	m := r.modalities[modality]
	copy(dst, r.raw[modality][row*m.Size():])
	r.m.Preprocessing[m.Name].Scaling(m).Apply(0, dst)
	for i := range dst {
		step := 0
		if m.Kind == mixer.Sequence || m.Kind == mixer.Text {
			step = i / (m.Size() / m.Steps())
		}
		if r.masks[modality][row*m.Steps()+step] == 0 || dst[i] != dst[i] {
			dst[i] = 0
		}
	}
	return nil
}

func (r *rows) Mask(_ dataset.Split, modality, row int, dst []float32) error {
	m := r.modalities[modality]
	copy(dst, r.masks[modality][row*m.Steps():])
	for i := range dst {
		if m.Kind == mixer.Text && r.raw[modality][row*m.Size()+i] == 0 {
			dst[i] = 0
		}
	}
	return nil
}

// tensor is a tensor in JSON; missing elements are null.
type tensor struct {
	Shape []int      `json:"shape"`
	Data  []*float32 `json:"data"`
}

func newTensor(data []float32, shape ...int) tensor {
	t := tensor{Shape: shape}
	for _, x := range data {
		if t.Data = append(t.Data, &x); x != x {
			t.Data[len(t.Data)-1] = nil
		}
	}
	return t
}

// expectation is what the check in Python compares an exported model with.
type expectation struct {
	Inputs                map[string]tensor `json:"inputs"`
	Logits, Probabilities tensor
	Labels                [][]string
}

func (r *rows) expectation(ctx context.Context) (expectation, error) {
	logits, err := r.m.Predict(ctx, processor, r, dataset.Test)
	if err != nil {
		return expectation{}, err
	}
	e := expectation{Inputs: map[string]tensor{}, Logits: newTensor(logits, r.count, len(r.m.Classes))}
	for i, m := range r.modalities {
		e.Inputs[m.Name] = newTensor(r.raw[i], append([]int{r.count}, m.Shape...)...)
		if m.Masked && m.Kind != mixer.Text {
			e.Inputs[m.Name+".mask"] = newTensor(r.masks[i], r.count, m.Steps())
		}
	}
	var probabilities []float32
	for row := range r.count {
		z := logits[row*len(r.m.Classes):][:len(r.m.Classes)]
		probabilities = append(probabilities, r.m.Probabilities(z)...)
		e.Labels = append(e.Labels, r.m.Labels(z))
	}
	e.Probabilities = newTensor(probabilities, r.count, len(r.m.Classes))
	return e, nil
}

// Exported models give the logits, probabilities and labels of mixmas in PyTorch, for every architecture, fusion function and
// network, and test themselves.
func TestPyTorchGivesTheSameLogits(t *testing.T) {
	if *python == "" {
		t.Skip("make test-export runs it: it needs a Python with PyTorch")
	}
	folder := t.TempDir()
	for _, k := range kases() {
		m, file, err := k.build()
		if err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
		e, err := newRows(m, 5).expectation(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
		want, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, k.name)
		if err := os.Mkdir(path, 0o777); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"model.py": export(t, m), "model.safetensors": string(file), "expected.json": string(want)} {
			if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	out, err := exec.CommandContext(t.Context(), *python, "../../../testdata/export/check_torch.py", folder).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
