package cpu

import (
	"cmp"
	"slices"

	"mixmas/nn/device"
)

// early moves the updates of an Adam to the operations that compute its gradients. It returns, for each earlier operation,
// the updates that may follow at once, while parameters and gradients are still in the cache: those of parameters that no
// later operation reads and whose gradients no later operation writes. The remaining updates are returned as the
// instruction for Adam's own place. An update has the same bits at either place.
func early(p *device.Program, index int, a *adam) (after [][]instruction, rest sequence) {
	after = make([][]instruction, index)
	for _, s := range uses(p, index, a.o) {
		update := a.slice(s.from, s.to)
		if s.last < 0 {
			rest = append(rest, update)
		} else {
			after[s.last] = append(after[s.last], update)
		}
	}
	return after, rest
}

// use records that operation last is the last one to use the parameters from ≤ i < to, or Adam's state for them; -1 means
// that none does.
type use struct{ from, to, last int }

// uses cuts all parameters into pieces according to their last use before the operation.
func uses(p *device.Program, index int, o *device.Adam) []use {
	var all []use
	ends := []int{0, o.N}
	for i, op := range p.Operations[:index] {
		reads, writes := op.Buffers(nil, nil)
		for _, b := range append(reads, writes...) {
			info := p.Info(b)
			if info.Space != device.State {
				continue
			}
			for _, region := range []device.Buffer{o.Parameters, o.Gradients, o.Moments, o.Variances} {
				from := info.Offset - p.Info(region).Offset
				from, to := max(from, 0), min(from+info.Size, o.N)
				if from < to {
					all, ends = append(all, use{from, to, i}), append(ends, from, to)
				}
			}
		}
	}
	slices.Sort(ends)
	ends = slices.Compact(ends)
	last := make([]int, len(ends)-1) // last use of each piece between two ends
	for i := range last {
		last[i] = -1
	}
	for _, u := range all {
		i, _ := slices.BinarySearch(ends, u.from)
		for ; ends[i] < u.to; i++ {
			last[i] = max(last[i], u.last)
		}
	}
	var pieces []use
	for i, to := range ends[1:] {
		if n := len(pieces); n > 0 && pieces[n-1].last == last[i] {
			pieces[n-1].to = to
		} else {
			pieces = append(pieces, use{ends[i], to, last[i]})
		}
	}
	slices.SortStableFunc(pieces, func(a, b use) int { return cmp.Compare(a.last, b.last) })
	return pieces
}
