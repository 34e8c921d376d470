package devicetest

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/devicetest/golden"
	"mixmas/nn/devicetest/reference"
)

// Metrics computes every metric of probabilities (rows × classes) against labels: class indices, or rows × classes zeros
// and ones for multi-label ones. It is a parameter because devices must not import package metric; nil skips these cases.
type Metrics func(probabilities []float64, rows, classes int, multiLabel bool, labels []float32) (map[string]float64, error)

// growth is the allowed error of a device that rounds the operands of matrix products, in unit roundoffs of the largest
// expected magnitude, for each product in the chain that leads to a value (see [depths]).
//
// A rounded operand is off by a random part of the unit roundoff u, so that a product of two is off by about u times its
// magnitude. A sum of such terms, with random signs, is off by about u times its own magnitude, however long it is. The
// errors of consecutive products add up; in the worst case all have the same sign. So the expected value is about 1 for one
// product, and less for many. Larger errors come from sums that are smaller than their terms, as in batch norms over few
// values, and from the kink of relu: if rounding moves an element across it, its gradient appears or disappears. How large they
// are in a case, the reference with rounded operands tells: an array may also be off by growthMeasured times its largest error there.
const (
	growth         = 2
	growthRough    = 12 // with batch norm or relu
	growthMeasured = 4
)

// Golden runs all cases of the golden folder (see [golden.Dir]), one subtest each. Every expected array must be met within
// its own tolerance plus, for devices that round the operands of products, the error that this may cause: such a case runs on the
// reference with rounded operands first.
func Golden(t *testing.T, open func() device.Device, metrics Metrics, rounding Rounding) {
	dir, err := golden.Dir()
	if err != nil {
		t.Fatal(err)
	}
	cases, err := golden.Cases(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if metrics == nil && strings.HasPrefix(c.Op, "metrics_") {
			continue // other callers of the suite run it
		}
		t.Run(c.Name, func(t *testing.T) {
			arrays, err := c.Arrays()
			if err != nil {
				t.Fatal(err)
			}
			v := &vectors{T: t, c: c, arrays: arrays, rounding: rounding, checked: map[string]bool{}, errors: map[string]float64{}}
			if rounding.Round != nil {
				first := *v
				first.device, first.measuring = reference.Device{Round: rounding.wide()}, true
				first.run(metrics)
			}
			v.device = open()
			v.run(metrics)
			if v.share > 0 {
				t.Logf("rounding leads to errors of up to %.2f of those that are allowed", v.share)
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
	c      golden.Case
	arrays map[string]golden.Array
	device device.Device
	// rounding is that of the device, depths those of the program that was loaded last.
	rounding Rounding
	depths   []int
	growth   float64
	// errors are the largest ones of each array on the reference with rounded operands, which are collected while measuring.
	errors    map[string]float64
	measuring bool
	// share is the largest error beyond the arrays' own tolerances, of what rounding may cause.
	share   float64
	checked map[string]bool
}

// run runs the case on the device.
func (v *vectors) run(metrics Metrics) {
	if run := runners[v.c.Op]; run != nil {
		run(v)
	} else if strings.HasPrefix(v.c.Op, "metrics_") {
		v.metrics(metrics)
	} else {
		v.Fatalf("unknown operation %s", v.c.Op)
	}
}

// metrics runs a case of probabilities and labels.
func (v *vectors) metrics(compute Metrics) {
	v.Helper()
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

// array returns one of the case's arrays.
func (v *vectors) array(name string) golden.Array {
	v.Helper()
	a, ok := v.arrays[name]
	if !ok {
		v.Fatalf("the case has no array %s", name)
	}
	return a
}

// load loads a recording into a new session of the device.
func (v *vectors) load(r *recording, w nn.Weights) {
	v.Helper()
	r.load(v.device, w)
	v.note(r.program)
}

// note keeps the depths of a program.
func (v *vectors) note(p *device.Program) {
	v.depths, v.growth = depths(p), growth
	for _, op := range p.Operations {
		switch o := op.(type) {
		case *device.BatchNorm:
			v.growth = growthRough
		case *device.Map:
			if o.Activation == device.ReLU || o.Activation == device.SquaredReLU {
				v.growth = growthRough
			}
		}
	}
}

// wantValue compares an output, or a value in the state, with an expected array.
func (v *vectors) wantValue(name string, r *recording, x *nn.Value) {
	v.Helper()
	read := r.read
	if r.program.Info(x.Buffer()).Space == device.State {
		read = r.state
	}
	v.wantRounded(name, widen(read(x)), v.depths[x.Buffer()])
}

// want compares a result that does not depend on rounding with an expected array.
func (v *vectors) want(name string, got []float64) {
	v.Helper()
	v.within(name, got, 0)
}

// wantRounded compares a result with an expected array, given the number of products in a row that led to it.
func (v *vectors) wantRounded(name string, got []float64, depth int) {
	v.Helper()
	more := 0.0
	if v.rounding.Round != nil {
		more = v.growth*v.rounding.Roundoff*peak(v.array(name).Data)*float64(depth) + growthMeasured*v.largest(name, v.errors)
	}
	for i, want := range v.array(name).Data {
		if more > 0 && i < len(got) && !v.measuring {
			v.share = max(v.share, (math.Abs(got[i]-want)-v.tolerance(name))/more)
		}
	}
	v.within(name, got, more)
}

// within compares a result with an expected array. The error may be up to the array's tolerance plus more.
func (v *vectors) within(name string, got []float64, more float64) {
	v.Helper()
	want, atol := v.array(name).Data, v.tolerance(name)+more
	if v.measuring {
		for i := range min(len(got), len(want)) {
			v.errors[name] = max(v.errors[name], math.Abs(got[i]-want[i]))
		}
		return
	}
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
		v.Errorf("%s: element %d is %v, want %v: off by %.3g, want at most %.3g", name, at, got[at], want[at], worst, atol)
	}
}

// tolerance returns the array's tolerance, a multiple of the error that PyTorch made.
func (v *vectors) tolerance(name string) float64 {
	return max(v.rounding.Functions, 1) * v.largest(name, v.c.Tolerance)
}

// largest returns the array's error of those given. For a single number that is a sum of thousands (the bias of StarReLU), it may
// have been close to zero by chance: such an array gets the largest error of similar arrays in the case.
func (v *vectors) largest(name string, errors map[string]float64) float64 {
	e := errors[name]
	if len(v.array(name).Data) != 1 {
		return e
	}
	kind := func(name string) string {
		parts := strings.Split(name, ".")
		return parts[0] + "." + strings.Join(parts[max(1, len(parts)-2):], ".")
	}
	for other, of := range errors {
		if kind(other) == kind(name) {
			e = max(e, of)
		}
	}
	return e
}

// widen converts a device's float32 values to the float64 values that are compared.
func widen(data []float32) []float64 {
	wide := make([]float64, len(data))
	for i, x := range data {
		wide[i] = float64(x)
	}
	return wide
}
