package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "write the golden files")

// sameNumber takes NaN for equal to NaN.
var sameNumber = cmp.Comparer(func(a, b Number) bool { return a == b || math.IsNaN(float64(a)) && math.IsNaN(float64(b)) })

func document() Document {
	return Document{
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
		Model:     &Model{Params: 9318430, Path: "out/model.safetensors", Epochs: 5, Seconds: 601.26, Metrics: map[string]Number{"accuracy": 0.7}},
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
		"run.txt": document(),
		"search.txt": {
			Dataset: Dataset{Name: "digits"}, Trainings: 1,
			Stages: []Stage{{Name: "network", Metric: "f1_weighted", Winner: "a",
				Candidates: []Candidate{{Name: "a", Score: 0.25, Metrics: map[string]Number{"f1_weighted": 0.25, "accuracy": 0.5}}}}},
		},
	} {
		var text bytes.Buffer
		if err := WriteText(&text, d); err != nil {
			t.Fatal(err)
		}
		golden(t, name, text.Bytes())
	}
}

func TestWriteMarkdown(t *testing.T) {
	var text bytes.Buffer
	searched := document()
	searched.Model, searched.Test, searched.Command = nil, nil, "mixmas search avmnist.yaml"
	err := WriteMarkdown(&text, Page{
		Title: "AV-MNIST", Notes: []string{"This is not the published number of epochs."},
		Documents: []Document{searched, document()},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "page.md", text.Bytes())
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
	if err := WriteText(full{}, document()); !errors.Is(err, os.ErrPermission) {
		t.Errorf("WriteText: %v", err)
	}
	if err := WriteMarkdown(full{}, Page{Documents: []Document{document()}}); !errors.Is(err, os.ErrPermission) {
		t.Errorf("WriteMarkdown: %v", err)
	}
}
