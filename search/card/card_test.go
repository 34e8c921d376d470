package card_test

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"mixmas/search/assess"
	"mixmas/search/card"
	"mixmas/search/report"
)

var update = flag.Bool("update", false, "write testdata/card.md anew")

// contents are what a card is about; name is that of everything.
func contents(name string) card.Contents {
	nan := report.Number(math.NaN())
	scored := func(x report.Number) *report.Scored {
		return &report.Scored{Score: x, Low: x - 0.05, High: x + 0.05, Metrics: map[string]report.Number{"accuracy": x, "f1_macro": x - 0.01, "auroc_macro": nan, "loss": 0.25}}
	}
	model := assess.Model{Field: "searched", Name: "searched", Split: "test", Rows: 90, Of: 100, Score: 0.9, Low: 0.85, High: 0.95,
		Confusion: [][]int{{40, 5}, {4, 41}},
		Classes: []assess.Class{{Name: name, Support: 45, Predicted: 44, Right: 40, Precision: 0.909, Recall: 0.889, F1: 0.9, AUROC: 0.95, AveragePrecision: 0.94, Threshold: 0.5},
			{Class: 1, Name: "rare", Support: 3, Precision: nan, Recall: 0, F1: 0, AUROC: nan, AveragePrecision: 0.1}},
		Calibration: assess.Calibration{Bins: []assess.Bin{{Low: 0.9, High: 1, Count: 90, Confidence: 0.95, Share: 0.9, ShareLow: 0.82, ShareHigh: 0.95}}, ECE: 0.05, Brier: 0.1},
		Without:     []assess.Without{{Modality: name, Rows: 90, Score: 0.6, Low: 0.5, High: 0.7, With: 0.9, Worth: 0.3, WorthLow: 0.2, WorthHigh: 0.4}}}
	model.Reads = []string{name}
	thresholded := func(x report.Number) *report.Scored {
		s := scored(x)
		s.MetricsWithoutThresholds = map[string]report.Number{"accuracy": x - 0.02, "f1_macro": x - 0.1, "loss": 0.25}
		return s
	}
	same := assess.Model{Field: "cheapest", Name: name, Same: "searched", Score: nan, Low: nan, High: nan}
	return card.Contents{Field: "searched", Configuration: "name: " + name + "\n```\n", Version: "1.0",
		Document: report.Document{Name: name, Command: "mixmas run " + name, Machine: name, Trainings: 12, Seconds: 61.23,
			Dataset: report.Dataset{Name: name},
			Stages: []report.Stage{{Name: "encoder/" + name, Metric: "accuracy", Winner: name, Verdict: name,
				Candidates: []report.Candidate{{Name: name, Standing: report.Tie}, {Name: "other", Standing: report.Tie}}}},
			Searched: &report.Final{Name: "searched", Path: "out/" + name + ".safetensors", Params: 1234, Validation: thresholded(0.91), Test: thresholded(0.9), Thresholds: []float64{0.5, 0}},
			Ensemble: &report.Final{Name: "ensemble of 2 models", Validation: scored(0.92), Test: scored(0.91),
				Members: []report.Member{{Name: name, Weight: 0.25}, {Name: "full", Weight: 0.75}}},
			Cheapest: &report.Final{Name: name, Validation: scored(0.91), Test: scored(0.9)},
			Answer:   &report.Answer{Model: "ensemble", Reason: name},
			Baselines: []report.Baseline{{Kind: report.Linear, Modality: name, Beats: true,
				Final: report.Final{Name: "a linear model of " + name, Validation: scored(0.95), Test: scored(0.93)}}},
			LeftOut: []string{name}},
		Assessment: &assess.Assessment{Version: 1, Metric: "accuracy", Models: []assess.Model{model, same}, Untested: []string{name},
			Data: assess.Data{Name: name, Format: "records", Fingerprint: strings.Repeat("ab", 32), Rows: [3]int{1000, 100, 100}, Classes: []string{name, "rare"},
				Counts: [3][]int{{900, 100}, {90, 10}, {90, 10}}, Duplicates: []string{"3 test rows are training rows too"}, Warnings: []string{name},
				Modalities: []assess.Modality{{Name: name, Form: "table 3", Missing: [3]assess.Missing{{Rows: 2, Values: 5, Of: 100}}}, {Name: "not read", Form: "map 1×2×2"}}}}}
}

// written is a card.
func written(t rapid.TB, c card.Contents) string {
	t.Helper()
	var text strings.Builder
	if err := card.Write(&text, c); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// The whole card, for people to look at.
func TestCard(t *testing.T) {
	const file = "testdata/card.md"
	got := written(t, contents("pets"))
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("%v; the card has changed: run go test ./search/card -update, and look at the difference:\n%s", err, got)
	}
}

