package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	cuda "mixmas/cgo"
	"mixmas/search/report"
)

const gpuPlan = `
data: {format: builtin, train: 160, validation: 60, test: 20, classes: 3, ambiguity: 0.2}
sample: {size: 96, distance: 0.2}
numerics: fp32
search:
  encoders:
    image:
      defaults: {width: 8, depth: 1, patch: 14}
      candidates: [{name: mlp_mixer, token_width: 4, channel_width: 16}, monarch_mixer]
    audio:
      defaults: {width: 8, depth: 1, patch: 14}
      candidates: [{name: mlp_mixer, token_width: 4, channel_width: 16}, {name: hyper_mixer, token_width: 4, channel_width: 16}]
  fusions: [concat, mean]
  networks:
    defaults: {depth: 1, token_width: 4, channel_width: 16}
    candidates: [hyper_mixer, mlp_mixer]
  training: {batch: 32, epochs: 4, learning_rate: 0.02}
`

// TestSearchOnGPU runs a complete search on the GPU (or its emulator) and on the CPU: the same candidates win, with close
// scores.
func TestSearchOnGPU(t *testing.T) {
	if _, reason := cuda.Probe(); reason != nil {
		t.Skip(reason)
	}
	folder := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", folder)
	plan := filepath.Join(folder, "plan.yaml")
	if err := os.WriteFile(plan, []byte(gpuPlan), 0o644); err != nil {
		t.Fatal(err)
	}
	search := func(device string) (d report.Document) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		args := []string{"mixmas", "search", plan, "--device", device, "--store", filepath.Join(folder, "scores.db"), "--workers", "2", "--json"}
		if code := run(t.Context(), args, nil, &stdout, &stderr); code != exitOK {
			t.Fatalf("search on %s: exit code %d: %s", device, code, stderr.String())
		}
		if err := json.Unmarshal(stdout.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	want, got := search("cpu"), search("cuda")
	if got.Trainings != want.Trainings {
		t.Errorf("%d trainings on the GPU, %d on the CPU: their scores must be kept apart", got.Trainings, want.Trainings)
	}
	for i, stage := range want.Stages {
		if winner := got.Stages[i].Winner; winner != stage.Winner {
			t.Errorf("%s: %s wins on the GPU, %s on the CPU", stage.Name, winner, stage.Winner)
		}
		scores := map[string]float64{}
		for _, c := range got.Stages[i].Candidates {
			scores[c.Name] = float64(c.Score)
		}
		for _, c := range stage.Candidates {
			if off := math.Abs(scores[c.Name] - float64(c.Score)); !(off <= 0.03) {
				t.Errorf("%s/%s: %v on the GPU, %v on the CPU", stage.Name, c.Name, scores[c.Name], c.Score)
			}
		}
	}
}

// TestDeviceFlag says what happens where there is no GPU.
func TestDeviceFlag(t *testing.T) {
	if _, reason := cuda.Probe(); reason == nil && !cuda.Emulated {
		t.Skip("there is a GPU")
	}
	t.Setenv("MIXMAS_EMULATOR_DEVICES", "0")
	_, reason := cuda.Probe()
	for _, c := range []struct {
		device, numerics, want string
		code                   int
	}{
		{"cuda", "auto", "mixmas: --device cuda: " + reason.Error() + "\n", exitFailure},
		{"cuda:x", "auto", "mixmas: --device cuda:x: known are auto, cpu, cuda and cuda:N\n", exitUsage},
		{"cpu", "tf32", "mixmas: numerics: tf32 needs a GPU; the CPU computes in fp32\n", exitUsage},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"mixmas", "bench", "--list=false", "--device", c.device, "--numerics", c.numerics}, nil, &stdout, &stderr)
		if code != c.code || stderr.String() != c.want {
			t.Errorf("--device %s --numerics %s: exit code %d and %q, want %d and %q", c.device, c.numerics, code, stderr.String(), c.code, c.want)
		}
	}
	if d, err := openGPU("auto", autoNumerics, &bytes.Buffer{}); d != nil || err != nil {
		t.Errorf("auto gives %v, %v: want the CPU", d, err)
	}
}
