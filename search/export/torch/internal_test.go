package torch

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/export/exporttest"
	"mixmas/search/model"
)

func TestCall(t *testing.T) {
	long := strings.Repeat("x", 60)
	for _, c := range []struct{ got, want string }{
		{Call("Flat"), "Flat()"},
		{Call("F", "1", "b=2"), "F(1, b=2)"},
		{Call("F", long, long), "F(\n    " + long + ",\n    " + long + ",\n)"},
		{Call("F", Call("G", long, long), "1"), "F(\n    G(\n        " + long + ",\n        " + long + ",\n    ),\n    1,\n)"},
		{tuple([]int{1}) + tuple([]int{1, 2}), "(1,)(1, 2)"},
		{numbers("mean=", []float64{0.5}) + numbers("mean=", []float64{1e-7, -3}), "mean=(0.5,)mean=(1e-07, -3)"},
		{times(1, "B()") + times(2, "B()"), "[B()][B() for _ in range(2)]"},
		{times(2, long+Call("F", "1234567")), "[\n    " + long + "F(1234567)\n    for _ in range(2)\n]"},
		{dictionary([]string{"a\"b\n", "ü"}, []string{"1", "2"}), `{"a\"b\n": 1, "ü": 2}`},
	} {
		if c.got != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
	lines := strings.Split(wrapped("[", slices.Repeat([]string{"1234567890"}, 30), "]"), "\n")
	if len(lines) != 6 || lines[0] != "[" || lines[5] != "]" || lines[1] != "    "+strings.Repeat("1234567890, ", 7)+"1234567890," {
		t.Errorf("wrapped as %q", lines)
	}
}

func TestConditions(t *testing.T) {
	c := conditions{"yes": true, "no": false}
	text := "a  #: yes\nb  #: no\n    c = 1  #: not no\nd  #: no else e\nf  #: yes not no else g\nh  # a comment\n"
	if got := c.apply(text); got != "a\n    c = 1\ne\nf\nh  # a comment\n" {
		t.Errorf("got %q", got)
	}
}

// Words in comments and strings need no class, those in formatted strings do.
func TestNames(t *testing.T) {
	code := "x = \"A\" + 'it\\'s B' + f\"{C}\"  # D\ny = \"\"\"E \"F\" G\"\"\" + H + \"#\" + I"
	if got := names(code); !slices.Equal(got, []string{"x", "f", "C", "y", "H", "I"}) {
		t.Errorf("got %v", got)
	}
}

// Made-up rows are what python/self_test.py makes: these are the numbers of Python.
func TestMadeUpRows(t *testing.T) {
	m := &model.Model{Description: model.Description{Preprocessing: map[string]dataset.Standardisation{
		"map":  {Per: dataset.PerFeature, Mean: []float64{10, -1}, Deviation: []float64{0.5, 2}, Missing: true},
		"text": {Per: dataset.None}},
		Model: mixer.Specification{Modalities: []mixer.Modality{
			{Name: "map", Kind: mixer.Map, Shape: []int{2, 1, 3}, Masked: true}, {Name: "text", Kind: mixer.Text, Shape: []int{5}, Vocabulary: 7, Masked: true}}}}}
	data := newMadeUp(m, 3)
	read := func(modality, row, n int) (values, mask []float32) {
		values, mask = make([]float32, n), make([]float32, data.modalities[modality].Steps())
		if err := data.Read(dataset.Test, modality, row, values); err != nil {
			t.Fatal(err)
		}
		if err := data.Mask(dataset.Test, modality, row, mask); err != nil {
			t.Fatal(err)
		}
		return values, mask
	}
	for _, c := range []struct {
		modality, row int
		values, mask  []float32
	}{
		{0, 0, []float32{-2, -0.5456791, 1.327763, 0, -1.251687, 1.358754}, []float32{1}},
		{0, 1, []float32{-0, -0, 0, 0, 0, -0}, []float32{0}},
		{0, 2, []float32{-0, 0, -0, 0, 0, 0}, []float32{0}},
		{1, 0, []float32{5, 0, 0, 0, 0}, []float32{1, 0, 0, 0, 0}},
		{1, 1, []float32{0, 0, 0, 0, 0}, []float32{0, 0, 0, 0, 0}},
		{1, 2, []float32{2, 3, 2, 0, 0}, []float32{1, 1, 1, 0, 0}},
	} {
		values, mask := read(c.modality, c.row, len(c.values))
		for i, x := range values {
			if d := x - c.values[i]; d > 1e-5 || d < -1e-5 {
				t.Errorf("modality %d, row %d: %v, want %v", c.modality, c.row, values, c.values)
				break
			}
		}
		if !slices.Equal(mask, c.mask) {
			t.Errorf("modality %d, row %d: mask %v, want %v", c.modality, c.row, mask, c.mask)
		}
	}
}

// A part without a form is an error that names it and says what to do.
func TestPartsWithoutAFormAreNamed(t *testing.T) {
	linear, _ := architectures.Get("linear")
	architectures.Unregister("linear")
	defer architectures.Register("linear", "linear", linear)
	sum, _ := fusions.Get("sum")
	fusions.Unregister("sum")
	defer fusions.Register("sum", "sum", sum)
	steps := mixer.Modality{Name: "steps", Kind: mixer.Sequence, Shape: []int{3, 2}, Encoder: mixer.Choice{Architecture: "linear"}}
	table := mixer.Modality{Name: "table", Kind: mixer.Table, Shape: []int{3}, Encoder: mixer.Choice{Architecture: "simple_mlp"}}
	for _, c := range []struct {
		spec mixer.Specification
		want string
	}{
		{mixer.Specification{Modalities: []mixer.Modality{steps}, Classes: 2},
			"export to PyTorch: modality steps: the architecture linear has no PyTorch form: where it is registered, call torch.Register too, as docs/extending.md says"},
		{mixer.Specification{Modalities: []mixer.Modality{table}, Fusion: mixer.Fuse("sum"), Network: &mixer.Choice{Architecture: "mlp_mixer"}, Classes: 2},
			"export to PyTorch: the fusion function sum has no PyTorch form: where it is registered, call torch.RegisterFusion too, as docs/extending.md says"},
	} {
		network, err := mixer.Build(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		d := model.Description{Name: "test", Model: c.spec, Classes: []string{"a", "b"},
			Preprocessing: map[string]dataset.Standardisation{"steps": {Per: dataset.None}, "table": {Per: dataset.None}}}
		var b bytes.Buffer
		if err := model.Write(&b, &d, network.Parameters().Initialise(1)); err != nil {
			t.Fatal(err)
		}
		m, err := model.Parse(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		b.Reset()
		if err := Write(t.Context(), &b, m, Options{File: "model.py"}); err == nil || err.Error() != c.want || b.Len() > 0 {
			t.Errorf("got error %v, want %s", err, c.want)
		}
	}
}

// Every condition that a model can have is known to the check of sources.
func TestConditionsAreKnown(t *testing.T) {
	m, err := exporttest.Cases()[0].Model()
	if err != nil {
		t.Fatal(err)
	}
	f := file{Model: m}
	if got := slices.Sorted(maps.Keys(f.conditions())); !slices.Equal(got, slices.Sorted(slices.Values(known))) {
		t.Errorf("the conditions are %v, known are %v", got, known)
	}
}

// Files of older programs have no digest, and the exported file does not ask for one. A name that Python needs is refused.
func TestFilesWithoutADigest(t *testing.T) {
	m, err := exporttest.Cases()[0].Model()
	if err != nil {
		t.Fatal(err)
	}
	m.Description.Weights = ""
	o := Options{File: "model.py", Weights: "model.safetensors", Device: cpu.New(cpu.Options{Workers: 1})}
	if text, err := write(t.Context(), m, o); err != nil || strings.Contains(text, "DIGEST") || strings.Contains(text, "description") {
		t.Errorf("%v, or the file has a digest:\n%s", err, text)
	}
}

// Names that Python cannot import, or should not, are refused.
func TestNamesOfFiles(t *testing.T) {
	for name, want := range map[string]string{"json.py": "would hide Python's module json", "queue.py": "would hide Python's module queue", "my-model.py": "cannot be imported",
		"1st.py": "cannot be imported", "class.py": "cannot be imported", ".py": "cannot be imported", "model": "ends with .py", "model.txt": "ends with .py"} {
		if err := checkName(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want one with %q", name, err, want)
		}
	}
	if err := checkName("my_model2.py"); err != nil {
		t.Error(err)
	}
}

// A file names the model file that it loads as the place of the recipe, whatever its name.
func TestTheRecipeIsInTheModelFile(t *testing.T) {
	m, err := exporttest.Cases()[0].Model()
	if err != nil {
		t.Fatal(err)
	}
	m.Input = json.RawMessage("{}")
	o := Options{File: "model.py", Weights: "../ensemble.safetensors", Device: cpu.New(cpu.Options{Workers: 1})}
	if text, err := write(t.Context(), m, o); err != nil || !strings.Contains(text, `"input" in the metadata of ensemble.safetensors is its recipe.`) {
		t.Errorf("%v, or the file does not say where the recipe is:\n%.1000s", err, text)
	}
}

// Each architecture and fusion function of the program has a form.
func TestEveryPartHasAForm(t *testing.T) {
	for _, a := range mixer.All() {
		if !slices.Contains(architectures.Names(), a.Name) {
			t.Errorf("the architecture %s has no PyTorch form", a.Name)
		}
	}
	for _, name := range mixer.FusionNames() {
		if !slices.Contains(fusions.Names(), name) {
			t.Errorf("the fusion function %s has no PyTorch form", name)
		}
	}
}
