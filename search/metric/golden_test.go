package metric_test

import (
	"archive/zip"
	"encoding/json"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/devicetest/golden"
	"mixmas/search/dataset/npy"
	"mixmas/search/metric"
	"mixmas/search/task"
)

// The golden vectors hold labels, scores (probabilities) and scikit-learn's figures for them.
func TestGolden(t *testing.T) {
	folder, err := golden.Dir()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Cases []struct {
			Name string
			Op   string
			Atol map[string]float64
		}
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, c := range manifest.Cases {
		if !strings.HasPrefix(c.Op, "metrics_") {
			continue
		}
		found++
		t.Run(c.Name, func(t *testing.T) {
			arrays, shapes := readNPZ(t, filepath.Join(folder, c.Name+".npz"))
			scores, shape := arrays["scores"], shapes["scores"]
			o := metric.Outputs{Rows: shape[0], Classes: shape[1], Kind: task.KindOf(c.Op == "metrics_multilabel")}
			var labels []float32
			for _, v := range arrays["labels"] {
				labels = append(labels, float32(v))
			}
			o.Label = metric.Listed(labels)
			for _, p := range scores {
				o.Logits = append(o.Logits, float32(logit(p, o.Kind)))
			}
			fromProbabilities, err := metric.EvaluateProbabilities(t.Context(), scores, o)
			if err != nil {
				t.Fatal(err)
			}
			fromLogits, err := metric.Evaluate(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range slices.Sorted(maps.Keys(c.Atol)) {
				for from, values := range map[string]map[string]float64{"probabilities": fromProbabilities, "logits": fromLogits} {
					got, defined := values[name]
					if want := arrays[name][0]; !defined || !(math.Abs(got-want) <= c.Atol[name]) {
						t.Errorf("%s from %s: got %v (defined: %v), want %v ± %v", name, from, got, defined, want, c.Atol[name])
					}
				}
			}
			var named []string
			for _, name := range metric.Names(o.Kind) {
				if name != "loss" {
					named = append(named, name)
				}
			}
			if want := slices.Sorted(maps.Keys(c.Atol)); !slices.Equal(want, slices.Sorted(slices.Values(named))) {
				t.Errorf("metrics %v, the golden case has %v", named, want)
			}
		})
	}
	if found == 0 {
		t.Errorf("no metrics among the cases of %s", folder)
	}
}

// logit undoes softmax or sigmoid; certainty becomes a large finite logit.
func logit(p float64, kind task.Kind) float64 {
	if kind == task.MultiLabel {
		return min(max(math.Log(p)-math.Log1p(-p), -100), 100)
	}
	return max(math.Log(p), -100)
}

func readNPZ(t *testing.T, path string) (arrays map[string][]float64, shapes map[string][]int) {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	arrays, shapes = map[string][]float64{}, map[string][]int{}
	for _, entry := range archive.File {
		r, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		header, _, err := npy.ReadHeader(r)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(entry.Name, ".npy")
		n := 1
		for _, side := range header.Shape {
			n *= side
		}
		arrays[name], shapes[name] = make([]float64, n), header.Shape
		header.Type.Decode(arrays[name], content)
	}
	return arrays, shapes
}
