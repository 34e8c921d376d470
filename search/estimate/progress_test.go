package estimate_test

import (
	"math"
	"testing"
	"time"

	"mixmas/search/estimate"
)

func TestProgress(t *testing.T) {
	start := time.Unix(0, 0)
	p := estimate.NewProgress(start, map[string]float64{"a": 10, "b": 30}, 2)
	check := func(after time.Duration, ended, all int, share float64, left time.Duration) {
		t.Helper()
		gotEnded, gotAll := p.Count()
		if gotLeft := p.Left(start.Add(after)); gotEnded != ended || gotAll != all || math.Abs(p.Share()-share) > 1e-12 || gotLeft != left {
			t.Errorf("%d of %d, share %v, %v left, want %d of %d, %v, %v", gotEnded, gotAll, p.Share(), gotLeft, ended, all, share, left)
		}
	}
	check(time.Second, 0, 2, 0, 20*time.Second) // as expected, two at a time
	p.Step("b", 0.1)
	p.Step("other", 0.5)
	check(time.Second, 0, 2, 0.075, 18500*time.Millisecond) // less than a tenth is done
	p.Step("b", 0.5)
	check(30*time.Second, 0, 2, 0.375, 50*time.Second) // 15 expected seconds took 30
	p.Done("a", true)
	check(50*time.Second, 1, 2, 0.625, 30*time.Second)
	p.Done("a", true) // once
	p.Done("b", false)
	check(60*time.Second, 2, 2, 1, 0)
}

// Trainings whose names are not known are those that come.
func TestProgressOfUnnamed(t *testing.T) {
	start := time.Unix(0, 0)
	p := estimate.NewProgress(start, nil, 1)
	p.ExpectMore(2, 10)
	if left := p.Left(start); left != 20*time.Second {
		t.Errorf("%v left", left)
	}
	p.Step("a", 0.5)
	p.Done("b", true)
	p.Done("c", true) // one more than expected
	if ended, all := p.Count(); ended != 1 || all != 2 || p.Share() != 0.75 || p.Left(start.Add(15*time.Second)) != 5*time.Second {
		t.Errorf("%d of %d, share %v, %v left", ended, all, p.Share(), p.Left(start.Add(15*time.Second)))
	}
}

// Numbers from files may be any.
func TestProgressOfAnything(t *testing.T) {
	var none estimate.Progress
	none.Step("a", 1)
	none.Done("a", true)
	if ended, all := none.Count(); ended != 0 || all != 0 || none.Share() != 0 || none.Left(time.Unix(9, 0)) != 0 {
		t.Errorf("%d of %d, share %v", ended, all, none.Share())
	}
	p := estimate.NewProgress(time.Unix(0, 0), map[string]float64{"a": 1e300, "b": -5}, -1)
	if left := p.Left(time.Unix(1, 0)); left != 1e9*time.Second {
		t.Errorf("%v left", left)
	}
	p.Step("a", 7)
	if left := p.Left(time.Unix(1, 0)); left != 0 {
		t.Errorf("%v left", left)
	}
}
