package nn

import (
	"slices"

	"mixmas/nn/device"
)

// Gradients are the backward pass of what [Graph.Fuse] records, for the composite that is made of it.
type Gradients struct {
	// Parts are its operations.
	Parts device.Parts
	// DY is the gradient of the body's value, which they start from.
	DY device.Buffer

	contributions []contribution
}

// Of is where they write the gradient of a value that the body uses, absent where nobody wants it. v may be nil.
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

// Fuse records what body records as one composite, which a device may run as one kernel, and its gradient as another. forward
// makes the first of its parts and body's value y, backward the second. Both name their operands by the values that body uses
// and makes: where these lie ([Value.Buffer]), what is kept for the gradient ([Value.Kept]), and where gradients go
// ([Gradients.Of]).
//
// What the parts write and no field of the composite names, a kernel does not write: only the composite and its gradient may
// read it. A nil forward leaves the operations of body as they are, a nil backward those of its gradient, so that composites
// nest, and one may begin earlier than its gradient ends.
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

// compose replaces the operations recorded since the first from by one made of them, unless there are none.
func (g *Graph) compose(from int, composite func(device.Parts) device.Operation) {
	if parts := slices.Clone(g.operations[from:]); g.err == nil && len(parts) > 0 {
		g.operations = append(g.operations[:from], composite(parts))
	}
}
