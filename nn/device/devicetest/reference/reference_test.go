package reference_test

import (
	"testing"

	"mixmas/nn/device"
	"mixmas/nn/device/devicetest"
	"mixmas/nn/device/devicetest/reference"
)

func TestGolden(t *testing.T) {
	devicetest.Golden(t, func() device.Device { return reference.Device{} }, nil, devicetest.Rounding{})
}