// frontMatter is what Hugging Face reads.
type frontMatter struct {
	License any      `yaml:"license"`
	Library string   `yaml:"library_name"`
	Tags    []string `yaml:"tags"`
	Metrics []string `yaml:"metrics"`
	Index   []struct {
		Name    string `yaml:"name"`
		Results []struct {
			Task    struct{ Type, Name string }
			Dataset struct{ Type, Name, Split, Revision string }
			Metrics []struct {
				Type, Name string
				Value      float64
			}
		}
	} `yaml:"model-index"`
}

func parse(t rapid.TB, text string) (f frontMatter, body string) {
	t.Helper()
	rest, ok := strings.CutPrefix(text, "---\n")
	matter, body, found := strings.Cut(rest, "\n---\n")
	if !ok || !found {
		t.Fatalf("no front matter: %.300q", text)
	}
	decoder := yaml.NewDecoder(strings.NewReader(matter))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil {
		t.Fatalf("%v\n%s", err, matter)
	}
	return f, body
}

func TestFrontMatter(t *testing.T) {
	for field, name := range map[string]string{"searched": "pets", "ensemble": "pets: ensemble of 2 models"} {
		c := contents("pets")
		c.Field = field
		f, _ := parse(t, written(t, c))
		if f.License != nil || f.Library != "mixmas" || len(f.Index) != 1 || f.Index[0].Name != name || len(f.Index[0].Results) != 1 {
			t.Fatalf("front matter %+v", f)
		}
		r := f.Index[0].Results[0]
		if r.Dataset.Name != "pets" || r.Dataset.Type != "records" || r.Dataset.Split != "test" || r.Dataset.Revision != strings.Repeat("ab", 32) {
			t.Errorf("data %+v", r.Dataset)
		}
		want := float64(0.9)
		if field == "ensemble" {
			want = 0.91
		}
		// AUROC is undefined, and absent.
		if m := r.Metrics; len(m) != 3 || m[0].Type != "accuracy" || m[0].Value != want || m[1].Type != "f1" || m[1].Name != "f1_macro on test" {
			t.Errorf("metrics %+v", r.Metrics)
		}
		if strings.Join(f.Metrics, " ") != "accuracy f1 loss" {
			t.Errorf("metrics %q", f.Metrics)
		}
	}
}

// hostile are names that would break something.
var hostile = []string{"---\nlicense: gpl", "a: b", `"quoted" \ back\slash`, "<script>alert(1)</script>", "| a | b |", "```\n# x", "\u202e\x1b[2J\u0085\u2028", "a\x00b\xff\xfe", "#",
	"- [link](javascript:alert(1))", "🙂\U000e0001\ufffe\uffff\ufeff", "http://example.org", "<!-- -->", "&lt;", "*x* _y_", strings.Repeat("long ", 3000)}

// No text breaks the front matter, which has the name as it is, or the Markdown.
func TestTextsDoNoHarm(t *testing.T) {
	for _, name := range hostile {
		harmless(t, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		harmless(t, rapid.OneOf(rapid.String(), rapid.SampledFrom(hostile)).Draw(t, "name")+rapid.SampledFrom(hostile).Draw(t, "more"))
	})
}

func harmless(t rapid.TB, name string) {
	t.Helper()
	text := written(t, contents(name))
	f, body := parse(t, text)
	short := strings.ToValidUTF8(assess.Name(name), "") // bytes that are not UTF-8 become their number
	if utf8.ValidString(name) && (f.Index[0].Name != short || f.Index[0].Results[0].Dataset.Name != name) {
		t.Errorf("the name %q became %q and %q", name, f.Index[0].Name, f.Index[0].Results[0].Dataset.Name)
	}
	if f.License != nil {
		t.Errorf("%q: the licence is %v", name, f.License)
	}
	inCode, fence := false, ""
	for line := range strings.SplitSeq(body, "\n") {
		marks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case len(marks) >= 3 && !inCode:
			inCode, fence = true, marks
		case inCode && line == fence:
			inCode = false
		case !inCode:
			for _, bad := range []string{"<script", "](javascript", "http://", "<!--"} {
				if strings.Contains(strings.ReplaceAll(line, `\]`, ""), bad) {
					t.Errorf("%q: the card has the line %.200q", name, line)
				}
			}
		}
		if strings.ContainsAny(line, "\x1b\u202e\u0085\u2028\x00\r") {
			t.Errorf("%q: the card has characters that terminals act on: %.200q", name, line)
		}
	}
	if inCode {
		t.Errorf("%q: a block of code does not end", name)
	}
}

