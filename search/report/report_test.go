package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"mixmas/search/align"
	"mixmas/search/escape"
)

var update = flag.Bool("update", false, "write the golden files")

// sameNumber takes NaN for equal to NaN.
var sameNumber = cmp.Comparer(func(a, b Number) bool { return a == b || math.IsNaN(float64(a)) && math.IsNaN(float64(b)) })

func document() Document {
	return Document{
		Name:    "paper",
		Dataset: Dataset{Name: "avmnist", Fingerprint: strings.Repeat("0123456789abcdef", 4), Train: 55000, Validation: 5000, Test: 10000},
		Sample:  Sample{Size: 6025, Fraction: 6025.0 / 55000, Distance: 0.0042},
		Stages: []Stage{
			{
				Name: "encoder/image", Metric: "accuracy", Winner: "mlp_mixer",
				Candidates: []Candidate{
					{Name: "mlp_mixer", Key: "k1", Score: 0.5123, Interval: Interval("accuracy", 0.5123, 5000), Params: 3195658, Seconds: 206.04,
						Metrics: map[string]Number{"accuracy": 0.5123, "f1_macro": 0.5}},
					{Name: "monarch_mixer", Key: "k2", Score: 0.5, Interval: Interval("accuracy", 0.5, 5000), Params: 812, Seconds: 1029.96, Cached: true,
						Numerics: "cpu/arm64/portable", Metrics: map[string]Number{"accuracy": 0.5, "f1_macro": Number(math.NaN())}},
					{Name: "ramlp", Key: "k3", Score: Number(math.NaN()), Seconds: 3, Metrics: Metrics(nil), Failed: "the loss is NaN\nafter step 12 | lower the learning rate"},
				},
			},
			{
				Name: "fusion", Metric: "auroc_macro", Winner: "concat",
				Candidates: []Candidate{{Name: "concat", Key: "k4", Score: 0.9, Params: 1000, Seconds: 0.04, Metrics: map[string]Number{"auroc_macro": 0.9}}},
			},
		},
		Model:     &Model{Name: "paper", Params: 9318430, Path: "out/model.safetensors", Epochs: 5, Seconds: 601.26, Metrics: map[string]Number{"accuracy": 0.7}},
		Test:      &Test{Metrics: map[string]Number{"accuracy": 0.671, "auroc_macro": Number(math.NaN())}},
		Trainings: 3, Seconds: 1234.5, Command: "mixmas train avmnist.yaml --epochs 5", Machine: "two cores", PeakMemory: 1 << 30,
		Files: []File{{"store", "mixmas.db"}, {"report", "out/report.md"}},
	}
}

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestWriteText(t *testing.T) {
	for name, d := range map[string]Document{
		"run.txt":   document(),
		"model.txt": preset(), // no search, multi-label
		"search.txt": {
			Dataset: Dataset{Name: "digits"}, Trainings: 1,
			Stages: []Stage{{Name: "network", Metric: "f1_weighted", Winner: "a",
				Candidates: []Candidate{{Name: "a", Score: 0.25, Metrics: map[string]Number{"f1_weighted": 0.25, "accuracy": 0.5}}}}},
		},
	} {
		var text bytes.Buffer
		if err := WriteText(&text, d, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		golden(t, name, text.Bytes())
	}
}

// metrics are those of one label per row, or of multi-label data.
func metrics(many bool) map[string]Number {
	m := map[string]Number{}
	for i, name := range []string{"accuracy", "auroc_macro", "auroc_weighted", "f1_macro", "f1_micro", "f1_weighted", "loss", "recall_macro"} {
		m[name] = Number(i) / 8
	}
	if many {
		m["hamming_accuracy"] = 0.99
	} else {
		m["balanced_accuracy"] = 0.875
	}
	return m
}

// preset is the document of a training without a search, on data without a test split.
func preset() Document {
	d := document()
	d.Stages, d.Sample, d.Test, d.Command = []Stage{}, Sample{}, nil, "mixmas train avmnist.yaml --preset m2mixer"
	d.Model = &Model{Name: "m2mixer", Params: 5, Epochs: 2, Seconds: 1, Metrics: metrics(true)}
	return d
}

func TestTextShowsFewMetricsUnlessAllAreAsked(t *testing.T) {
	one := document()
	one.Model.Metrics, one.Test.Metrics, one.Stages[1].Metric = metrics(false), metrics(false), "recall_macro"
	many := preset()
	few := document() // it has two metrics, and one of them is known
	few.Model.Metrics, few.Test, few.Stages = map[string]Number{"r2": 1, "mae": 2}, nil, nil
	for _, test := range []struct {
		name string
		d    Document
		all  bool
		want string
	}{
		{"one label", one, false, "recall_macro accuracy f1_macro auroc_macro loss"},
		{"multi-label", many, false, "hamming_accuracy f1_micro f1_macro auroc_macro loss"},
		{"all", one, true, "accuracy auroc_macro auroc_weighted balanced_accuracy f1_macro f1_micro f1_weighted loss recall_macro"},
		{"others", few, false, "mae r2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var text bytes.Buffer
			if err := WriteText(&text, test.d, TextOptions{AllMetrics: test.all}); err != nil {
				t.Fatal(err)
			}
			_, table, _ := strings.Cut(text.String(), "\n  metric ")
			var names []string
			for _, line := range strings.Split(table, "\n")[1:] {
				if !strings.HasPrefix(line, "  ") || strings.Contains(line, "--all-metrics") {
					break
				}
				names = append(names, strings.Fields(line)[0])
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if hint := strings.Contains(text.String(), "4 more with --all-metrics"); hint != (!test.all && test.name != "others") {
				t.Errorf("the line about more metrics is there: %v\n%s", hint, text.String())
			}
		})
	}
}

// TestPageHasASectionForEachSearch mixes two searches, one of them run three times, a preset and an earlier version's document.
func TestPageHasASectionForEachSearch(t *testing.T) {
	searched := document()
	searched.Model, searched.Test, searched.Command = nil, nil, "mixmas search avmnist.yaml"
	again := searched
	again.Trainings, again.Machine, again.PeakMemory = 0, "four cores", 0
	other := searched
	other.Name, other.Dataset.Name, other.Command = "toy_*", "digits", "mixmas search toy.yaml"
	edited := document()
	edited.Command, edited.Model, edited.Test = "mixmas search avmnist.yaml --seed 2", nil, nil
	edited.Stages[1].Candidates[0].Key = "k5"
	old := searched
	old.Name, old.Command = "", "mixmas search `old`.yaml"
	var text bytes.Buffer
	err := WriteMarkdown(&text, Page{
		Title: "AV-MNIST", Notes: []string{"This is not the *published* number of epochs."},
		Documents: []Document{searched, other, again, old, document(), preset(), document(), edited},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "page.md", text.Bytes())
	var titles []string
	for _, line := range strings.Split(text.String(), "\n") {
		if strings.HasPrefix(line, "## ") || strings.HasPrefix(line, "### full") {
			titles = append(titles, line)
		}
	}
	want := []string{"## paper", "### full training", "### full training of m2mixer", `## toy\_\*`, "## avmnist: `` mixmas search `old`.yaml ``", "## paper (2)"}
	if diff := cmp.Diff(want, titles); diff != "" {
		t.Error(diff)
	}
}

// TestNamesAreShownAsText puts what terminals and Markdown act on wherever a name comes out.
func TestNamesAreShownAsText(t *testing.T) {
	const evil = "\x1b[31m<b>a|b</b>\n\u202e`x`[l](http://h)"
	d := document()
	d.Name, d.Command, d.Machine, d.Dataset.Name, d.Model.Name = evil, evil, evil, evil, "other "+evil
	for i := range d.Stages {
		d.Stages[i].Name, d.Stages[i].Metric, d.Stages[i].Winner = evil, evil, evil
		for j := range d.Stages[i].Candidates {
			d.Stages[i].Candidates[j].Name, d.Stages[i].Candidates[j].Failed, d.Stages[i].Candidates[j].Numerics = evil, evil, evil
		}
	}
	d.Files = append(d.Files, File{"model", evil})
	d.Test.Metrics[evil] = 1
	var text, page bytes.Buffer
	if err := WriteText(&text, d, TextOptions{AllMetrics: true}); err != nil {
		t.Fatal(err)
	}
	old := d
	old.Name = ""
	if err := WriteMarkdown(&page, Page{Title: evil, Notes: []string{"\x1b[2Ja note\nof two lines"}, Documents: []Document{d, old}}); err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{text.String(), page.String()} {
		for _, line := range strings.Split(output, "\n") {
			if escape.Terminal(line) != line {
				t.Errorf("%q", line)
			}
		}
	}
	if want, got := strings.Count(text.String(), `\x1b[31m<b>`), strings.Count(text.String(), "<b>"); got != want || got == 0 {
		t.Errorf("%d names, %d of them escaped:\n%s", got, want, text.String())
	}
	for i, line := range strings.Split(page.String(), "\n")[1:] {
		for _, code := range regexp.MustCompile("``.*?``").FindAllString(line, -1) {
			line = strings.ReplaceAll(line, code, "")
		}
		if strings.Contains(line, "<b>") || strings.Contains(line, "[l]") || strings.Contains(line, "http://") {
			t.Errorf("line %d: %s", i+2, line)
		}
		if cells := strings.Count(line, "|") - strings.Count(line, `\|`); cells > 0 && cells < 4 {
			t.Errorf("line %d: %d columns: %s", i+2, cells, line)
		}
	}
}

// TestDocumentIsTheDocumentedJSON pins the names and the order of the fields.
func TestDocumentIsTheDocumentedJSON(t *testing.T) {
	text, err := json.MarshalIndent(document(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "run.json", append(text, '\n'))
	var again Document
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(document(), again, sameNumber, cmpopts.IgnoreFields(Document{}, "Files")); diff != "" {
		t.Error(diff)
	}
	search := document()
	search.Model, search.Test = nil, nil
	if text, err = json.Marshal(search); err != nil || bytes.Contains(text, []byte(`"model"`)) || bytes.Contains(text, []byte(`"test":{`)) {
		t.Errorf("%v: %s", err, text)
	}
}

// TestReadTakesDocumentsOfEarlierVersions pins what the first version wrote, without names.
func TestReadTakesDocumentsOfEarlierVersions(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "run-0.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := Read("run-0.json", f)
	if err != nil {
		t.Fatal(err)
	}
	want := document()
	want.Name, want.Model.Name = "", ""
	if diff := cmp.Diff(want, got, sameNumber, cmpopts.IgnoreFields(Document{}, "Files")); diff != "" {
		t.Error(diff)
	}
}

func TestReadRefusesWhatIsNoDocument(t *testing.T) {
	good, err := json.Marshal(document())
	if err != nil {
		t.Fatal(err)
	}
	without := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(string(good)) }
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", "it is empty"},
		{"an empty object", "{}", `it has no "dataset"`},
		{"blank", " \n", "it is empty"},
		{"null", "null", "it is not a JSON object"},
		{"a word", `"a"`, "it is not a JSON object"},
		{"a list", "[]", "it is not a JSON object"},
		{"a score", `{"key": "k", "name": "n", "seconds": 1}`, `it has no "dataset"`},
		{"YAML", "data: {format: builtin}", "it is not JSON: invalid character 'd'"},
		{"cut off", string(good[:len(good)/2]), "unexpected end of JSON input"},
		{"two", string(good) + string(good), "invalid character '{' after top-level value"},
		{"trailing text", string(good) + "x", "invalid character 'x' after top-level value"},
		{"no stages", without(`"stages":`, `"stage":`), `it has no "stages"`},
		{"stages of null", `{"dataset": {"name": "a"}, "sample": {}, "stages": null}`, `it has no "stages"`},
		{"no name of the data", without(`"name":"avmnist"`, `"name":""`), `its "dataset" has no "name"`},
		{"another type", without(`"trainings":3`, `"trainings":"three"`), "json: cannot unmarshal string"},
		{"deep", strings.Repeat("[", 1<<20), "invalid character"},
	} {
		d, err := Read("x.json", strings.NewReader(test.text))
		if err == nil || !strings.HasPrefix(err.Error(), "x.json: not a mixmas document: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
		if !cmp.Equal(d, Document{}, cmpopts.IgnoreUnexported(Document{})) {
			t.Errorf("%s: a document comes with the error", test.name)
		}
	}
	if _, err := Read("zero", endless{}); err == nil || !strings.Contains(err.Error(), "it is larger than 16 MiB") {
		t.Errorf("without an end: got %v", err)
	}
	if _, err := Read("x.json", iotest.ErrReader(os.ErrPermission)); !errors.Is(err, os.ErrPermission) || !strings.HasPrefix(err.Error(), "x.json: ") {
		t.Errorf("unreadable: got %v", err)
	}
}

// endless is /dev/zero.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func FuzzRead(f *testing.F) {
	good, err := json.Marshal(document())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"dataset":{"name":"a"},"sample":{},"stages":[{"candidates":[{}]}],"trainings":-1,"seconds":-1e308,"model":{},"test":{},"peak_memory":-1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Read("x.json", bytes.NewReader(text))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := errors.Join(WriteText(&out, d, TextOptions{}), WriteMarkdown(&out, Page{Documents: []Document{d, d}})); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(out.String(), "\n") {
			if escape.Terminal(line) != line {
				t.Fatalf("%q", line)
			}
		}
	})
}

