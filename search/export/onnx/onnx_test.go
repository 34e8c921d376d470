package onnx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/export/exporttest"
	"mixmas/search/export/onnx"
	"mixmas/search/model"
	"mixmas/search/task"
)

// cases are the models of package exporttest.
var cases = sync.OnceValue(exporttest.Cases)

// exported writes a model and reads its file.
func exported(t failer, m *model.Model) (file, []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := onnx.Write(&b, m, onnx.Options{Producer: "test"}); err != nil {
		t.Fatal(err)
	}
	f, err := parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f, b.Bytes()
}

// feed are the inputs of a case, by the names that the file's metadata say.
func feed(t failer, c exporttest.Case, f file) map[string]array {
	t.Helper()
	var inputs []onnx.Input
	if err := json.Unmarshal([]byte(f.metadata["inputs"]), &inputs); err != nil {
		t.Fatal(err)
	}
	values := map[string]array{}
	for _, in := range inputs {
		of := c.Inputs[slices.IndexFunc(c.Inputs, func(x exporttest.Input) bool { return x.Name == in.Modality })]
		a := array{kind: map[string]int{"float32": 1, "int64": 7, "bool": 9}[in.Type], dims: append([]int{c.Rows}, in.Shape...)}
		switch in.Role {
		case "values", "tokens":
			for _, v := range of.Values {
				a.data = append(a.data, float64(v))
			}
		default:
			for _, n := range of.Lengths {
				a.data = append(a.data, float64(n))
			}
		}
		values[in.Name] = a
	}
	return values
}

// Every model predicts from its file as the program does: every encoder on every kind of input, every fusion function with every
// network, ensembles. (make test-export compares with onnxruntime.)
func TestFilesPredictAsTheProgramDoes(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			m, err := c.Model()
			if err != nil {
				t.Fatal(err)
			}
			want, err := c.Logits(t.Context(), cpu.New(cpu.Options{Workers: 1}), m)
			if err != nil {
				t.Fatal(err)
			}
			f, _ := exported(t, m)
			checkForm(t, f)
			got, err := f.run(feed(t, c, f))
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got["logits"], want, exact)
			classes := len(m.Classes)
			for row := range c.Rows {
				labels, z := []string{}, want[row*classes:][:classes]
				for i, class := range m.Classes {
					if m.Kind() == task.OneLabel && got["labels"].data[row] == float64(i) || m.Kind() == task.MultiLabel && got["labels"].data[row*classes+i] == 1 {
						labels = append(labels, class)
					}
				}
				if want := m.Labels(z); !slices.Equal(labels, want) {
					t.Errorf("row %d is %v, want %v", row, labels, want)
				}
				for i, p := range m.Probabilities(z) {
					if math.Abs(got["probabilities"].data[row*classes+i]-float64(p)) > 1e-5 {
						t.Errorf("row %d, class %d: probability %v, want %v", row, i, got["probabilities"].data[row*classes+i], p)
					}
				}
			}
		})
	}
}

// How far logits may differ, as a share of their size. Models and programs that are drawn at random may normalise one or two features,
// which makes rounding errors hundreds of times larger.
const (
	exact   = 1e-4
	rounded = 1e-2
)

// compare requires logits that differ by at most a share of their size.
func compare(t failer, got array, want []float32, share float64) {
	t.Helper()
	if len(got.data) != len(want) {
		t.Fatalf("%d logits, want %d", len(got.data), len(want))
	}
	scale := 0.01
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	for i, v := range want {
		if d := math.Abs(got.data[i] - float64(v)); !(d <= share*scale) {
			t.Fatalf("logit %d is %v, want %v", i, got.data[i], v)
		}
	}
}

