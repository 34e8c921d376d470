package device

import (
	"fmt"
	"math"
	"slices"
)

// Checker hears from the Check of an [Operation] what sizes it has, which elements of which buffers it touches, and what it
// may write over what it reads. It keeps the first error, so that a Check reads as a list. A device binds only programs that
// were checked, and checks nothing of this again.
type Checker struct {
	program *Program
	// largest is the largest size that the device can count with.
	largest int
	err     error
	named   []Buffer // by Need
	shared  []sharedPair
}

// sharedPair says that an operation may write one buffer exactly over another that it reads.
type sharedPair struct{ write, read Buffer }

// check checks one operation.
func (p *Program) check(op Operation, largest int) *Checker {
	c := &Checker{program: p, largest: largest}
	op.Check(c)
	c.memory(op)
	return c
}

// OK says that there is no error yet.
func (c *Checker) OK() bool { return c.err == nil }

// Fail keeps an error, unless there is one already.
func (c *Checker) Fail(format string, arguments ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, arguments...)
	}
}

// Positive demands sizes of at least 1 that the device can count with.
func (c *Checker) Positive(name string, sizes ...int) {
	for _, n := range sizes {
		switch {
		case n < 1:
			c.Fail("%s %v: every size must be at least 1", name, sizes)
		case n > c.largest:
			c.Fail("%s %v: every size must be at most %d", name, sizes, c.largest)
		}
	}
}

// Shape demands a shape of which every dimension is positive, and is the number of its elements.
func (c *Checker) Shape(shape []int) int {
	c.Positive("shape", shape...)
	n, ok := Elements(shape...)
	if !ok {
		c.Fail("shape %v: want at most %d elements", shape, MaxElements)
	}
	return n
}

// Counts demands sizes that fit 32 bits, which kernels count rows, columns and steps with.
func (c *Checker) Counts(sizes ...int) {
	for _, n := range sizes {
		if n < 0 || n > math.MaxInt32 {
			c.Fail("a size is %d: want at most %d", n, math.MaxInt32)
		}
	}
}

// Need demands a buffer of which the operation touches the first n elements; role is its field.
func (c *Checker) Need(role string, b Buffer, n int) {
	switch {
	case b == 0:
		c.Fail("%s is absent", role)
	case b < 0 || int(b) > len(c.program.Buffers):
		c.Fail("%s is buffer %d of %d", role, b, len(c.program.Buffers))
	default:
		if info := c.program.Info(b); n > info.Size {
			c.Fail("%s needs %d elements, buffer %d (%s) has %d", role, n, b, info.Name, info.Size)
		}
		c.named = append(c.named, b)
	}
}

// Maybe is Need for a buffer that may be absent.
func (c *Checker) Maybe(role string, b Buffer, n int) {
	if b != 0 {
		c.Need(role, b, n)
	}
}

// View demands a buffer that is read under strides of 0 or more, in the order of a shape.
func (c *Checker) View(role string, b Buffer, shape, strides []int) {
	end := 1
	for i, n := range shape {
		if strides[i] < 0 {
			c.Fail("%s: strides %v, want 0 or more", role, strides)
		}
		end += (n - 1) * strides[i]
	}
	c.Need(role, b, end)
}

// Share allows the memory that the operation writes to be exactly the memory that it reads, or the same buffer.
func (c *Checker) Share(write Buffer, reads ...Buffer) {
	for _, read := range reads {
		c.shared = append(c.shared, sharedPair{write, read})
	}
}

// Target demands a gradient of n elements, where it is wanted, that may be written over what is added to it.
func (c *Checker) Target(role string, t Target, n int) {
	if t.D != 0 {
		c.Need(role, t.D, n)
		c.Maybe(role+".Plus", t.Plus, n)
		c.Share(t.D, t.Plus)
	}
}

// Parts checks the parts of a composite, each as an operation of its own. A device with a kernel for the composite need not
// count what its parts count.
func (c *Checker) Parts(parts []Operation) {
	for _, part := range parts {
		of := c.program.check(part, math.MaxInt)
		if of.err != nil {
			c.Fail("%s: %w", part.Name(), of.err)
		}
		c.named = append(c.named, of.named...)
	}
}

// memory demands that the operation named all its buffers and no other, that what it writes is not constant, and that it lies apart from
// everything else that the operation touches, or exactly on what it may be written over.
func (c *Checker) memory(op Operation) {
	reads, writes := op.Buffers(nil, nil)
	touched := slices.Concat(reads, writes)
	for _, b := range touched {
		if c.OK() && !slices.Contains(c.named, b) {
			c.Fail("its Check leaves out buffer %d", b)
		}
	}
	for _, b := range c.named {
		if c.OK() && !slices.Contains(touched, b) {
			c.Fail("it names buffer %d (%s), which it does not touch", b, c.program.Info(b).Name)
		}
	}
	if !c.OK() {
		return
	}
	p := c.program
	for i, w := range writes {
		if p.Info(w).Space == Constant {
			c.Fail("it writes buffer %d (%s), which is constant", w, p.Info(w).Name)
		}
		for _, other := range writes[i+1:] {
			if p.overlap(w, other) {
				c.Fail("it writes buffers %d (%s) and %d (%s) to overlapping memory", w, p.Info(w).Name, other, p.Info(other).Name)
			}
		}
		for _, r := range reads {
			exactly := slices.Contains(c.shared, sharedPair{w, r}) && p.Info(w).Offset == p.Info(r).Offset
			if p.overlap(w, r) && !exactly {
				c.Fail("it writes buffer %d (%s) over buffer %d (%s), which it reads", w, p.Info(w).Name, r, p.Info(r).Name)
			}
		}
	}
}

func (p *Program) overlap(x, y Buffer) bool {
	a, b := p.Info(x), p.Info(y)
	return a.Space == b.Space && a.Offset < b.Offset+b.Size && b.Offset < a.Offset+a.Size
}
