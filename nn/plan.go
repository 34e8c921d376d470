package nn

import (
	"cmp"
	"slices"

	"mixmas/nn/device"
)

// Marks of [device.BufferInfo.First] and Last while recording.
const (
	never   = -2
	forever = 1 << 60
)

// Compile plans the memory and returns the program. A graph is compiled once.
func (g *Graph) Compile(name string) (*device.Program, error) {
	if g.err != nil {
		return nil, g.err
	}
	if len(g.operations) == 0 {
		return nil, errNotRecorded
	}
	for _, f := range g.fills {
		info := &g.buffers[f.buffer-1]
		info.Data = make([]float32, info.Size)
		f.write(info.Data)
	}
	g.lifetimes()
	p := &device.Program{Name: name, Operations: g.operations, Buffers: g.buffers, StateSize: g.parameters.StateSize()}
	place(p)
	return p, nil
}

// keep makes outputs of all values that were recorded.
func (g *Graph) keep() {
	for i := range g.buffers {
		if info := &g.buffers[i]; info.Space == device.Arena {
			info.Last = forever
		}
	}
}

// lifetimes finds the first write and the last read of every buffer, and counts its readers.
func (g *Graph) lifetimes() {
	var reads, writes []device.Buffer
	for i, op := range g.operations {
		reads, writes = op.Buffers(reads[:0], writes[:0])
		for _, b := range slices.Concat(writes, reads) {
			info := &g.buffers[b-1]
			if info.First == never {
				info.First = i
			}
			if info.Last != forever {
				info.Last = i
			}
		}
		slices.Sort(reads)
		for _, b := range slices.Compact(reads) {
			g.buffers[b-1].Readers++
		}
	}
	for i := range g.buffers {
		info := &g.buffers[i]
		if info.Last == forever {
			info.Last = len(g.operations)
		}
		if info.Last == never { // an input that nothing reads
			info.Last = info.First
		}
	}
}

// place gives every arena buffer an offset such that buffers that hold values at the same time do not overlap: largest
// first, each at the lowest offset that is free during its lifetime.
func place(p *device.Program) {
	var order []*device.BufferInfo
	last := 0
	for i := range p.Buffers {
		if b := &p.Buffers[i]; b.Space == device.Arena && b.First != never {
			order = append(order, b)
			p.Activations += b.Size
			last = max(last, b.Last)
		}
	}
	slices.SortStableFunc(order, func(a, b *device.BufferInfo) int { return cmp.Compare(b.Size, a.Size) })
	taken := period{from: -1, to: last}
	for _, b := range order {
		size := roundUp(b.Size)
		b.Offset = 0
		for at := taken.free(b, 0, size); at != b.Offset; at = taken.free(b, at, size) {
			b.Offset = at
		}
		end := b.Offset + size
		taken.take(b, span{b.Offset, end})
		p.ArenaSize = max(p.ArenaSize, end)
	}
}

// period is a range of operations, both ends included. Periods form a tree of ever shorter ranges, so that a few of them
// show which memory is taken during a lifetime.
type period struct {
	from, to int
	halves   *[2]period
	// always is the memory of buffers that live through the whole period, sometime that of all buffers that live during
	// part of it.
	always, sometime spans
}

// free returns at if the size elements from there on are free during the lifetime of b. Otherwise it returns the next
// offset to try: there is no room for them before it.
func (t *period) free(b *device.BufferInfo, at, size int) int {
	switch {
	case b.Last < t.from || t.to < b.First:
		return at
	case b.First <= t.from && t.to <= b.Last:
		return t.sometime.free(at, size)
	}
	at = t.always.free(at, size)
	if t.halves != nil {
		at = t.halves[0].free(b, at, size)
		at = t.halves[1].free(b, at, size)
	}
	return at
}

// take reserves a part of the arena for the lifetime of b.
func (t *period) take(b *device.BufferInfo, s span) {
	if b.Last < t.from || t.to < b.First {
		return
	}
	t.sometime.add(s)
	if b.First <= t.from && t.to <= b.Last {
		t.always.add(s)
		return
	}
	if t.halves == nil {
		middle := t.from + (t.to-t.from)/2
		t.halves = &[2]period{{from: t.from, to: middle}, {from: middle + 1, to: t.to}}
	}
	t.halves[0].take(b, s)
	t.halves[1].take(b, s)
}

// span is a part of the arena, end excluded; spans are sorted and do not touch each other.
type (
	span  struct{ from, to int }
	spans []span
)

// from returns the index of the first span that ends at or after an offset.
func (s spans) from(at int) int {
	i, _ := slices.BinarySearchFunc(s, at, func(x span, at int) int { return cmp.Compare(x.to, at) })
	return i
}

// free returns the lowest offset from at on where size elements lie outside all spans.
func (s spans) free(at, size int) int {
	for i := s.from(at + 1); i < len(s) && s[i].from < at+size; i++ {
		at = s[i].to
	}
	return at
}

// add adds a span, which may overlap existing ones.
func (s *spans) add(x span) {
	i := s.from(x.from)
	j := i
	for ; j < len(*s) && (*s)[j].from <= x.to; j++ {
		x.from, x.to = min(x.from, (*s)[j].from), max(x.to, (*s)[j].to)
	}
	*s = slices.Replace(*s, i, j, x)
}
