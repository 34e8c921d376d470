package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/strategy"
)

// fakeOptions are the options of the test's architecture.
type fakeOptions struct {
	Width   int     `yaml:"width" json:"width" jsonschema:"minimum=1" doc:"features a token"`
	Heads   int     `yaml:"heads" json:"heads" jsonschema:"minimum=1" doc:"heads"`
	Dims    []int   `yaml:"dims" json:"dims" doc:"dimensions"`
	Pair    [2]int  `yaml:"pair" json:"pair" doc:"two numbers"`
	Tied    bool    `yaml:"tied" json:"tied" doc:"tied"`
	Dropout float64 `yaml:"dropout" json:"dropout" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"dropout"`
}

type plainOptions struct {
	Width int `yaml:"width" json:"width" doc:"features a token"`
}

type fakeDataOptions struct {
	Path string `yaml:"path" json:"path" doc:"folder"`
	Rows int    `yaml:"rows" json:"rows" jsonschema:"minimum=1" doc:"rows"`
}

// notBuilt is the New of the test's architectures.
func notBuilt(*nn.Scope, mixer.Input, any) (mixer.Network, error) {
	return nil, errors.New("not built")
}

func init() {
	mixer.Register(mixer.Architecture{
		Name: "test_mixer", Doc: "for tests", Kinds: []mixer.Kind{mixer.Map, mixer.Tokens},
		Options: func() any { return &fakeOptions{Width: 16, Heads: 1, Dims: []int{1, 2}, Dropout: 0} },
		New:     notBuilt,
	})
	mixer.Register(mixer.Architecture{
		Name: "test_table", Doc: "for tests", Kinds: []mixer.Kind{mixer.Table}, Options: func() any { return &plainOptions{8} }, New: notBuilt,
	})
	mixer.Register(mixer.Architecture{
		Name: "test_network", Doc: "for tests", Kinds: []mixer.Kind{mixer.Tokens}, Options: func() any { return &plainOptions{8} }, New: notBuilt,
	})
	dataset.Register(dataset.Format{
		Name: "test", Doc: "For tests.", Options: func() any { return &fakeDataOptions{Path: "here", Rows: 4} },
		Open: func(context.Context, any, dataset.Environment) (dataset.Dataset, error) {
			return nil, errors.New("not opened")
		},
	})
}

const small = `data: {format: test, path: there}
search:
  encoders:
    image:
      defaults: {width: 32, dropout: 0.25}
      candidates:
        - test_mixer
        - {name: test_mixer, label: wide, width: 64, dims: [4, 5, 6], pair: [7, 8], tied: true}
    values: {candidates: [test_table]}
  networks: {candidates: [{name: test_mixer, heads: 2}, test_network]}
`

func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("small.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParseFillsDefaultsAndOptions(t *testing.T) {
	want := base()
	want.Name = "test"
	want.Data = Data{Format: "test", Options: &fakeDataOptions{Path: "there", Rows: 4}}
	want.Search.Encoders = map[string]Candidates{
		"image": {
			{Name: "test_mixer", Label: "test_mixer", OwnDropout: true,
				Options: &fakeOptions{Width: 32, Heads: 1, Dims: []int{1, 2}, Dropout: 0.25}},
			{Name: "test_mixer", Label: "wide", OwnDropout: true,
				Options: &fakeOptions{Width: 64, Heads: 1, Dims: []int{4, 5, 6}, Pair: [2]int{7, 8}, Tied: true, Dropout: 0.25}},
		},
		"values": {{Name: "test_table", Label: "test_table", Options: &plainOptions{8}}},
	}
	want.Search.Networks = Candidates{
		{Name: "test_mixer", Label: "test_mixer", Options: &fakeOptions{Width: 16, Heads: 2, Dims: []int{1, 2}}},
		{Name: "test_network", Label: "test_network", Options: &plainOptions{8}},
	}
	if diff := cmp.Diff(want, parse(t, small), cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Error(diff)
	}
}

