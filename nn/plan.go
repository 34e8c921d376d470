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

// lifetimes finds the first write and the last read of every buffer.
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

// placed is a buffer's elements in the arena and its lifetime, ends included but for end.
type placed struct{ offset, end, first, last int }

// place gives every arena buffer an offset such that buffers that hold values at the same time do not overlap: largest
// first, each at the lowest offset that is free during its lifetime.
func place(p *device.Program) {
	var order []*device.BufferInfo
	for i := range p.Buffers {
		if b := &p.Buffers[i]; b.Space == device.Arena && b.First != never {
			order = append(order, b)
			p.Activations += b.Size
		}
	}
	slices.SortStableFunc(order, func(a, b *device.BufferInfo) int { return cmp.Compare(b.Size, a.Size) })
	list := make([]placed, 0, len(order)) // in order of offsets; read from start to end for each buffer of deep models' many
	for _, b := range order {
		at, size := 0, roundUp(b.Size)
		for i := range list {
			q := &list[i]
			if b.Last < q.first || q.last < b.First || q.end <= at {
				continue
			}
			if at+size <= q.offset {
				break
			}
			at = q.end
		}
		b.Offset = at
		p.ArenaSize = max(p.ArenaSize, at+size)
		i, _ := slices.BinarySearchFunc(list, at, func(q placed, at int) int { return cmp.Compare(q.offset, at) })
		list = slices.Insert(list, i, placed{at, at + size, b.First, b.Last})
	}
}
