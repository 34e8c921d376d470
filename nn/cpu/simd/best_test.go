package simd

import (
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	best := sets()[len(sets())-1].Name
	for _, c := range []struct{ forced, name, reason string }{
		{"", best, best + ": "},
		{"portable", "portable", "portable: forced by MIXMAS_KERNELS"},
		{best, best, best + ": forced by MIXMAS_KERNELS"},
		{"avx3", best, `MIXMAS_KERNELS="avx3" is not known: use portable or avx2`},
	} {
		set, reason := choose(c.forced)
		if set.Name != c.name || !strings.Contains(reason, c.reason) {
			t.Errorf("MIXMAS_KERNELS=%q chose %s, %q; want %s, %q", c.forced, set.Name, reason, c.name, c.reason)
		}
	}
	if set, _ := native(); set == nil {
		set, reason := choose("avx2")
		if set.Name != "portable" || !strings.Contains(reason, "MIXMAS_KERNELS=avx2 is not possible here") {
			t.Errorf("MIXMAS_KERNELS=avx2 chose %s, %q where it cannot run", set.Name, reason)
		}
	}
}
