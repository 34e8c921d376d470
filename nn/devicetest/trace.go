package devicetest

import (
	"strings"
	"testing"

	"mixmas/nn/device"
	"mixmas/nn/device/profile"
)

// trace trains some models with the operations of every run timed one by one: the bits must be those of plain runs.
func trace(t *testing.T, open func(Options) device.Device) {
	for _, s := range smallModels(t)[:3] {
		t.Run(s.name, func(t *testing.T) {
			want := trained(t, s, s.weights(), 2, open(Options{Workers: 1}))
			var p profile.Profile
			got := trained(t, s, s.weights(), 2, p.Wrap(open(Options{Workers: 1, Poison: true})))
			if at := firstDifference(got, want); at >= 0 {
				t.Errorf("the state after 2 steps differs from element %d on", at)
			}
			var table strings.Builder
			if err := p.Write(&table); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(table.String(), "all programs: 2 runs, ") || !strings.Contains(table.String(), " matmul ") {
				t.Errorf("the table of operations is\n%s", table.String())
			}
		})
	}
}