func TestWithDropout(t *testing.T) {
	c := parse(t, small)
	for _, test := range []struct {
		candidate Candidate
		want      any
	}{
		{c.Search.Encoders["image"][0], &fakeOptions{Width: 32, Heads: 1, Dims: []int{1, 2}, Dropout: 0.25}},
		{c.Search.Networks[0], &fakeOptions{Width: 16, Heads: 2, Dims: []int{1, 2}, Dropout: 0.5}},
		{c.Search.Networks[1], &plainOptions{8}},
	} {
		if diff := cmp.Diff(test.want, test.candidate.WithDropout(0.5)); diff != "" {
			t.Error(diff)
		}
	}
	if own := c.Search.Networks[0].Options.(*fakeOptions); own.Dropout != 0 {
		t.Error("WithDropout changed the candidate's own options")
	}
}

// edit replaces text in the small configuration.
func edit(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(small) }

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "c.yaml:1: the configuration is empty"},
		{"syntax", "seed: 1\ndata: [\nsearch: }", "c.yaml:2: did not find expected"},
		{"two documents", small + "---\n" + small, "c.yaml:11: want one YAML document, got more"},
		{"list", "- a", "c.yaml:1: want fields with values, got a list"},
		{"unknown field", small + "seach: 1", "c.yaml:11: seach: unknown field: known are name, settings, seed, numerics, data, sample, search, train"},
		{"twice", small + "seed: 1\nseed: 2", "c.yaml:12: seed: is given twice"},
		{"no value", small + "seed:", "c.yaml:11: seed: has no value"},
		{"seed", small + "seed: -1", `c.yaml:11: seed: want a whole number from 0 to 18446744073709551615, got "-1"`},
		{"no format", edit("format: test, ", ""), "c.yaml:1: data: format is missing: known are avmnist"},
		{"format", edit("format: test", "format: tset"), `c.yaml:1: data.format: unknown data format "tset": known are avmnist`},
		{"format option", edit("path: there", "rows: 0"), "c.yaml:1: data.rows: want at least 1, got 0"},
		{"unknown format option", edit("path: there", "pth: x"), "c.yaml:1: data.pth: unknown field: known are format, pos_weight, path, rows"},
		{"no data", "search: {}", "c.yaml:1: data: is missing"},
		{"pos weight", edit("path: there", "pos_weight: [1, 0]"), "c.yaml:1: data.pos_weight[1]: want more than 0, got 0"},
		{"whole number", small + "sample: {size: 1.5}", `c.yaml:11: sample.size: want a whole number, got "1.5"`},
		{"truth", edit("tied: true", "tied: 1"), `c.yaml:8: search.encoders.image.candidates[1].tied: want true or false, got "1"`},
		{"nan", small + "sample: {error: .nan}", `c.yaml:11: sample.error: want a finite number, got ".nan"`},
		{"sampler", small + "sample: {sampler: dice}", `c.yaml:11: sample.sampler: unknown sampler "dice": known are random, stratified`},
		{"validation", small + "sample: {validation: some}", `c.yaml:11: sample.validation: want one of all, formula, got "some"`},
		{"metric", edit("search:", "search:\n  metric: acc"), `c.yaml:3: search.metric: unknown metric "acc": known are accuracy, balanced_accuracy, hamming_accuracy`},
		{"strategy", edit("search:", "search:\n  strategy: rnd\n  depth: 3"), `c.yaml:3: search.strategy: unknown search strategy "rnd": known are random, stages`},
		{"trials", edit("search:", "search:\n  strategy: random\n  trials: 0"), "c.yaml:4: search.trials: want at least 1, got 0"},
		{"trials of stages", edit("search:", "search:\n  trials: 5"), "c.yaml:3: search.trials: is an option of the strategy random, not of stages"},
		{"epochs", edit("search:", "search:\n  training: {epochs: 0}"), "c.yaml:3: search.training.epochs: want at least 1, got 0"},
		{"dropout", edit("search:", "search:\n  training:\n    dropout: 1"), "c.yaml:4: search.training.dropout: want less than 1, got 1"},
		{"learning rate", small + "train: {training: {learning_rate: 0}}", "c.yaml:11: train.training.learning_rate: want more than 0, got 0"},
		{"learning rate type", small + "train: {training: {learning_rate: fast}}", `c.yaml:11: train.training.learning_rate: want a number, got "fast"`},
		{"optimiser", small + "train: {training: {optimiser: lion}}", `c.yaml:11: train.training.optimiser: want one of adam, adamw, sgd, got "lion"`},
		{"momentum", small + "train: {training: {momentum: 0.9}}", "c.yaml:11: train.training.momentum: only sgd takes momentum, but the optimiser is adam"},
		{"data without modalities", edit("{format: test, path: there}", "{format: npy}"), "c.yaml:1: data.modalities: there are none"},
		{"a kind of data", edit("{format: test, path: there}", "{format: npy, modalities: [{name: image, kind: mop}]}"), `c.yaml:1: data.modalities[0].kind: want one of map, sequence, table, got "mop"`},
		{"pos weight above float32", edit("path: there", "pos_weight: [1, 1e39]"), "c.yaml:1: data.pos_weight[1]: 1e+39 is not a float32 number above 0"},
		{"pos weight below float32", edit("path: there", "pos_weight: [1, 2, 1e-50]"), "c.yaml:1: data.pos_weight[2]: 1e-50 is not a float32 number above 0"},
		{"too few rows", edit("{format: test, path: there}", "{format: builtin, train: 0}"), "c.yaml:1: data.train: want at least 1, got 0"},
		{"no folder", edit("{format: test, path: there}", "{format: avmnist}"), "c.yaml:1: data.path: no folder is named"},
		{"fusion", edit("search:", "search:\n  fusions: [mean, sun]"), `c.yaml:3: search.fusions[1]: unknown fusion function "sun": known are concat, mean, max, sum`},
		{"fusion twice", edit("search:", "search:\n  fusions: [mean, mean]"), `c.yaml:3: search.fusions[1]: "mean" is already in the list`},
		{"no fusion", edit("search:", "search:\n  fusions: []"), "c.yaml:3: search.fusions: is empty"},
		{"architecture", edit("[test_table]", "[test_tabel]"), `c.yaml:9: search.encoders.values.candidates[0]: unknown architecture "test_tabel": known are `},
		{"nameless", edit("name: test_mixer, heads", "heads"), "c.yaml:10: search.networks.candidates[0]: name is missing: want one of the architectures"},
		{"option", edit("width: 64", "with: 64"), "c.yaml:8: search.encoders.image.candidates[1].with: unknown field: known are name, label, width, heads, dims, pair, tied, dropout"},
		{"option range", edit("heads: 2", "heads: 0"), "c.yaml:10: search.networks.candidates[0].heads: want at least 1, got 0"},
		{"array", edit("[7, 8]", "[7]"), "c.yaml:8: search.encoders.image.candidates[1].pair: want 2 elements, got 1"},
		{"default that none knows", edit("width: 32,", "depth: 2,"), "c.yaml:5: search.encoders.image.defaults.depth: unknown field: known are width, heads, dims, pair, tied, dropout"},
		{"bad default", edit("width: 32,", "width: 0,"), "c.yaml:5: search.encoders.image.defaults.width: want at least 1, got 0"},
		{"same label", edit("label: wide, ", ""), `c.yaml:8: search.encoders.image.candidates[1]: "test_mixer" is already in the list: give one of the two another label`},
		{"empty label", edit("label: wide", `label: ""`), "c.yaml:8: search.encoders.image.candidates[1].label: is empty"},
		{"no candidates", edit("candidates: [test_table]", "{}"), "c.yaml:9: "},
		{"empty candidates", edit("[test_table]", "[]"), "c.yaml:9: search.encoders.values.candidates: is empty"},
		{"candidates missing", edit("{candidates: [test_table]}", "{defaults: {}}"), "c.yaml:9: search.encoders.values: candidates is missing"},
		{"candidates no list", edit("[test_table]", "test_table"), `c.yaml:9: search.encoders.values.candidates: want a list, got "test_table"`},
		{"stage field", edit("{candidates: [test_table]", "{candidate: [test_table]"), "c.yaml:9: search.encoders.values.candidate: unknown field: known are defaults, candidates"},
		{"network as encoder", edit("[test_table]", "[test_network]"), "c.yaml:9: search.encoders.values: test_network is not an encoder: it takes tokens"},
		{"encoder as network", edit(", test_network]", ", test_table]"), "c.yaml:10: search.networks: test_table is not a fusion network: it takes table"},
		{"cycle", "data: &a [*a]", "c.yaml:1: the alias *a refers to itself"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("c.yaml", []byte(test.text))
			if err == nil {
				t.Fatalf("no error, want %q", test.want)
			}
			if first, _, _ := strings.Cut(err.Error(), "\n"); !strings.HasPrefix(first, test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if typed := new(Error); !errors.As(err, &typed) || typed.File != "c.yaml" {
				t.Errorf("%T is no *Error", err)
			}
		})
	}
}

