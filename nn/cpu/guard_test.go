//go:build !race

package cpu

import (
	"testing"

	"mixmas/nn/devicetest"
)

// TestGuard is left out under the race detector, which allocates.
func TestGuard(t *testing.T) {
	devicetest.Guard(t, New(Options{Workers: 1}), "testdata/guard.txt")
}
