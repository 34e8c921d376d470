package mixer

import "testing"

// The searches for patches and factors find what their definitions say.
func TestPatchesAndFactors(t *testing.T) {
	for n := 1; n <= 3000; n++ {
		patch := 1
		for p := 2; p < n; p++ {
			if n%p == 0 {
				patch = p
			}
		}
		if got := defaultPatch(n, 2*n); got != patch {
			t.Fatalf("maps of %d×%d: patch %d, want %d", n, 2*n, got, patch)
		}
		wantP, wantQ := 0, 0
		for order := n; wantP == 0; order++ {
			for p := 1; p*p <= order; p++ {
				if order%p == 0 && order/p <= 2*p {
					wantP, wantQ = p, order/p
				}
			}
		}
		if p, q := monarchFactors(n); p != wantP || q != wantQ {
			t.Fatalf("%d: factors %d·%d, want %d·%d", n, p, q, wantP, wantQ)
		}
	}
}
