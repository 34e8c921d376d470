//go:build !linux

package simd

import "testing"

// guarded returns n elements with canaries on both sides that are checked when the test ends.
func guarded(t *testing.T, n int, _ bool) []float32 {
	const margin = 64
	all := make([]float32, n+2*margin)
	poison(all)
	t.Cleanup(func() { checkCanaries(t, all[:margin]); checkCanaries(t, all[margin+n:]) })
	return all[margin : margin+n : margin+n]
}
