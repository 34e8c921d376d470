package simd

import (
	"slices"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	best := sets()[len(sets())-1].Name
	type test struct{ forced, name, reason, err string }
	tests := []test{
		{"", best, best + ": ", ""},
		{"portable", "portable", "portable: forced by MIXMAS_KERNELS", ""},
		{best, best, best + ": forced by MIXMAS_KERNELS", ""},
		{"avx3", best, best + ": ", `MIXMAS_KERNELS="avx3" is unknown: the kernels that can run here are portable`},
		{"AVX2", best, best + ": ", `MIXMAS_KERNELS="AVX2" is unknown: `},
		{" ", best, best + ": ", `MIXMAS_KERNELS=" " is unknown: `},
	}
	for _, name := range nativeNames {
		if !slices.ContainsFunc(sets(), func(s *Set) bool { return s.Name == name }) {
			tests = append(tests, test{name, best, best + ": ", "MIXMAS_KERNELS=" + name + ": these kernels cannot run here ("})
		}
	}
	for _, c := range tests {
		got, text := choose(c.forced), ""
		if got.err != nil {
			text = got.err.Error()
		}
		if got.set.Name != c.name || !strings.HasPrefix(got.reason, c.reason) || !strings.HasPrefix(text, c.err) || (text == "") != (c.err == "") {
			t.Errorf("MIXMAS_KERNELS=%q chose %s, %q, error %q; want %s, %q, %q", c.forced, got.set.Name, got.reason, text, c.name, c.reason, c.err)
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