func TestInterval(t *testing.T) {
	for _, test := range []struct {
		metric string
		score  float64
		rows   int
		want   float64
	}{
		{"accuracy", 0.5, 5000, 0.013854},
		{"accuracy", 1, 100, 0.018495}, // Wilson: [0.96301, 1]
		{"accuracy", math.NaN(), 100, 0},
		{"accuracy", 0.5, 0, 0},
		{"f1_macro", 0.5, 5000, 0},
	} {
		if got := Interval(test.metric, test.score, test.rows); math.Abs(got-test.want) > 1e-5 {
			t.Errorf("Interval(%s, %v, %d) = %v, want %v", test.metric, test.score, test.rows, got, test.want)
		}
	}
}

// full is a writer without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrPermission }

func TestWritersReportErrors(t *testing.T) {
	if err := WriteText(full{}, document(), TextOptions{}); !errors.Is(err, os.ErrPermission) {
		t.Errorf("WriteText: %v", err)
	}
	if err := WriteMarkdown(full{}, Page{Documents: []Document{document()}}); !errors.Is(err, os.ErrPermission) {
		t.Errorf("WriteMarkdown: %v", err)
	}
}

// Names of wide characters line up with others, on a terminal and in the text of a page; one epoch is no epochs.
func TestWideNamesLineUp(t *testing.T) {
	d := document()
	d.Stages[0].Candidates[1].Name = "ラベル"
	d.Model.Epochs = 1
	var text, page bytes.Buffer
	if err := errors.Join(WriteText(&text, d, TextOptions{}), WriteMarkdown(&page, Page{Documents: []Document{d}})); err != nil {
		t.Fatal(err)
	}
	for _, written := range []string{text.String(), page.String()} {
		var ends []int
		for line := range strings.Lines(written) {
			if before, _, found := strings.Cut(line, "[0"); found {
				ends = append(ends, align.Width(before))
			}
		}
		if len(ends) != 2 || ends[0] != ends[1] {
			t.Errorf("the scores end at the cells %v:\n%s", ends, written)
		}
		if !strings.Contains(written, "parameters, 1 epoch in ") {
			t.Errorf("no 1 epoch in\n%s", written)
		}
	}
}
