package nn

import (
	"slices"

	"mixmas/nn/device"
)

// Gradients describes the backward pass of a recording of [Graph.Fuse], from which its composite is made.
type Gradients struct {
	// Parts are the operations of the backward pass.
	Parts device.Parts
	// DY is the gradient of the body's value, where the backward pass starts.
	DY device.Buffer

	contributions []contribution
}

// Of returns where the backward pass writes the gradient of a value that the body uses. It is absent if the gradient is not
// needed. v may be nil.
func (d Gradients) Of(v *Value) (t device.Target) {
	for _, c := range d.contributions {
		if c.to == v.Buffer() {
			if t.D == 0 {
				t.Plus = c.plus
			}
			t.D = c.d
		}
	}
	return t
}

// Fuse records the operations of body as one composite, which a device may run as one kernel, and their gradient as
// another. forward makes the first composite from its parts and the value y that body returns; backward makes the second.
// Both find their operands through the values that body uses and creates: their buffers ([Value.Buffer]), what is kept for
// the gradient ([Value.Kept]), and the targets of gradients ([Gradients.Of]).
//
// A kernel does not write buffers that no field of the composite names, even if the parts write them: only the composite
// and its gradient may read such buffers. If forward is nil, the operations of body stay as they are, and if backward is
// nil, those of the gradient do. So composites can nest, and one may begin earlier than its gradient ends.
func (g *Graph) Fuse(body func() *Value, forward func(p device.Parts, y *Value) device.Operation,
	backward func(Gradients) device.Operation) *Value {
	outer := g.tape
	g.tape = nil
	from := len(g.operations)
	y := body()
	if forward != nil {
		g.compose(from, func(p device.Parts) device.Operation { return forward(p, y) })
	}
	inner := g.tape
	if g.tape = outer; backward == nil || len(inner) == 0 {
		g.tape = append(g.tape, inner...)
		return y
	}
	g.tape = append(g.tape, gradient{y.buffer, func(dy device.Buffer) {
		from, contributed := len(g.operations), len(g.contributions)
		g.unwind(inner)
		g.compose(from, func(p device.Parts) device.Operation {
			return backward(Gradients{Parts: p, DY: dy, contributions: g.contributions[contributed:]})
		})
	}})
	return y
}

// compose replaces the operations from index from on by one composite made of them, unless there are none.
func (g *Graph) compose(from int, composite func(device.Parts) device.Operation) {
	if parts := slices.Clone(g.operations[from:]); g.err == nil && len(parts) > 0 {
		g.operations = append(g.operations[:from], composite(parts))
	}
}
