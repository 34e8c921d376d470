package devicetest

import (
	"fmt"
	"math"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
)

// maximum checks that a NaN is larger than any number, at any place along the axis: a maximum must not hide that a training
// diverges.
func maximum(t *testing.T, d device.Device) {
	const outer, axis = 2, 5
	for _, inner := range []int{1, 3, 40} {
		for at := range axis {
			t.Run(fmt.Sprintf("inner %d, place %d", inner, at), func(t *testing.T) {
				data := make([]float32, outer*axis*inner)
				for i := range data {
					data[i] = float32(i%7) - 3
				}
				data[at*inner] = float32(math.NaN())
				r := record(t, nn.NewScope().Parameters(), nn.Evaluation)
				y := r.Max(r.input("x", data, outer, axis, inner), 1)
				r.Output("y", y)
				r.load(d, nil)
				r.run(device.Step{})
				for i, v := range r.read(y) {
					if (v != v) != (i == 0) {
						t.Errorf("element %d is %v, only that of 0 has a NaN", i, v)
					}
				}
			})
		}
	}
}
