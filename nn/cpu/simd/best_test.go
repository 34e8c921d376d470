package simd

import (
	"slices"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	best := sets()[len(sets())-1].Name
	for _, c := range []struct{ forced, name, reason string }{
		{"", best, best + ": "},
		{"portable", "portable", "portable: forced by MIXMAS_KERNELS"},
		{best, best, best + ": forced by MIXMAS_KERNELS"},
		{"avx3", best, `MIXMAS_KERNELS="avx3" is not known: use portable or avx2 or avx512`},
	} {
		set, reason := choose(c.forced)
		if set.Name != c.name || !strings.Contains(reason, c.reason) {
			t.Errorf("MIXMAS_KERNELS=%q chose %s, %q; want %s, %q", c.forced, set.Name, reason, c.name, c.reason)
		}
	}
	for _, name := range nativeNames {
		if slices.ContainsFunc(sets(), func(s *Set) bool { return s.Name == name }) {
			continue
		}
		set, reason := choose(name)
		if set.Name != best || !strings.Contains(reason, "MIXMAS_KERNELS="+name+" is not possible here") {
			t.Errorf("MIXMAS_KERNELS=%s chose %s, %q where it cannot run", name, set.Name, reason)
		}
	}
}

// Sets that are said to have the same bits have them in every product; all other functions they share.
func TestSetsWithTheSameBits(t *testing.T) {
	r, w := seeded(6), NewWorkspace()
	for _, a := range sets() {
		for _, b := range sets() {
			if a == b || a.Bits != b.Bits {
				continue
			}
			for _, size := range productSizes {
				for form := range 8 {
					p := newProduct(t, r, form&1 != 0, form&2 != 0, size.m, size.n, size.k, form&4 != 0)
					p.Dots = r.IntN(2) == 0
					first, second := slices.Clone(p.C), slices.Clone(p.C)
					a.Gemm(w, part(p, first, 0, p.M, 0, p.N))
					b.Gemm(w, part(p, second, 0, p.M, 0, p.N))
					sameBits(t, a.Name+" and "+b.Name+" "+productName(p), second, first)
				}
			}
		}
	}
}
