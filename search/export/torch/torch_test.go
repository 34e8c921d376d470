package torch_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"mixmas/nn/cpu"
	"mixmas/nn/mixer"
	"mixmas/search/export/exporttest"
	"mixmas/search/export/torch"
	"mixmas/search/model"
)

var processor = cpu.New(cpu.Options{Workers: 1})

// export writes a model as a Python file.
func export(m *model.Model) (string, error) {
	var b bytes.Buffer
	err := torch.Write(context.Background(), &b, m, torch.Options{File: "small.py", Weights: "model.safetensors", Device: processor, Producer: "mixmas test"})
	return b.String(), err
}

// exported makes the files of all cases, by name.
var exported = sync.OnceValues(func() (map[string]string, error) {
	files := map[string]string{}
	for _, c := range exporttest.Cases() {
		m, err := c.Model()
		if err != nil {
			return nil, err
		}
		if files[c.Name], err = export(m); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return files, nil
})

// defined lists the classes and functions of a Python file.
func defined(file string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^(?:class|def) (\w+)`).FindAllStringSubmatch(file, -1) {
		names = append(names, m[1])
	}
	return names
}

// Files have no trace of what their model does not have, of conditions, or of text that is not shown as it is, and lines that people
// can read.
func TestFilesAreReadable(t *testing.T) {
	files, err := exported()
	if err != nil {
		t.Fatal(err)
	}
	files = maps.Clone(files)
	for seed := range uint64(20) {
		c := exporttest.Random(seed)
		m, err := c.Model()
		if err != nil {
			t.Fatal(err)
		}
		if files[c.Name], err = export(m); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
	}
	docstring := regexp.MustCompile(`(?s)"""(.*?)"""`)
	for name, file := range files {
		for i, line := range strings.Split(file, "\n") {
			if utf8.RuneCountInString(line) > 120 || strings.HasSuffix(line, " ") || strings.Contains(line, "#: ") {
				t.Errorf("%s: line %d: %s", name, i+1, line)
			}
			if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%s: line %d: %q", name, i+1, line)
			}
		}
		if strings.Count(file, `"""`)%2 != 0 || strings.Contains(file, "\n\n\n\n") {
			t.Errorf("%s: documentation does not end, or there are three empty lines", name)
		}
		code := regexp.MustCompile(`#.*`).ReplaceAllString(docstring.ReplaceAllString(file, ""), "")
		for _, defined := range defined(file) { // each is used
			if n := len(regexp.MustCompile(`\b`+defined+`\b`).FindAllString(code, -1)); n < 2 && defined != "predict" {
				t.Errorf("%s: %s is not used", name, defined)
			}
		}
		for _, m := range regexp.MustCompile(`(?m)^(?:import|from) .*?(\w+)$`).FindAllStringSubmatch(file, -1) {
			if n := len(regexp.MustCompile(`\b`+m[1]+`\b`).FindAllString(code, -1)); n < 2 {
				t.Errorf("%s: the import %s is not used", name, m[0])
			}
		}
		if !strings.Contains(file, "masked=True") && strings.Contains(strings.ReplaceAll(code, "masked_fill", ""), "mask") {
			t.Errorf("%s: a model without masks has code for them", name)
		}
	}
}

// Each model gets the classes that it needs.
func TestFilesHaveTheClassesOfTheirModel(t *testing.T) {
	files, err := exported()
	if err != nil {
		t.Fatal(err)
	}
	use := []string{"build", "Input", "prepare", "read", "load", "predict", "made_up", "self_test", "main"}
	for name, want := range map[string][]string{
		"linear/table":                 {"Flat", "Classifier"},
		"linear/text":                  {"Words", "WordMean", "mean_token", "encode", "Classifier"},
		"mlp_mixer/map":                {"MLP", "PatchEmbed", "Encoder", "MixerBlock", "Classifier"},
		"mlp_mixer/sequence":           {"MLP", "Encoder", "MixerBlock", "Classifier"},
		"monarch_mixer/map":            {"PatchEmbed", "Encoder", "Monarch", "MonarchBlock", "Classifier"},
		"ramlp/map":                    {"Down", "RegionMix", "StarReLU", "RaMLPBlock", "RaMLP", "Classifier"},
		"mix/all there/concat/mean":    {"MLP", "PatchEmbed", "Encoder", "MixerBlock", "sinusoid", "HyperMixing", "HyperMixerBlock", "SimpleMLP", "Concat", "Multimodal"},
		"mix/ensemble/two predictions": {"MLP", "PatchEmbed", "Encoder", "MixerBlock", "sinusoid", "HyperMixing", "HyperMixerBlock", "SimpleMLP", "Concat", "aligned", "Mean", "Classifier", "Multimodal", "Ensemble"},
	} {
		file, ok := files[name]
		if !ok {
			t.Errorf("there is no case %s", name)
		}
		slices.Sort(want)
		got := slices.DeleteFunc(defined(file), func(name string) bool { return slices.Contains(use, name) })
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the file defines %v, want %v", name, got, want)
		}
	}
	if file := files["mix/ensemble/one architecture"]; strings.Count(file, "Multimodal(\n") != 1 || !strings.Contains(file, "for _ in range(3)]") {
		t.Error("an ensemble of one architecture repeats it")
	}
	if file := files["mix/odd names"]; !strings.Contains(file, "ByName(encoders)") {
		t.Error(`nn.ModuleDict has no module "type"`)
	}
}

// The same model gives the same file.
func TestFilesAreTheSameEveryTime(t *testing.T) {
	files, err := exported()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range exporttest.Cases() {
		if !strings.HasPrefix(c.Name, "mix/ensemble/") {
			continue
		}
		m, err := c.Model()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := export(m); err != nil || again != files[c.Name] {
			t.Errorf("%s: two exports differ, %v", c.Name, err)
		}
	}
}

// Sources that cannot be part of a file stop the program when it starts.
func TestWrongFormsPanic(t *testing.T) {
	form := func(mixer.Input, any) (string, error) { return "X()", nil }
	for want, f := range map[string]func(){
		"it needs New":                       func() { torch.Register("none", torch.Architecture{}) },
		"mlp_mixer":                          func() { torch.Register("mlp_mixer", torch.Architecture{New: form}) },
		"both define Down":                   func() { torch.Register("one", torch.Architecture{Source: "class Down:\n    pass\n", New: form}) },
		"defines load, which every file has": func() { torch.Register("two", torch.Architecture{Source: "def load():\n    pass\n", New: form}) },
		"outside of classes and functions: x = 1": func() {
			torch.Register("three", torch.Architecture{Source: "import math\n\n\nclass Other:\n    pass\n\n\nx = 1\n", New: form})
		},
		"unknown condition maskd": func() {
			torch.Register("four", torch.Architecture{Source: "class Other:\n    pass  #: maskd\n", New: form})
		},
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.Contains(text, want) {
					t.Errorf("panicked with %q, want %q", text, want)
				}
			}()
			f()
		})
	}
}
