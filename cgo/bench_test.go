//go:build cuda && !cudaemu && cgo && linux && (amd64 || arm64)

package cuda

import (
	"testing"

	"mixmas/nn/devicetest"
)

// benchmark runs a benchmark in each numerics, where there is a GPU.
func benchmark(b *testing.B, run func(b *testing.B, d *Device)) {
	if _, err := Probe(); err != nil {
		b.Skip(err)
	}
	for _, n := range AllNumerics() {
		b.Run(string(n), func(b *testing.B) {
			d, err := New(Options{Numerics: n})
			if err != nil {
				b.Fatal(err)
			}
			run(b, d)
		})
	}
}

// BenchmarkOperations times every kind of operation.
func BenchmarkOperations(b *testing.B) {
	benchmark(b, func(b *testing.B, d *Device) { devicetest.BenchmarkOperations(b, d) })
}

// BenchmarkDevice times training steps.
func BenchmarkDevice(b *testing.B) {
	benchmark(b, func(b *testing.B, d *Device) { devicetest.Benchmark(b, d) })
}
