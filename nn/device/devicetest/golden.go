package devicetest

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"mixmas/nn/device"
	"mixmas/nn/device/devicetest/golden"
)

// Metrics computes every metric of probabilities (rows × classes) against labels: class indices, or rows × classes zeros
// and ones for many labels. It is handed in because metrics lie above devices; nil
// leaves their cases out.
type Metrics func(probabilities []float64, rows, classes int, multiLabel bool, labels []float32) (map[string]float64, error)

// Golden runs all cases of the golden folder (see [golden.Dir]), one subtest each. Every expected array must be within
// its own tolerance.
func Golden(t *testing.T, open func() device.Device, metrics Metrics) {
	dir, err := golden.Dir()
	if err != nil {
		t.Fatal(err)
	}
	cases, err := golden.Cases(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			arrays, err := c.Arrays()
			if err != nil {
				t.Fatal(err)
			}
			v := &vectors{T: t, c: c, arrays: arrays, device: open(), checked: map[string]bool{}}
			if run := runners[c.Op]; run != nil {
				run(v)
			} else if strings.HasPrefix(c.Op, "metrics_") {
				v.metrics(metrics)
			} else {
				t.Fatalf("unknown operation %s", c.Op)
			}
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

// metrics runs a case of scores and labels.
func (v *vectors) metrics(compute Metrics) {
	v.Helper()
	if compute == nil {
		v.Skip("no metrics were handed in: the suite's other callers run this case")
	}
	scores, labels := v.array("scores"), v.array("labels")
	narrow := make([]float32, len(labels.Data))
	for i, label := range labels.Data {
		narrow[i] = float32(label)
	}
	got, err := compute(scores.Data, scores.Shape[0], scores.Shape[1], v.c.Op == "metrics_multilabel", narrow)
	if err != nil {
		v.Fatal(err)
	}
	for name := range v.c.Tolerance {
		value, defined := got[name]
		if !defined {
			v.Errorf("%s is undefined", name)
		}
		v.want(name, []float64{value})
	}
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