// checkForm requires a file as the format wants it: versions, names that are there once, values that are written before they are
// read, and nothing that nobody reads.
func checkForm(t testing.TB, f file) {
	t.Helper()
	if f.ir != 8 || f.opset != 17 || f.producer != [2]string{"mixmas", "test"} {
		t.Errorf("IR version %d, opset %d, producer %v", f.ir, f.opset, f.producer)
	}
	read, written, nodes := map[string]bool{}, map[string]bool{}, map[string]bool{}
	write := func(name string) {
		if written[name] || name == "" {
			t.Errorf("%q is written twice, or has no name", name)
		}
		written[name] = true
	}
	for _, in := range f.inputs {
		write(in.name)
		if in.doc == "" || len(in.dims) == 0 || in.dims[0] != "batch" {
			t.Errorf("the input %+v is not described, or has no batch", in)
		}
	}
	for name := range f.constants {
		write(name)
	}
	for _, n := range f.nodes {
		for _, name := range n.inputs {
			if !written[name] {
				t.Errorf("%s reads %s before it is written", n.name, name)
			}
			read[name] = true
		}
		if len(n.outputs) != 1 || n.name == "" || nodes[n.name] {
			t.Errorf("the node %+v has no output or no name of its own", n)
		}
		nodes[n.name] = true
		write(n.outputs[0])
	}
	var outputs []string
	for _, out := range f.outputs {
		outputs = append(outputs, out.name)
		read[out.name] = true
		if !written[out.name] || out.dims[0] != "batch" {
			t.Errorf("the output %+v is not written, or has no batch", out)
		}
	}
	if !slices.Equal(outputs, []string{"logits", "probabilities", "labels"}) {
		t.Errorf("outputs %v", outputs)
	}
	for name := range written {
		if !read[name] && !slices.ContainsFunc(f.inputs, func(in value) bool { return in.name == name }) {
			t.Errorf("nothing reads %s", name)
		}
	}
}

// A file has each weight once, and little else; and the same bytes every time.
func TestFilesHaveWeightsOnce(t *testing.T) {
	for _, c := range cases() {
		m, err := c.Model()
		if err != nil {
			t.Fatal(err)
		}
		f, first := exported(t, m)
		if _, second := exported(t, m); !bytes.Equal(first, second) {
			t.Errorf("%s: the second file differs", c.Name)
		}
		weights := 0
		for _, tensor := range c.Weights {
			weights += 4 * len(tensor.Data)
		}
		rest := len(first) - weights - 200*len(f.nodes) - len(f.metadata["mixmas"])
		for _, name := range f.order { // HyperMixers have positions
			if strings.Contains(name, "positions") {
				rest -= 4 * len(f.constants[name].data)
			}
		}
		if rest > 8<<10 {
			t.Errorf("%s: %d bytes for %d bytes of weights and %d nodes", c.Name, len(first), weights, len(f.nodes))
		}
	}
}

// Sizes of graphs: as many products as the architectures have layers, and few nodes besides.
func TestGraphsAreSmall(t *testing.T) {
	for name, want := range map[string]struct{ products, nodes int }{
		"linear/sequence":      {1, 12},
		"simple_mlp/table":     {3, 12},
		"mlp_mixer/sequence":   {6, 36}, // embed, two for tokens, two for features, head
		"mlp_mixer/map":        {6, 38},
		"hyper_mixer/sequence": {10, 52},
		"monarch_mixer/map":    {10, 48},
		"ramlp/map":            {19, 102}, // and one for labels
	} {
		c := cases()[slices.IndexFunc(cases(), func(c exporttest.Case) bool { return c.Name == name })]
		c.Description.Thresholds = nil // which cases have some depends on how many there are
		m, err := c.Model()
		if err != nil {
			t.Fatal(err)
		}
		f, _ := exported(t, m)
		products := 0
		for _, n := range f.nodes {
			if n.operation == "MatMul" || n.operation == "Gemm" {
				products++
			}
		}
		if products != want.products || len(f.nodes) > want.nodes {
			t.Errorf("%s: %d products and %d nodes, want %d and at most %d", name, products, len(f.nodes), want.products, want.nodes)
		}
	}
}

// The metadata say what a reader needs, and the description is that of the model's file.
func TestMetadata(t *testing.T) {
	c := exporttest.Cases()[0]
	c.Description.Classes[1] = "<script>\u202e=1\n\xff"
	c.Description.Input = json.RawMessage(`{"columns":["a"]}`)
	c.Description.Thresholds = []float64{1, 2, 3}
	m, err := c.Model()
	if err != nil {
		t.Fatal(err)
	}
	f, _ := exported(t, m)
	var d model.Description
	if err := json.Unmarshal([]byte(f.metadata["mixmas"]), &d); err != nil || string(d.Input) != `{"columns":["a"]}` || d.Name != c.Name {
		t.Errorf("description %+v, %v", d, err)
	}
	var classes []string
	if err := json.Unmarshal([]byte(f.metadata["classes"]), &classes); err != nil || !slices.Equal(classes, m.Classes) {
		t.Errorf("classes %q, want %q, %v", classes, m.Classes, err)
	}
	if f.metadata["thresholds"] != "[1,2,3]" || f.metadata["task"] != "one_label_per_row" || !strings.Contains(f.doc, "trained by mixmas") {
		t.Errorf("thresholds %s, task %s, about %s", f.metadata["thresholds"], f.metadata["task"], f.doc)
	}
}

