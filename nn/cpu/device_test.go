package cpu_test

import (
	"testing"

	"mixmas/nn/cpu"
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
	"mixmas/nn/device/devicetest"
)

func TestDevice(t *testing.T) {
	sets := []*simd.Set{simd.Portable()}
	if best := simd.Best(); best != sets[0] {
		sets = append(sets, best)
	}
	for _, set := range sets {
		t.Run(set.Name, func(t *testing.T) {
			devicetest.Run(t, func(o devicetest.Options) device.Device {
				return cpu.New(cpu.Options{Workers: o.Workers, Kernels: set, Poison: o.Poison})
			})
		})
	}
}