func TestParseReportsSeveralErrors(t *testing.T) {
	_, err := Parse("c.yaml", []byte(edit("width: 64", "with: 64", "width: 32", "width: 0")+"train: {training: {epochs: 0, batch: x}}"))
	want := []string{
		"c.yaml:5: search.encoders.image.defaults.width: want at least 1, got 0",
		"c.yaml:8: search.encoders.image.candidates[1].with: unknown field",
		"c.yaml:11: train.training.epochs: want at least 1, got 0",
		`c.yaml:11: train.training.batch: want a whole number, got "x"`,
	}
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d errors, want %d:\n%v", len(lines), len(want), err)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("got  %s\nwant %s", lines[i], want[i])
		}
	}
}

func TestSaveRoundTrips(t *testing.T) {
	for _, text := range []string{small, edit("{name: test_mixer, heads: 2}", "{name: test_mixer, dropout: 0}", "path: there", "pos_weight: [1, 2.5]"),
		edit("search:", "search:\n  strategy: random\n  trials: 7"), small[:strings.Index(small, "search:")]} {
		c := parse(t, text)
		var saved bytes.Buffer
		if err := c.Save(&saved); err != nil {
			t.Fatal(err)
		}
		again := parse(t, saved.String())
		if diff := cmp.Diff(c, again, cmpopts.IgnoreUnexported(Config{})); diff != "" {
			t.Errorf("%s\n%s", diff, saved.String())
		}
		var twice bytes.Buffer
		if err := again.Save(&twice); err != nil {
			t.Fatal(err)
		}
		if saved.String() != twice.String() {
			t.Errorf("saving twice differs:\n%s\n%s", saved.String(), twice.String())
		}
	}
}