// Features have the names that the recipe of the input gives them.
func TestFeaturesAreNamed(t *testing.T) {
	list := exporttest.Cases()
	c := list[slices.IndexFunc(list, func(c exporttest.Case) bool { return c.Name == "simple_mlp/table" })]
	c.Description.Input = json.RawMessage(`{"version": 1, "header": true, "sources": [{"name": "a.csv", "columns": [{"name": "age"}, {"name": "sex"}, {"name": "size"}]}],
		"modalities": [{"name": "table", "source": 0, "columns": [0, 1, 2], "table": {"columns": [
			{"kind": "number", "missing": true, "form": "decimal points"}, {"kind": "category", "values": ["f", "m"]}, {"kind": "number", "form": "decimal points"}]}}]}`)
	m, err := c.Model()
	if err != nil {
		t.Fatal(err)
	}
	f, _ := exported(t, m)
	if want := `"features":["age","age missing","sex=f","sex=m","size"]`; !strings.Contains(f.metadata["inputs"], want) {
		t.Errorf("got %s, want %s in it", f.metadata["inputs"], want)
	}
}

// Random models, ensembles among them.
func TestRandomModels(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := exporttest.Random(rapid.Uint64().Draw(t, "seed"))
		m, err := c.Model()
		if err != nil {
			t.Fatal(err)
		}
		want, err := c.Logits(context.Background(), cpu.New(cpu.Options{Workers: 1}), m)
		if err != nil {
			t.Fatal(err)
		}
		f, _ := exported(t, m)
		got, err := f.run(feed(t, c, f))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, got["logits"], want, exact)
	})
}

// Files of older programs can be exported, and what is too large for the format is refused.
func TestOtherFiles(t *testing.T) {
	m, err := model.Open("../../model/testdata/version1.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	f, _ := exported(t, m)
	checkForm(t, f)
	if err := onnx.TooLarge(); err == nil || !strings.Contains(err.Error(), "the file would be larger than 2 GiB") {
		t.Errorf("error %v", err)
	}
}

// The file of a model that was trained to do without modalities has an input for each that says whether a row has it, and predicts as the
// program does of rows that lack them all. (TestFilesPredictAsTheProgramDoes compares rows that lack some.) In an ensemble, a modality
// is optional only if all members do without.
func TestFilesOfModelsThatDoWithout(t *testing.T) {
	list := exporttest.Cases() // which are changed
	find := func(name string) exporttest.Case {
		return list[slices.IndexFunc(list, func(c exporttest.Case) bool { return c.Name == name })]
	}
	c := find("mix/trained to do without")
	m, err := c.Model()
	if err != nil {
		t.Fatal(err)
	}
	f, _ := exported(t, m)
	values := feed(t, c, f)
	for _, name := range []string{"map.present", "steps.length", "table.present"} {
		given, has := values[name]
		if !has {
			t.Fatalf("there is no input %s", name)
		}
		clear(given.data)
		if about := f.metadata["inputs"]; !strings.Contains(about, "; the model was trained to do without it") {
			t.Errorf("the metadata do not say that it is optional: %s", about)
		}
	}
	clear(values["text"].data)
	for i := range c.Inputs {
		clear(c.Inputs[i].Lengths)
		if c.Inputs[i].Kind == mixer.Text {
			clear(c.Inputs[i].Values)
		}
	}
	want, err := c.Logits(t.Context(), cpu.New(cpu.Options{Workers: 1}), m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.run(values)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, got["logits"], want, exact)

	for name, optional := range map[string]bool{"mix/ensemble/some members do without": false, "mix/ensemble/all members do without": true} {
		m, err := find(name).Model()
		if err != nil {
			t.Fatal(err)
		}
		f, _ := exported(t, m)
		if has := strings.Contains(f.metadata["inputs"], "map.present"); has != optional {
			t.Errorf("%s: the input map.present is there: %t", name, has)
		}
	}
}
