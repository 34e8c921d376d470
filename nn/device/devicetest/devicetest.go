// Package devicetest is the suite that every device passes: golden vectors, every operation against a float64 reference,
// the memory plan, the same bits at any number of workers, and trainings that learn.
package devicetest

import (
	"testing"

	"mixmas/nn/device"
)

// Options are what the suite asks of a device.
type Options struct {
	// Workers is the number of cores or other units that may work at once.
	Workers int
	// Poison fills memory that holds nothing with NaN, before each run and when a buffer's planned lifetime ends.
	Poison bool
}

// Run runs the whole suite on the devices that open makes, each a new one. metrics is for the golden cases of metrics.
func Run(t *testing.T, open func(Options) device.Device, metrics Metrics) {
	poisoned := func() device.Device { return open(Options{Workers: 2, Poison: true}) }
	t.Run("golden", func(t *testing.T) { Golden(t, poisoned, metrics) })
	t.Run("operations", func(t *testing.T) { operations(t, poisoned()) })
	t.Run("bits", func(t *testing.T) { bits(t, open) })
	t.Run("learns", func(t *testing.T) { learns(t, open(Options{Workers: 1})) })
}
