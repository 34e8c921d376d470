package device

import (
	"cmp"
	"fmt"
	"slices"
)

// Check returns an error unless all buffers are inside their spaces, every operation has valid sizes, has all the memory
// that it touches and writes only where it may, and the kept value is an output of one element. largest is the largest size
// that the device can count with. Every device calls Check before it binds a program.
func (p *Program) Check(largest int) error {
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
			return fmt.Errorf("buffer %d (%s): unknown space %d", i+1, info.Name, int(info.Space))
		}
		if info.Offset < 0 || info.Size < 0 || info.Offset > limit-info.Size {
			return fmt.Errorf("buffer %d (%s): elements %d to %d of a space of %d", i+1, info.Name, info.Offset, info.Offset+info.Size, limit)
		}
	}
	for i, op := range p.Operations {
		if c := p.check(op, largest); c.err != nil {
			return fmt.Errorf("operation %d (%s): %w", i, op.Name(), c.err)
		}
	}
	if k := p.Kept; k != 0 && (k < 0 || int(k) > len(p.Buffers) || p.Info(k).Size != 1 || p.Info(k).Last != len(p.Operations)) {
		return fmt.Errorf("the kept value is buffer %d, which is not an output of one element", k)
	}
	return nil
}

// Endpoint returns where an input or output of n elements is. kind is "input" or "output"; verb says in errors what the
// runner does with it.
func (p *Program) Endpoint(verb, kind string, b Buffer, n int) (BufferInfo, error) {
	if b < 1 || int(b) > len(p.Buffers) {
		return BufferInfo{}, fmt.Errorf("%s %s of %s: buffer %d of %d", verb, kind, p.Name, b, len(p.Buffers))
	}
	info := p.Info(b)
	isInput, isOutput := info.First == -1, info.Last == len(p.Operations)
	if info.Space != Arena || kind == "input" && !isInput || kind == "output" && !isOutput {
		return BufferInfo{}, fmt.Errorf("%s %s of %s: buffer %d (%s) is not an %s", verb, kind, p.Name, b, info.Name, kind)
	}
	if n != info.Size {
		return BufferInfo{}, fmt.Errorf("%s %s of %s: buffer %d (%s) has %d elements, got %d", verb, kind, p.Name, b, info.Name, info.Size, n)
	}
	return info, nil
}

// Stale calls visit for each part of the arena that no longer holds a value: before operation 0 everything except the
// inputs, then, before each later operation and after the last, the buffers whose lifetime has just ended. Tests poison
// these parts.
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
