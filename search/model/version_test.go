package model_test

import (
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"mixmas/nn/cpu"
	"mixmas/nn/safetensors"
	"mixmas/search/dataset"
	"mixmas/search/dataset/builtin"
	"mixmas/search/model"
)

// A model file of version 1, which the program wrote before features had statistics of their own, predicts as it did then, and
// so does the same model in today's version.
func TestVersion1PredictsAsItDid(t *testing.T) {
	file, err := os.ReadFile("testdata/version1.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/version1.csv")
	if err != nil {
		t.Fatal(err)
	}
	want, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	old, err := model.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	if s := old.Preprocessing["image"]; old.Version != 1 || !s.Equal(dataset.Uniform(0.1000103476869976, 0.30917682456631973)) {
		t.Errorf("version %d, standardised by %v", old.Version, s)
	}
	weights, _, err := safetensors.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	today, err := model.Parse(written(t, old.Description, weights))
	if err != nil {
		t.Fatal(err)
	}
	if today.Version != 2 {
		t.Errorf("written in version %d", today.Version)
	}
	for _, m := range []*model.Model{old, today} {
		data, err := builtin.Open(t.Context(), builtin.Options{Train: 60, Validation: 30, Test: 20, Classes: 10, Ambiguity: 0.6, Noise: 1, Seed: 1},
			dataset.Environment{Preprocessing: m.Preprocessing})
		if err != nil {
			t.Fatal(err)
		}
		logits, err := m.Predict(t.Context(), cpu.New(cpu.Options{Workers: 1}), data, dataset.Test)
		if err != nil {
			t.Fatal(err)
		}
		for row, line := range want[1:] {
			z := logits[row*10:][:10]
			if labels := strings.Join(m.Labels(z), "|"); labels != line[1] {
				t.Errorf("version %d: row %d is %s, was %s", m.Version, row, labels, line[1])
			}
			for class, p := range m.Probabilities(z) {
				if was, err := strconv.ParseFloat(line[2+class], 32); err != nil || math.Abs(was-float64(p)) > 1e-5 {
					t.Errorf("version %d: row %d, class %d: probability %v, was %v, %v", m.Version, row, class, p, was, err)
				}
			}
		}
	}
}

// Data of another treatment or without lengths are refused.
func TestCheckDataRefusesOtherStandardisation(t *testing.T) {
	file, err := os.ReadFile("testdata/version1.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := builtin.Open(t.Context(), builtin.Options{Train: 6, Validation: 3, Test: 2, Classes: 10}, dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.CheckData(data); err == nil || !strings.Contains(err.Error(), "modality image: the data set is not standardised as in the model's training (mean ") {
		t.Errorf("error %v", err)
	}
}
