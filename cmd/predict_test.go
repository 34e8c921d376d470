package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/search/combine"
	"mixmas/search/config"
	"mixmas/search/dataset"
	"mixmas/search/dataset/builtin"
	"mixmas/search/dataset/datasettest"
	"mixmas/search/model"
)

// modelFile writes an untrained model of one modality and returns its path and its bytes.
func modelFile(t *testing.T, format string, modality mixer.Modality) (path string, file []byte) {
	t.Helper()
	d := model.Description{Name: "small", Classes: []string{"cat", "dog"}, Data: model.Data{Format: format},
		Model:         mixer.Specification{Classes: 2, Modalities: []mixer.Modality{modality}},
		Preprocessing: map[string]dataset.Standardisation{modality.Name: dataset.Uniform(0, 1)}}
	m, err := mixer.Build(d.Model)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := model.Write(&b, &d, m.Parameters().Initialise(1)); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	description, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(folder, "model.safetensors")
	for name, content := range map[string][]byte{path: b.Bytes(), filepath.Join(folder, "model.json"): description} {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return path, b.Bytes()
}

// What keeps predict from predicting is one line that says what to do.
func TestPredictSaysWhatIsWrong(t *testing.T) {
	text := mixer.Modality{Name: "text", Kind: mixer.Sequence, Shape: []int{12, 8}, Encoder: mixer.Choice{Architecture: "hyper_mixer",
		Options: &mixer.HyperMixerOptions{Width: 4, Depth: 1, TokenWidth: 4, ChannelWidth: 4, Heads: 1}}}
	image := text
	image.Name, image.Kind, image.Shape = "image", mixer.Map, []int{1, 14, 14}
	ours, file := modelFile(t, "npy", text)
	builtin, _ := modelFile(t, "builtin", image)
	damaged := filepath.Join(t.TempDir(), "damaged.safetensors")
	file[len(file)-3] ^= 1
	if err := os.WriteFile(damaged, file, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		code       int
		want       string
	}{
		{"data of another format", ours, exitUsage, "predict: --data is missing, and the model cannot read the built-in data, which is the default (it was trained on data in format npy); the model reads text (sequence of 12×8): name a configuration"},
		{"data of another shape", builtin, exitUsage, "predict: --data is missing, and the model cannot read the built-in data, which is the default (data set builtin: the model reads the modalities image, but this data set has audio, image); the model reads image (map of 1×14×14): "},
		{"the description", filepath.Join(filepath.Dir(ours), "model.json"), exitFailure, "model.json: safetensors: the file is JSON text, not tensors: if it is a model's description, name the model.safetensors beside it"},
		{"the folder", filepath.Dir(ours), exitFailure, "is a folder: name the model.safetensors in it"},
		{"a device", os.DevNull, exitFailure, "is a device, want a regular file: name a model.safetensors"},
		{"a flipped bit", damaged, exitFailure, "damaged.safetensors: the weights' digest is "},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(context.Background(), []string{"mixmas", "predict", "--model", c.path}, strings.NewReader(""), &stdout, &stderr)
			if code != c.code || stdout.Len() > 0 || strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("exit code %d, %q, %q, want %d and %q", code, stdout.String(), stderr.String(), c.code, c.want)
			}
		})
	}
}

// A folder is read in the format of the model's training data where that reads folders.
func TestFoldersAreReadAsTheModelsData(t *testing.T) {
	a, b := dataset.Format{Name: "a"}, dataset.Format{Name: "b"}
	for _, c := range []struct {
		formats []dataset.Format
		trained string
		want    string
	}{{[]dataset.Format{a, b}, "b", "b"}, {[]dataset.Format{a, b}, "npy", "a"}, {nil, "b", ""}} {
		if got, ok := folderFormat(c.formats, c.trained); got.Name != c.want || ok != (c.want != "") {
			t.Errorf("a model of %s: format %q, want %q", c.trained, got.Name, c.want)
		}
	}
	path, _ := modelFile(t, "npy", mixer.Modality{Name: "image", Kind: mixer.Map, Shape: []int{1, 2, 2}, Encoder: mixer.Choice{Architecture: "mlp_mixer",
		Options: &mixer.MLPMixerOptions{Width: 4, Depth: 1, Patch: 1, TokenWidth: 4, ChannelWidth: 4}}})
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), []string{"mixmas", "predict", "--model", path, "--data", datasettest.AVMNIST(t)}, strings.NewReader(""), &stdout, &stderr)
	if code == 0 || !strings.Contains(stderr.String(), "data set avmnist: ") {
		t.Errorf("exit code %d, %s", code, stderr.String())
	}
}

// An ensemble is one model file: predict reads the modalities of all members, averages what they predict, and labels by thresholds.
func TestPredictTakesEnsembles(t *testing.T) {
	data, err := builtin.Open(t.Context(), *config.Default().Data.Options.(*builtin.Options), dataset.Environment{})
	if err != nil {
		t.Fatal(err)
	}
	d := model.Description{Name: "both", Classes: data.Task().Classes, Data: model.Data{Format: "builtin"}, Preprocessing: data.Preprocessing(),
		Ensemble: &model.Ensemble{Mean: combine.Probabilities}, Thresholds: make([]float64, len(data.Task().Classes))}
	d.Thresholds[7] = -100
	var weights []nn.Weights
	for _, m := range data.Modalities() {
		spec := mixer.Specification{Classes: len(d.Classes), Modalities: []mixer.Modality{{Name: m.Name, Kind: m.Kind, Shape: m.Shape,
			Encoder: mixer.Choice{Architecture: "mlp_mixer", Options: &mixer.MLPMixerOptions{Width: 4, Depth: 1, Patch: 7, TokenWidth: 4, ChannelWidth: 4}}}}}
		network, err := mixer.Build(spec)
		if err != nil {
			t.Fatal(err)
		}
		weights = append(weights, network.Parameters().Initialise(1))
		d.Ensemble.Members = append(d.Ensemble.Members, model.Member{Model: spec, Member: combine.Member{Weight: 1, Temperature: 1}})
	}
	path := filepath.Join(t.TempDir(), "ensemble.safetensors")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(model.Write(file, &d, model.Join(weights)), file.Close()); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"mixmas", "predict", "--model", path}, strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d, %s", code, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	if len(lines) != 1+data.Len(dataset.Test) {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines[1:] {
		if label := strings.Split(line, ",")[1]; label != d.Classes[7] {
			t.Fatalf("%s: the threshold of %s is far below all others", line, d.Classes[7])
		}
	}
}
