package dimensions

import "testing"

func TestText(t *testing.T) {
	for want, shape := range map[string][]int{"scalar": nil, "5": {5}, "3×64×64": {3, 64, 64}, "0×-1": {0, -1}} {
		if got := Text(shape); got != want {
			t.Errorf("%v is %q, want %q", shape, got, want)
		}
	}
}
