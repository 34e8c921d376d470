// Package devicetest is the suite that every device passes: golden vectors, every operation against a float64 reference,
// the memory plan, and trainings.
package devicetest

import (
	"testing"

	"mixmas/nn/device"
)

// Run runs the whole suite on the devices that open makes, each a new one.
func Run(t *testing.T, open func() device.Device) {
	t.Run("golden", func(t *testing.T) { Golden(t, open) })
}