// A training alone, data without a test split, and a model that was not assessed have cards too.
func TestCardsOfLess(t *testing.T) {
	c := contents("pets")
	c.Document.Stages, c.Document.Searched, c.Document.Ensemble, c.Document.Cheapest, c.Document.Answer, c.Document.Baselines = nil, nil, nil, nil, nil, nil
	c.Document.Model = &report.Model{Name: "preset", Params: 77, Path: "out/model.safetensors", Metrics: map[string]report.Number{"accuracy": 0.8}}
	c.Document.Test = &report.Test{Metrics: map[string]report.Number{"accuracy": 0.9}}
	text := written(t, c)
	for _, want := range []string{"0.9000 (0.850 to 0.950) on test rows", "77 parameters", "The architecture was given, not searched."} {
		if !strings.Contains(text, want) {
			t.Errorf("the card of a training does not contain %q:\n%s", want, text)
		}
	}
	c = contents("pets")
	c.Document.Searched.Test, c.Assessment.Models[0].Split = nil, "validation"
	if text := written(t, c); !strings.Contains(text, "There is no test split") || !strings.Contains(text, "split: validation") || strings.Contains(text, "Test rows had no part") {
		t.Errorf("without a test split:\n%s", text)
	}
	c = contents("pets")
	c.Assessment = &assess.Assessment{Metric: "accuracy", Data: assess.Data{Name: "pets"}}
	parse(t, written(t, c))
	c.Document = report.Document{}
	parse(t, written(t, c))
	c = contents("pets")
	c.Field = "cheapest"
	if text := written(t, c); !strings.Contains(text, "On 90 of 100 test rows:") || !strings.Contains(text, "fewest operations") {
		t.Errorf("a model that is another one too:\n%s", text)
	}
}

// The first sentences, and what the searched model was compared with, read well whatever there is.
func TestSentences(t *testing.T) {
	nan := report.Number(math.NaN())
	for name, c := range map[string]struct {
		change func(c *card.Contents)
		want   []string
		not    string
	}{
		"two modalities and a test split": {func(c *card.Contents) { c.Assessment.Models[0].Reads = []string{"pets", "not read"} },
			[]string{"Predicts one of 2 classes from pets and not read. It has accuracy 0.9000 (0.850 to 0.950) on test rows. 1,234 parameters.\n",
				"The searched model, accuracy 0.9100 on validation, does not beat a linear model of pets (0.9500, 4 points better)."}, ""},
		"no test split": {func(c *card.Contents) {
			c.Document.Searched.Test, c.Document.Baselines[0].Test, c.Assessment.Models[0].Split = nil, nil, "validation"
		}, []string{"from pets. It has accuracy 0.9100 (0.860 to 0.960) on validation rows, which had a part in choosing it. 1,234 parameters.\n"}, "on test"},
		"several labels, an ensemble": {func(c *card.Contents) { c.Assessment.Data.MultiLabel, c.Field = true, "ensemble" },
			[]string{"Predicts any number of 2 classes from pets and not read. It has accuracy 0.9100 (0.860 to 0.960) on test rows.\n"}, ""},
		"an undefined metric": {func(c *card.Contents) {
			c.Document.Searched.Test.Score, c.Document.Searched.Test.Low, c.Document.Searched.Test.High = nan, nan, nan
		}, []string{"Its accuracy is undefined on test rows. 1,234 parameters.\n"}, ""},
		"no known modalities": {func(c *card.Contents) { c.Assessment.Data.Modalities = nil }, []string{"Predicts one of 2 classes. It has accuracy"}, " from ."},
		"a tie with a baseline": {func(c *card.Contents) { c.Document.Baselines[0].Validation.Score = 0.91 },
			[]string{"The searched model, accuracy 0.9100 on validation, does not beat a linear model of pets (0.9100, equal)."}, "is the same"},
		"the same as a baseline": {func(c *card.Contents) {
			c.Document.Baselines[0].Validation.Score, c.Document.Baselines[0].Beats = 0.91, false
		},
			[]string{"The searched model is the same as the baseline a linear model of pets. It beats every other one on validation."}, ""},
		"better than all": {func(c *card.Contents) {
			c.Document.Baselines[0].Validation.Score, c.Document.Baselines[0].Beats = 0.5, false
		},
			[]string{"The searched model beats every baseline on validation."}, ""},
	} {
		contents := contents("pets")
		c.change(&contents)
		text := written(t, contents)
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the card lacks %q:\n%s", name, want, text)
			}
		}
		if c.not != "" && strings.Contains(text, c.not) {
			t.Errorf("%s: the card has %q:\n%s", name, c.not, text)
		}
	}
}

func TestSave(t *testing.T) {
	model := filepath.Join(t.TempDir(), "model.safetensors")
	path := filepath.Join(filepath.Dir(model), "model_card.md")
	for _, name := range []string{"first", "second"} {
		if err := card.Save(model, contents(name)); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte("\n# "+name+"\n")) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edited := bytes.Replace(text, []byte("license: # fill in"), []byte("license: mit #"), 1)
	for _, other := range [][]byte{edited, []byte("mine"), {}} {
		if err := os.WriteFile(path, other, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := card.Save(model, contents("third")); !errors.Is(err, card.ErrEdited) || !strings.HasPrefix(err.Error(), path+": the card was edited") {
			t.Errorf("saved over %.20q with error %v", other, err)
		}
		if err := card.Remove(model); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, other) {
			t.Errorf("%.20q became %.20q, error %v", other, got, err)
		}
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), 0o644); err != nil { // as git may check it out
		t.Fatal(err)
	}
	for range 2 {
		if err := card.Remove(model); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the card is still there, error %v", err)
	}
}
