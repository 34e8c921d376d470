package nn

import (
	"strings"
	"testing"
)

// A mask has the first dimensions of what it masks and its last one.
func TestSoftmaxMasks(t *testing.T) {
	for _, c := range []struct {
		x, mask []int
		want    string
	}{
		{[]int{2, 3, 4, 4}, []int{2, 4}, ""},
		{[]int{2, 3, 4, 4}, []int{2, 3, 4}, ""},
		{[]int{2, 3, 4, 4}, []int{2, 3, 4, 4}, ""},
		{[]int{2, 3, 4, 4}, []int{4}, ""},
		{[]int{2, 3, 4, 4}, []int{3, 4}, "softmax: a mask 3×4 does not fit 2×3×4×4"},
		{[]int{2, 3, 4, 4}, []int{2, 5}, "a mask 2×5 does not fit"},
		{[]int{4}, []int{1, 4}, "a mask 1×4 does not fit 4"},
		{nil, nil, "has no last axis"},
	} {
		g := NewGraph(NewScope().Parameters(), Evaluation, false)
		var mask *Value
		if c.mask != nil {
			mask = g.Input("mask", c.mask...)
		}
		g.Softmax(g.Input("x", c.x...), mask)
		if err := g.Err(); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v masked by %v: got error %v, want %q", c.x, c.mask, err, c.want)
		}
	}
}
