package device

import "slices"

// Composite is an operation made of others. A device that has a kernel for it reads its fields; any other runs its parts in
// order. A kernel need not write buffers that only the composite itself and its gradient read (see [Program.Private]). In
// the named fields it keeps what its own gradient needs.
type Composite interface {
	Operation
	// Operations returns the parts.
	Operations() []Operation
	// Of returns the composite that this one is the gradient of, or nil.
	Of() Composite
}

// Private reports whether only composite i, which writes buffer b, and its gradient read it.
func (p *Program) Private(i int, b Buffer) bool {
	info := p.Info(b)
	switch {
	case info.Space != Arena || info.Last == len(p.Operations):
		return false
	case info.Last == i:
		return true
	}
	c, ok := p.Operations[info.Last].(Composite)
	return ok && info.Readers == 1 && c.Of() == p.Operations[i]
}

// Parts are the operations of a [Composite], which embeds them.
type Parts []Operation

// Operations implements [Composite].
func (p Parts) Operations() []Operation { return p }

// Of implements [Composite] for composites that are not gradients.
func (Parts) Of() Composite { return nil }

// Buffers implements [Operation]: it lists what the parts read unless an earlier part wrote it, and everything that they
// write, once.
func (p Parts) Buffers(reads, writes []Buffer) (r, w []Buffer) {
	first := len(writes)
	var inner []Buffer
	for _, part := range p {
		var own []Buffer
		own, inner = part.Buffers(nil, inner[:0])
		for _, b := range own {
			if !slices.Contains(writes[first:], b) {
				reads = append(reads, b)
			}
		}
		for _, b := range inner {
			if !slices.Contains(writes[first:], b) {
				writes = append(writes, b)
			}
		}
	}
	return reads, writes
}

// Cost implements [Operation]: it is the sum over the parts. A kernel that keeps values on the chip moves fewer bytes.
func (p Parts) Cost() Cost {
	var sum Cost
	for _, part := range p {
		c := part.Cost()
		sum.FLOPs += c.FLOPs
		sum.Bytes += c.Bytes
	}
	return sum
}

// Target describes where a composite writes a gradient: D = Plus + the gradient. Plus may be absent, or D itself if D is
// state. If D is absent, the gradient is not needed.
type Target struct{ D, Plus Buffer }
