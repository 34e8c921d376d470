package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmas/search/dataset/datasettest"
)

// A table of an age, a ratio that decides the class and an income is learnt when each column is standardised by itself. With
// one mean and deviation for all three, the ratio is lost beside the income.
func TestTablesOfDifferentScalesAreLearnt(t *testing.T) {
	folder := t.TempDir()
	random := rand.New(rand.NewPCG(1, 0))
	for split, rows := range map[string]int{"train": 600, "test": 200} {
		var columns, labels []float64
		for range rows {
			ratio := random.Float64()
			columns = append(columns, 18+60*random.Float64(), ratio, 1e5*(.5+random.Float64()))
			labels = append(labels, float64(int(ratio*2)))
		}
		datasettest.WriteArray(t, filepath.Join(folder, split+".npy"), "<f8", []int{rows, 3}, columns...)
		datasettest.WriteArray(t, filepath.Join(folder, split+"-labels.npy"), "<i8", []int{rows}, labels...)
	}
	accuracy := func(name, option string) float64 {
		plan := filepath.Join(folder, name+".yaml")
		text := fmt.Sprintf(`
data:
  format: npy
  modalities: [{name: person, kind: table, train: train.npy, test: test.npy}]
  labels: {train: train-labels.npy, test: test-labels.npy}
  validation: 100
%s
sample: {size: 200, distance: 0.3}
search:
  training: {epochs: 1}
  encoders: {person: {candidates: [{name: simple_mlp, hidden: 16, width: 8, layers: 1}]}}
  networks: {candidates: [{name: mlp_mixer, width: 8, depth: 1, token_width: 4, channel_width: 8}]}
train:
  training: {epochs: 30, dropout: 0, learning_rate: 0.01}
`, option)
		if err := os.WriteFile(plan, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		out := filepath.Join(folder, name)
		if code := run(context.Background(), []string{"mixmas", "run", plan, "--json", "--store", out + ".db", "--out", out}, strings.NewReader(""), &stdout, &stderr); code != 0 {
			t.Fatalf("exit code %d: %s", code, stderr.String())
		}
		var document struct {
			Test struct{ Metrics map[string]float64 }
		}
		if err := json.Unmarshal(stdout.Bytes(), &document); err != nil {
			t.Fatal(err)
		}
		// The model carries what it needs to predict: the data's own option does not count.
		stdout.Reset()
		if code := run(context.Background(), []string{"mixmas", "predict", "--model", filepath.Join(out, "model.safetensors"), "--data", filepath.Join(folder, "feature.yaml")},
			strings.NewReader(""), &stdout, &stderr); code != 0 || strings.Count(stdout.String(), "\n") != 201 {
			t.Errorf("predict: exit code %d: %s", code, stderr.String())
		}
		return document.Test.Metrics["accuracy"]
	}
	feature, modality := accuracy("feature", ""), accuracy("modality", "  standardise: modality")
	t.Logf("test accuracy: per feature %.3f, per modality %.3f", feature, modality)
	if feature < 0.9 || modality > 0.65 {
		t.Errorf("test accuracy per feature %.3f, want more than 0.9; per modality %.3f", feature, modality)
	}
}
