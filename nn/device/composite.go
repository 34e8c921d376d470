package device

import "slices"

// Composite is an operation made of others. A device that has a kernel for it reads its fields; any other runs its parts
// in order. A kernel may leave unwritten what only the composite itself and its gradient read (see [Program.Private]): it
// keeps in the named fields what its own gradient wants.
type Composite interface {
	Operation
	// Operations are the parts.
	Operations() []Operation
	// Of is the composite that this one is the gradient of, or nil.
	Of() Composite
}

// Private says whether no operation but composite i and its gradient read buffer b, which i writes.
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

// Of implements [Composite] for those that are no gradient.
func (Parts) Of() Composite { return nil }

// Buffers implements [Operation]: what the parts read that no part before them wrote, and all that they write.
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
		writes = append(writes, inner...)
	}
	return reads, writes
}

// Cost implements [Operation]: the sum of the parts'. A kernel that keeps values on the chip moves fewer bytes.
func (p Parts) Cost() Cost {
	var sum Cost
	for _, part := range p {
		c := part.Cost()
		sum.FLOPs += c.FLOPs
		sum.Bytes += c.Bytes
	}
	return sum
}

// Target is where a composite gradient goes: D = Plus + the gradient. Plus may be absent, or D itself where that is state.
// An absent D is not wanted.
type Target struct{ D, Plus Buffer }
