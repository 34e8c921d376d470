//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

import (
	"context"
	"os"
	"testing"

	"mixmas/nn/device"
	"mixmas/nn/devicetest"
	"mixmas/search/metric"
	"mixmas/search/task"
)

// opener makes the suite's devices with some numerics, or skips the test where there is no GPU.
func opener(t testing.TB, n Numerics) func(devicetest.Options) device.Device {
	t.Helper()
	if _, err := Probe(); err != nil {
		t.Skip(err)
	}
	return func(o devicetest.Options) device.Device {
		d, err := New(Options{Numerics: n, Poison: o.Poison})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}

// exact is what a GPU does to float32 numbers: its erff and expf are off by 2 units in the last place, where a processor's
// are off by 1.
func exact() devicetest.Rounding {
	if Emulated {
		return devicetest.Rounding{}
	}
	return devicetest.Rounding{Functions: 2}
}

func metrics(probabilities []float64, rows, classes int, multiLabel bool, labels []float32) (map[string]float64, error) {
	o := metric.Outputs{Rows: rows, Classes: classes, Kind: task.KindOf(multiLabel), Label: metric.Listed(labels)}
	return metric.EvaluateProbabilities(context.Background(), probabilities, o)
}

// brief says whether the emulator runs the tests in another order of threads than the first: the larger trainings, which
// take the most time, are for the first.
func brief() bool {
	order := os.Getenv("MIXMAS_EMULATOR_ORDER")
	return Emulated && order != "" && order != "ascending"
}

func TestBindings(t *testing.T) {
	for _, name := range bindings.Missing() {
		t.Errorf("the cuda device does not support %s", name)
	}
}

func TestDevice(t *testing.T) { suite(t).Run(t) }
func TestGolden(t *testing.T) { suite(t).Golden(t) }

func suite(t *testing.T) devicetest.Suite {
	return devicetest.Suite{Open: opener(t, FP32), Metrics: metrics, Rounding: exact(), Emulated: Emulated, Brief: brief()}
}

func TestAllocations(t *testing.T) { devicetest.NoAllocations(t, opener(t, FP32)) }

// TestRounded runs what rounding reaches of the suite in the other numerics.
func TestRounded(t *testing.T) {
	for numerics, rounding := range map[Numerics]devicetest.Rounding{TF32: devicetest.TF32, BF16: devicetest.BF16} {
		t.Run(string(numerics), func(t *testing.T) {
			devicetest.Suite{Open: opener(t, numerics), Rounding: rounding, Emulated: Emulated, Brief: Emulated}.RunRounded(t)
		})
	}
}

// TestWays runs the golden vectors the ways that the sizes there do not lead: composites as their parts, one by one, and
// hidden layers computed again in the backward pass.
func TestWays(t *testing.T) {
	open := opener(t, FP32)
	for name, change := range map[string]func(*Device){
		"separate":  func(d *Device) { d.separate = true },
		"recompute": func(d *Device) { d.limits.recompute_above = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			devicetest.Golden(t, func() device.Device {
				d := open(devicetest.Options{Poison: true}).(*Device)
				change(d)
				return d
			}, nil, exact())
		})
	}
}
