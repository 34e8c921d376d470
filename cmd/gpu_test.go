package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	cuda "mixmas/cgo"
	"mixmas/nn/cpu"
	"mixmas/nn/device"
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
		{"cuda:x", "auto", "mixmas: --device cuda:x: want auto, cpu, cuda or cuda:N\n", exitUsage},
		{"cpu", "tf32", "mixmas: numerics: tf32 needs a GPU; the CPU computes in fp32\n", exitUsage},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"mixmas", "bench", "--list=false", "--device", c.device, "--numerics", c.numerics}, nil, &stdout, &stderr)
		if code != c.code || stderr.String() != c.want {
			t.Errorf("--device %s --numerics %s: exit code %d and %q, want %d and %q", c.device, c.numerics, code, stderr.String(), c.code, c.want)
		}
	}
	var notes bytes.Buffer
	if d, err := openGPU("auto", autoNumerics, &notes); d != nil || err != nil {
		t.Errorf("auto gives %v, %v: want the CPU", d, err)
	}
	if want := "using the CPU: " + reason.Error() + "\n"; cuda.Built && notes.String() != want {
		t.Errorf("auto notes %q, want %q", notes.String(), want)
	}
}

// TestFirstGPU looks for a GPU among several of which some cannot be used.
func TestFirstGPU(t *testing.T) {
	for _, c := range []struct {
		usable []bool
		want   int // -1: none
		reason string
	}{
		{[]bool{true, true}, 0, ""},
		{[]bool{false, false, true, true}, 2, ""},
		{[]bool{false, false}, -1, "GPU 0 is too old; GPU 1 is too old"},
		{nil, -1, ""},
	} {
		opened := -1
		d, err := firstGPU(len(c.usable), func(ordinal int) (device.Device, error) {
			if !c.usable[ordinal] {
				return nil, fmt.Errorf("GPU %d is too old", ordinal)
			}
			opened = ordinal
			return cpu.New(cpu.Options{Workers: 1}), nil
		})
		if opened != c.want || (d != nil) != (c.want >= 0) {
			t.Errorf("of GPUs %v number %d was opened, want %d", c.usable, opened, c.want)
		}
		if (err == nil) != (c.want >= 0) || err != nil && err.Error() != c.reason {
			t.Errorf("of GPUs %v: error %v, want %q", c.usable, err, c.reason)
		}
	}
}

// TestAutoGPU says that auto passes over a GPU that cannot be used.
func TestAutoGPU(t *testing.T) {
	if !cuda.Emulated {
		t.Skip("only an emulated GPU can be made small")
	}
	t.Setenv("MIXMAS_EMULATOR_DEVICES", "2")
	t.Setenv("MIXMAS_EMULATOR_SHARED", "0")
	if d, err := openGPU("auto", autoNumerics, &bytes.Buffer{}); err != nil || d.Name() != "cuda:1" {
		t.Errorf("auto gives %v, %v: want the second GPU", d, err)
	}
}
