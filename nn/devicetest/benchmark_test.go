package devicetest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/nn/device"
	"mixmas/nn/devicetest/reference"
)

// TestBenchmarkedOperations checks that every kind of operation is timed, a composite inside another with that one, and that
// sizes are known for it.
func TestBenchmarkedOperations(t *testing.T) {
	kinds := map[string]bool{}
	var timed func(op device.Operation)
	timed = func(op device.Operation) {
		if kinds[device.TypeName(op)] = true; op.Sizes() == "" {
			t.Errorf("the sizes of a %T are unknown", op)
		}
		if c, ok := op.(device.Composite); ok {
			for _, part := range c.Operations() {
				if _, inside := part.(device.Composite); inside {
					timed(part)
				}
			}
		}
	}
	for _, o := range benchmarkOperations(t) {
		timed(o.program.Operations[o.index])
	}
	var want []string
	for _, op := range device.Kinds() {
		want = append(want, device.TypeName(op))
	}
	if diff := cmp.Diff(sorted(kinds), want); diff != "" {
		t.Error(diff)
	}
}

// TestLoadAlone runs operations that read labels, indices, state and constants on the reference.
func TestLoadAlone(t *testing.T) {
	for _, s := range []subject{losses(3, 4), rows(2, 3, 5)} {
		p, err := s.recorded(t, nil).Compile(s.name)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Operations {
			l := loadAlone(t, reference.Device{}, p, i)
			l.run(t, 2)
			l.close(t)
		}
	}
}

func sorted(set map[string]bool) []string {
	var list []string
	for name := range set {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
