// Package devicetest is the test suite that every device must pass: golden vectors, every operation against a float64
// reference, the memory plan, the contract of sessions, the same bits at any number of workers and when operations are
// timed, and trainings that learn.
package devicetest

import (
	"testing"

	"mixmas/nn/device"
)

// Options are the properties that the suite needs of a device.
type Options struct {
	// Workers is the number of cores or other units that may work at once.
	Workers int
	// Poison fills memory that holds no value with NaN, before each run and when a buffer's planned lifetime ends.
	Poison bool
}

// Suite is the suite with what it must know about a device.
type Suite struct {
	// Open makes a new device.
	Open func(Options) device.Device
	// Metrics is for the golden cases of metrics.
	Metrics Metrics
	// Rounding describes how the device rounds the operands of matrix products.
	Rounding Rounding
	// Emulated means that the device is slow: the presets and other large programs are skipped. Brief skips more of the
	// large ones.
	Emulated, Brief bool
}

// Golden runs the golden vectors, see [Golden].
func (s Suite) Golden(t *testing.T) {
	Golden(t, func() device.Device { return s.Open(Options{Workers: 2, Poison: true}) }, s.Metrics, s.Rounding)
}

// RunRounded runs the tests that depend on the numerics: the golden vectors, every operation, and trainings that learn.
func (s Suite) RunRounded(t *testing.T) {
	t.Run("golden", s.Golden)
	t.Run("operations", func(t *testing.T) { operations(t, s.Open(Options{Workers: 2, Poison: true}), s.Rounding, s.edges()) })
	t.Run("learns", func(t *testing.T) { learns(t, s.Open(Options{Workers: 1}), s.Emulated, s.Brief) })
}

// Run runs the suite without the golden vectors.
func (s Suite) Run(t *testing.T) {
	poisoned := func() device.Device { return s.Open(Options{Workers: 2, Poison: true}) }
	t.Run("operations", func(t *testing.T) { operations(t, poisoned(), s.Rounding, s.edges()) })
	t.Run("bits", func(t *testing.T) { bits(t, s.Open, s.Emulated || raceDetector) })
	t.Run("maximum", func(t *testing.T) { maximum(t, poisoned()) })
	t.Run("sessions", func(t *testing.T) { sessions(t, s.Open) })
	t.Run("steps", func(t *testing.T) { steps(t, s.Open(Options{Workers: 1})) })
	t.Run("queue", func(t *testing.T) { queue(t, s.Open) })
	t.Run("trace", func(t *testing.T) { trace(t, s.Open) })
	t.Run("learns", func(t *testing.T) { learns(t, s.Open(Options{Workers: 1}), s.Emulated, s.Brief) })
}
