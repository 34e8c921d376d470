package dimensions

import "testing"

func TestProduct(t *testing.T) {
	for want, shape := range map[int][]int{1: nil, 5: {5}, 12: {3, 4}, 0: {3, 0}} {
		if got := Product(shape); got != want {
			t.Errorf("%v has %d elements, want %d", shape, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for want, shape := range map[string][]int{"scalar": nil, "5": {5}, "3×64×64": {3, 64, 64}, "0×-1": {0, -1}} {
		if got := Text(shape); got != want {
			t.Errorf("%v is %q, want %q", shape, got, want)
		}
	}
}
