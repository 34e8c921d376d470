package device_test

import (
	"math"
	"strings"
	"testing"

	"mixmas/nn/device"
)

func TestElements(t *testing.T) {
	for _, c := range []struct {
		shape []int
		n     int
		ok    bool
	}{
		{nil, 1, true}, {[]int{3, 4}, 12, true}, {[]int{0, 5}, 0, true}, {[]int{device.MaxElements}, device.MaxElements, true},
		{[]int{device.MaxElements, 2}, 0, false}, {[]int{-1, -1}, 0, false}, {[]int{0, math.MaxInt}, 0, false},
		{[]int{1 << 32, 1 << 32}, 0, false}, {[]int{math.MinInt}, 0, false}, {[]int{math.MaxInt, math.MaxInt}, 0, false},
	} {
		if n, ok := device.Elements(c.shape...); n != c.n || ok != c.ok {
			t.Errorf("%v: got %d, %t, want %d, %t", c.shape, n, ok, c.n, c.ok)
		}
	}
}

// Kernels count rows and columns with 32 bits: no size reaches them that would wrap.
func TestProgramsWithWrappingSizesAreRefused(t *testing.T) {
	wide := &device.MatMul{M: 1, N: 1, K: 1, LDA: 1 << 32, LDB: 1, LDC: 1, Batch: [2]int{1, 1}}
	for name, op := range map[string]device.Operation{
		"operation": wide,
		"composite": &device.Monarch{Parts: device.Parts{wide}},
		"maps":      &device.Im2Col{Maps: device.Maps{Batch: 1 << 31, Height: 1, Width: 1, Channels: 1, Kernel: 1, Stride: 1}},
	} {
		p := &device.Program{Operations: []device.Operation{op}}
		if err := p.Check(math.MaxInt); err == nil || !strings.Contains(err.Error(), "want at most 2147483647") {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}