func TestTemplateIsTheDefault(t *testing.T) {
	text := Template()
	c, err := Parse("template", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if diff := cmp.Diff(Default(), c, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Error(diff)
	}
	for _, explained := range []string{"# Seed of the search", "# Candidate fusion functions", "# The learning rate is multiplied by this factor", "# Architectures:\n#", "# Fusion functions:\n#   concat ", "# Samplers:\n#   random ", "# Metrics:\n#   accuracy ", "# Each is a name, or"} {
		if !bytes.Contains(text, []byte(explained)) {
			t.Errorf("the template lacks %q", explained)
		}
	}
}

func TestExamplesParse(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "configs", "*.yaml"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v: want at least three examples", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			c, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			if c.Folder() != filepath.Dir(file) {
				t.Errorf("folder %q", c.Folder())
			}
		})
	}
}

func TestLoadMissingFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"))
	if !errors.Is(err, os.ErrNotExist) || errors.As(err, new(*Error)) {
		t.Errorf("got %v", err)
	}
}

func TestErrorfNamesTheNearestLine(t *testing.T) {
	c := parse(t, small)
	for field, want := range map[string]string{
		"search.encoders.image.candidates[1].width": "small.yaml:8: search.encoders.image.candidates[1].width: odd",
		"search.networks.candidates[7]":             "small.yaml:10: search.networks.candidates[7]: odd",
		"search.metric":                             "small.yaml:2: search.metric: odd",
		"sample.size":                               "small.yaml:1: sample.size: odd",
	} {
		if got := c.Errorf(field, "odd").Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestSchemaKnowsWhatIsRegistered(t *testing.T) {
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	at := func(path ...string) any {
		var v any = schema
		for _, name := range path {
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("no %v in the schema", path)
			}
			v = m[name]
		}
		return v
	}
	if got := at("properties", "train", "properties", "training", "properties", "dropout", "exclusiveMaximum"); got != 1.0 {
		t.Errorf("dropout below %v", got)
	}
	if got := at("properties", "search", "properties", "start", "enum"); !cmp.Equal(got, []any{"warm", "scratch", "frozen"}) {
		t.Errorf("start: %v", got)
	}
	if got := at("properties", "search", "additionalProperties"); got != false {
		t.Errorf("search takes unknown fields: %v", got)
	}
	if at("required") != nil {
		t.Errorf("required: %v", at("required"))
	}
	for _, word := range []string{`"const": "test"`, `"const": "test_mixer"`, `"const": "accuracy"`, `"const": "random"`, `"const": "concat"`,
		`"description": "All tokens, one modality after the other."`, `"description": "Every set of rows has the same chance."`,
		`"description": "Mean recall over the classes that occur."`, `"features a token"`} {
		if !bytes.Contains(text, []byte(word)) {
			t.Errorf("the schema lacks %s", word)
		}
	}
	networks := fmt.Sprint(at("properties", "search", "properties", "networks"))
	if strings.Contains(networks, "test_table") || !strings.Contains(networks, "test_network") {
		t.Errorf("the schema of networks has the wrong architectures: %s", networks)
	}
}

// The options of a strategy are checked where it is the one, as the parser does, and strategies may share the name of one.
func TestSchemaOfStrategies(t *testing.T) {
	strategy.Register("test_rounds", "For tests.", func() strategy.Strategy { return &rounds{Trials: 1} })
	t.Cleanup(func() { strategy.Unregister("test_rounds") })
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	type properties map[string]json.RawMessage
	var schema struct {
		Properties struct {
			Search struct {
				Properties map[string]struct{ Description string }
				AllOf      []struct {
					If struct {
						Properties struct{ Strategy struct{ Const string } }
						Required   []string
					}
					Then struct{ Properties properties }
				}
			}
		}
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, c := range schema.Properties.Search.AllOf {
		name := c.If.Properties.Strategy.Const
		if (len(c.If.Required) == 0) != (name == strategy.Default) {
			t.Errorf("%s: holds where %v is named", name, c.If.Required)
		}
		for option, rule := range c.Then.Properties {
			bounds := struct{ Maximum json.Number }{}
			if string(rule) == "false" {
				bounds.Maximum = "none"
			} else if err := json.Unmarshal(rule, &bounds); err != nil {
				t.Fatal(err)
			}
			found[name+" "+option] = string(bounds.Maximum)
		}
	}
	want := map[string]string{"random trials": "10000", "random share": "none", "stages trials": "none", "stages share": "none", "test_rounds trials": "3", "test_rounds share": "1"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("the largest values of options (-want +got):\n%s", diff)
	}
	if d := schema.Properties.Search.Properties["trials"].Description; !strings.Contains(d, "An option of the strategy random: ") || !strings.Contains(d, "An option of the strategy test_rounds: ") {
		t.Errorf("trials are described as %q", d)
	}
}

// rounds is a strategy that shares an option's name with another.
type rounds struct {
	Trials int     `yaml:"trials" json:"trials" jsonschema:"minimum=1,maximum=3" doc:"Rounds."`
	Share  float64 `yaml:"share" json:"share" jsonschema:"maximum=1" doc:"Share."`
}

func (*rounds) Search(context.Context, *strategy.Space, strategy.Evaluator, strategy.Observer) (*strategy.Result, error) {
	return nil, nil
}

// hiding is a strategy with an option that would hide a field of the search.
type hiding struct {
	Metric string `yaml:"metric" json:"metric" doc:"Hidden."`
}

func (*hiding) Search(context.Context, *strategy.Space, strategy.Evaluator, strategy.Observer) (*strategy.Result, error) {
	return nil, nil
}

func TestStrategyThatHidesAField(t *testing.T) {
	strategy.Register("test_hiding", "For tests.", func() strategy.Strategy { return &hiding{} })
	t.Cleanup(func() { strategy.Unregister("test_hiding") })
	defer func() {
		if text := fmt.Sprint(recover()); text != "search strategy test_hiding: its option metric has the name of a field that every search has" {
			t.Errorf("panicked with %q", text)
		}
	}()
	_, _ = Parse("c.yaml", []byte(edit("search:", "search:\n  strategy: test_hiding")))
}

// What is said of a strategy that cannot be read is no reason to complain of options.
func TestStrategyThatIsNoWord(t *testing.T) {
	for _, text := range []string{"[random]", "{name: random}", ""} {
		_, err := Parse("c.yaml", []byte(edit("search:", "search:\n  strategy: "+text+"\n  trials: 5")))
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("strategy %s: got %v, want one error", text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add(builtin)
	f.Add([]byte("data: &a [*a]"))
	f.Add([]byte("\"a\\n\\nb\": 1"))
	f.Add([]byte("? {a: b}\n: c\n? [x]\n: 1"))
	f.Add([]byte("search: {encoders: {image: {defaults: {<<: &x {width: 1}}, candidates: [*x]}}}"))
	f.Add([]byte("a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c {<<: [{x: *b}, {y: *b}]}\nd: {<<: *c, seed: 0123}"))
	f.Add([]byte("name: \"\\e[31m\"\nseed: 1_000\nsample: {size: 0x1F, error: .5}\nsearch: {retry_failed: yes, fusions: &f [mean], metric: |\n  a\n}"))
	f.Add([]byte("<<: {data: {format: npy, modalities: [&m {name: a, kind: map, train: t}, {<<: *m, name: b}], labels: {train: l}, classes: [a, a]}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("fuzz.yaml", text)
		if err != nil {
			lines := strings.Split(err.Error(), "\n")
			if len(lines) > mostErrors+1 {
				t.Errorf("%d error lines", len(lines))
			}
			for _, line := range lines {
				if strings.TrimSpace(line) == "" || len(line) > mostName+mostText+100 {
					t.Errorf("a line of %d bytes in %.2000q", len(line), err)
				}
			}
			return
		}
		var saved bytes.Buffer
		if err := c.Save(&saved); err != nil {
			t.Fatal(err)
		}
		if marks(saved.Bytes()) > mostMarks { // without aliases it is too large
			return
		}
		again, err := Parse("saved.yaml", saved.Bytes())
		if err != nil {
			t.Fatalf("%v\n%s", err, saved.String())
		}
		if diff := cmp.Diff(c, again, cmpopts.IgnoreUnexported(Config{})); diff != "" {
			t.Fatal(diff)
		}
	})
}
