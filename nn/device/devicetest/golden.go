package devicetest

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"mixmas/nn/device"
	"mixmas/nn/device/devicetest/golden"
)

// Golden runs all cases of the golden folder (see [golden.Dir]) but those of metrics, one subtest each. Every expected
// array must be within its own tolerance.
func Golden(t *testing.T, open func() device.Device) {
	dir, err := golden.Dir()
	if err != nil {
		t.Fatal(err)
	}
	cases, err := golden.Cases(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if strings.HasPrefix(c.Op, "metrics_") {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			arrays, err := c.Arrays()
			if err != nil {
				t.Fatal(err)
			}
			run := runners[c.Op]
			if run == nil {
				t.Fatalf("unknown operation %s", c.Op)
			}
			v := &vectors{T: t, c: c, arrays: arrays, device: open(), checked: map[string]bool{}}
			run(v)
			for name := range c.Tolerance {
				if !v.checked[name] {
					t.Errorf("%s was not compared", name)
				}
			}
		})
	}
}

// vectors is a case in progress.
type vectors struct {
	*testing.T
	c       golden.Case
	arrays  map[string]golden.Array
	device  device.Device
	checked map[string]bool
}

// hyper decodes the case's settings.
func (v *vectors) hyper(into any) {
	v.Helper()
	if err := json.Unmarshal(v.c.Hyper, into); err != nil {
		v.Fatal(err)
	}
}

// array is one of the case's arrays.
func (v *vectors) array(name string) golden.Array {
	v.Helper()
	a, ok := v.arrays[name]
	if !ok {
		v.Fatalf("the case has no array %s", name)
	}
	return a
}

// want compares a result with an expected array.
func (v *vectors) want(name string, got []float64) {
	v.Helper()
	want, atol := v.array(name).Data, v.c.Tolerance[name]
	v.checked[name] = true
	if len(got) != len(want) {
		v.Errorf("%s: %d elements, want %d", name, len(got), len(want))
		return
	}
	worst, at := 0.0, -1
	for i := range got {
		if e := math.Abs(got[i] - want[i]); !(e <= atol) && (at < 0 || !(e <= worst)) {
			worst, at = e, i
		}
	}
	if at >= 0 {
		v.Errorf("%s: element %d is %v, want %v: off by %.3g, allowed are %.3g", name, at, got[at], want[at], worst, atol)
	}
}

// widen turns what a device gives into what is compared.
func widen(data []float32) []float64 {
	wide := make([]float64, len(data))
	for i, x := range data {
		wide[i] = float64(x)
	}
	return wide
}
