package device

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Check says whether all buffers lie inside their spaces, whether the sizes of matrices and maps are ones that every device
// can count with, and whether what is kept is an output of one element.
func (p *Program) Check() error {
	for i, info := range p.Buffers {
		var limit int
		switch info.Space {
		case Arena:
			limit = p.ArenaSize
		case State:
			limit = p.StateSize
		case Constant:
			limit = len(info.Data)
		default:
			return fmt.Errorf("buffer %d (%s): no device knows space %d", i+1, info.Name, int(info.Space))
		}
		if info.Offset < 0 || info.Size < 0 || info.Offset > limit-info.Size {
			return fmt.Errorf("buffer %d (%s): elements %d to %d of a space of %d", i+1, info.Name, info.Offset, info.Offset+info.Size, limit)
		}
	}
	for i, op := range p.Operations {
		if err := checkSizes(op); err != nil {
			return fmt.Errorf("operation %d (%s): %w", i+1, op.Name(), err)
		}
	}
	if k := p.Kept; k != 0 && (k < 0 || int(k) > len(p.Buffers) || p.Info(k).Size != 1 || p.Info(k).Last != len(p.Operations)) {
		return fmt.Errorf("the kept value is buffer %d, which is no output of one element", k)
	}
	return nil
}

// checkSizes refuses sizes of matrices and maps beyond what fits 32 bits, which kernels count them with.
func checkSizes(op Operation) error {
	var sizes []int
	switch o := op.(type) {
	case Composite:
		for _, part := range o.Operations() {
			if err := checkSizes(part); err != nil {
				return fmt.Errorf("%s: %w", part.Name(), err)
			}
		}
	case interface{ counts() []int }: // of matrices and maps
		sizes = o.counts()
	}
	for _, n := range sizes {
		if n < 0 || n > math.MaxInt32 {
			return fmt.Errorf("a size is %d: want at most %d", n, math.MaxInt32)
		}
	}
	return nil
}

// Endpoint is the place of an input or an output of n elements, which kind says, for a runner to verb.
func (p *Program) Endpoint(verb, kind string, b Buffer, n int) (BufferInfo, error) {
	if b < 1 || int(b) > len(p.Buffers) {
		return BufferInfo{}, fmt.Errorf("%s %s of %s: buffer %d of %d", verb, kind, p.Name, b, len(p.Buffers))
	}
	info := p.Info(b)
	isInput, isOutput := info.First == -1, info.Last == len(p.Operations)
	if info.Space != Arena || kind == "input" && !isInput || kind == "output" && !isOutput {
		return BufferInfo{}, fmt.Errorf("%s %s of %s: buffer %d (%s) is no %s", verb, kind, p.Name, b, info.Name, kind)
	}
	if n != info.Size {
		return BufferInfo{}, fmt.Errorf("%s %s of %s: buffer %d (%s) has %d elements, got %d", verb, kind, p.Name, b, info.Name, info.Size, n)
	}
	return info, nil
}

// Sharing lists what an operation may write over what it reads. The zero value allows nothing.
type Sharing struct{ pairs []sharedPair }

type sharedPair struct{ write, read Buffer }

// Allow allows the memory that an operation writes to be exactly the memory that it reads, or the same buffer.
func (s *Sharing) Allow(write Buffer, reads ...Buffer) {
	for _, read := range reads {
		s.pairs = append(s.pairs, sharedPair{write, read})
	}
}

// Clear allows nothing again.
func (s *Sharing) Clear() { s.pairs = s.pairs[:0] }

// Check says whether what the operation writes is not constant, and lies apart from everything else that it touches, or
// exactly on what it is allowed to share.
func (s *Sharing) Check(p *Program, op Operation) error {
	reads, writes := op.Buffers(nil, nil)
	for i, w := range writes {
		if p.Info(w).Space == Constant {
			return fmt.Errorf("it writes buffer %d (%s), which is constant", w, p.Info(w).Name)
		}
		for _, other := range writes[i+1:] {
			if p.overlap(w, other) {
				return fmt.Errorf("it writes buffers %d (%s) and %d (%s) to overlapping memory", w, p.Info(w).Name, other, p.Info(other).Name)
			}
		}
		for _, r := range reads {
			exactly := slices.Contains(s.pairs, sharedPair{w, r}) && p.Info(w).Offset == p.Info(r).Offset
			if p.overlap(w, r) && !exactly {
				return fmt.Errorf("it writes buffer %d (%s) over buffer %d (%s), which it reads", w, p.Info(w).Name, r, p.Info(r).Name)
			}
		}
	}
	return nil
}

func (p *Program) overlap(x, y Buffer) bool {
	a, b := p.Info(x), p.Info(y)
	return a.Space == b.Space && a.Offset < b.Offset+b.Size && b.Offset < a.Offset+a.Size
}

// Stale calls visit for each part of the arena that holds nothing any more: before operation 0 all but the inputs, and
// before each later one, and after the last, what the buffers leave whose lifetime has just ended. Tests poison it.
func (p *Program) Stale(visit func(before, from, to int)) {
	type span struct{ from, to int }
	for i := range len(p.Operations) + 1 {
		now := i - 1 // the operation that has just ended
		var ended, live []span
		if now < 0 {
			ended = []span{{0, p.ArenaSize}}
		}
		for _, info := range p.Buffers {
			s := span{info.Offset, info.Offset + info.Size}
			switch {
			case info.Space != Arena:
			case info.First <= now && now < info.Last:
				live = append(live, s)
			case info.Last == now:
				ended = append(ended, s)
			}
		}
		slices.SortFunc(live, func(a, b span) int { return cmp.Compare(a.from, b.from) })
		for _, e := range ended {
			for _, l := range live {
				if end := min(l.from, e.to); end > e.from {
					visit(i, e.from, end)
				}
				e.from = max(e.from, l.to)
			}
			if e.from < e.to {
				visit(i, e.from, e.to)
			}
		}
	}
}
