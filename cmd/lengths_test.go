package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmas/search/dataset/datasettest"
)

// Sequences of differing lengths are described, searched, trained and predicted from.
func TestSequencesOfDifferingLengths(t *testing.T) {
	folder := t.TempDir()
	const rows, steps = 60, 4
	var words, numbers, lengths, labels []float64
	for row := range rows {
		length := row % (steps + 1)
		for step := range steps {
			words = append(words, float64(row*7%5+step), float64(step*step))
		}
		lengths, labels = append(lengths, float64(length)), append(labels, float64(row%2))
		numbers = append(numbers, float64(row), 5)
	}
	datasettest.WriteArray(t, folder+"/words.npy", "<f4", []int{rows, steps, 2}, words...)
	datasettest.WriteArray(t, folder+"/numbers.npy", "<i4", []int{rows, 2}, numbers...)
	datasettest.WriteArray(t, folder+"/lengths.npy", "|u1", []int{rows}, lengths...)
	datasettest.WriteArray(t, folder+"/labels.npy", "|u1", []int{rows}, labels...)
	plan := func(name, lengths string) string {
		path := filepath.Join(folder, name)
		text := `
data:
  format: npy
  modalities:
    - {name: text, kind: sequence, train: words.npy` + lengths + `}
    - {name: numbers, kind: table, train: numbers.npy}
  labels: {train: labels.npy}
  validation: 20
sample: {size: 30, distance: 0.3}
search:
  training: {epochs: 1}
  encoders:
    text: {defaults: {width: 4, depth: 1, token_width: 4, channel_width: 4}, candidates: [hyper_mixer, mlp_mixer]}
    numbers: {candidates: [{name: simple_mlp, width: 4, hidden: 4, layers: 1}]}
  fusions: [concat, max]
  networks: {defaults: {width: 4, depth: 1, token_width: 4, channel_width: 4}, candidates: [hyper_mixer]}
train: {training: {epochs: 1}}
`
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	with, without := plan("with.yaml", ", lengths: {train: lengths.npy}"), plan("without.yaml", "")
	mixmas := func(args ...string) (code int, stdout, stderr string) {
		var out, err bytes.Buffer
		code = run(context.Background(), append([]string{"mixmas"}, args...), strings.NewReader(""), &out, &err)
		return code, out.String(), err.String()
	}
	code, stdout, stderr := mixmas("data", "info", with)
	for _, want := range []string{"sequence 4×2, standardised per feature, 2 features\n",
		"table 2, standardised per feature, 2 features; feature 1 is constant (the first is 0)\n"} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("data info: exit code %d, %s%s, want %q", code, stdout, stderr, want)
		}
	}
	code, stdout, stderr = mixmas("data", "info", "--json", with)
	var info struct{ Modalities []map[string]any }
	if err := json.Unmarshal([]byte(stdout), &info); err != nil || code != 0 {
		t.Fatalf("data info: exit code %d, %v, %s", code, err, stderr)
	}
	if m := info.Modalities[1]; len(m["means"].([]any)) != 2 || m["standardise"] != "feature" || m["constant"].([]any)[0] != 1.0 || m["mean"] != nil {
		t.Errorf("data info: %v", m)
	}
	out := filepath.Join(folder, "out")
	if code, _, stderr := mixmas("run", with, "--store", out+".db", "--out", out); code != 0 {
		t.Fatalf("run: exit code %d: %s", code, stderr)
	}
	description, err := os.ReadFile(filepath.Join(out, "model.json"))
	if err != nil || strings.Count(string(description), `"masked": true`) != 1 {
		t.Errorf("%v: the description says %s", err, description)
	}
	model := filepath.Join(out, "model.safetensors")
	if code, stdout, stderr := mixmas("predict", "--model", model, "--data", with, "--split", "validation"); code != 0 || strings.Count(stdout, "\n") != 21 {
		t.Errorf("predict: exit code %d: %s%s", code, stdout, stderr)
	}
	const want = "modality text: the model reads the lengths of its rows, but the data set npy has none"
	if code, _, stderr := mixmas("predict", "--model", model, "--data", without, "--split", "validation"); code == 0 || !strings.Contains(stderr, want) {
		t.Errorf("predict: exit code %d, %s, want %q", code, stderr, want)
	}
}
