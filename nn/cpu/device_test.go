package cpu_test

import (
	"context"
	"testing"

	"mixmas/nn/cpu"
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
	"mixmas/nn/devicetest"
	"mixmas/search/metric"
	"mixmas/search/task"
)

// open makes the suite's devices with a kernel set.
func open(set *simd.Set) func(devicetest.Options) device.Device {
	return func(o devicetest.Options) device.Device {
		return cpu.New(cpu.Options{Workers: o.Workers, Kernels: set, Poison: o.Poison})
	}
}

func metrics(probabilities []float64, rows, classes int, multiLabel bool, labels []float32) (map[string]float64, error) {
	o := metric.Outputs{Rows: rows, Classes: classes, Kind: task.KindOf(multiLabel), Label: metric.Listed(labels)}
	return metric.EvaluateProbabilities(context.Background(), probabilities, o)
}

func TestDevice(t *testing.T) { ofAllSets(t, devicetest.Suite.Run) }
func TestGolden(t *testing.T) { ofAllSets(t, devicetest.Suite.Golden) }

// ofAllSets runs a part of the suite on devices with each set of kernels.
func ofAllSets(t *testing.T, run func(devicetest.Suite, *testing.T)) {
	for _, set := range simd.Sets() {
		t.Run(set.Name, func(t *testing.T) { run(devicetest.Suite{Open: open(set), Metrics: metrics}, t) })
	}
}

func TestDeviceAllocations(t *testing.T) { devicetest.NoAllocations(t, open(simd.Best())) }

func BenchmarkDevice(b *testing.B) { devicetest.Benchmark(b, cpu.New(cpu.Options{Workers: 1})) }
