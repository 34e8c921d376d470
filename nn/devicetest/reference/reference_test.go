package reference_test

import (
	"testing"

	"mixmas/nn/device"
	"mixmas/nn/devicetest"
	"mixmas/nn/devicetest/reference"
)

func TestEveryOperationIsKnown(t *testing.T) {
	for _, name := range reference.Missing() {
		t.Errorf("the reference does not support %s", name)
	}
}

func TestGolden(t *testing.T) {
	devicetest.Golden(t, func() device.Device { return reference.Device{} }, nil, devicetest.Rounding{})
}
