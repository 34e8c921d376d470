package text

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestQuantile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(0, 50), rapid.IntRange(0, 1<<40)), 1, 200).Draw(t, "lengths")
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		var l Lengths
		for _, n := range list {
			l.Add(n)
		}
		slices.Sort(list)
		want := list[max(int(math.Ceil(q*float64(len(list)))), 1)-1]
		if got := l.Quantile(q); got < want || got > want && (want <= 4096 || float64(got) > float64(want)*(1+1.0/64)) || l.texts != len(list) {
			t.Fatalf("quantile %g is %d, want %d", q, got, want)
		}
	})
}

func TestQuantileAtTheEnds(t *testing.T) {
	var l Lengths
	if l.Quantile(0.95) != 0 {
		t.Error("without texts the quantile is not 0")
	}
	l.Add(0)
	l.Add(math.MaxInt)
	if l.Quantile(0) != 0 || l.Quantile(1) != math.MaxInt || l.Quantile(2) != math.MaxInt {
		t.Errorf("%d, %d, %d", l.Quantile(0), l.Quantile(1), l.Quantile(2))
	}
}

// However many lengths there are, few counts are kept.
func TestLengthsAreBounded(t *testing.T) {
	var l Lengths
	for i := range 1_000_000 {
		l.Add(i * i)
	}
	if len(l.counts) > 8000 {
		t.Errorf("%d counts", len(l.counts))
	}
}
