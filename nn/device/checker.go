package device

import (
	"fmt"
	"math"
	"slices"
)

// Checker collects from the Check of an [Operation] its sizes, the elements of the buffers that it touches, and which
// buffers that it writes may share memory with buffers that it reads. It keeps the first error, so that a Check reads like
// a list. Devices bind only programs that were checked, and do not repeat these checks.
type Checker struct {
	program *Program
	// largest is the largest size that the device can count with.
	largest int
	err     error
	named   []Buffer // by Need
	shared  []sharedPair
}

// sharedPair allows an operation to write one buffer exactly over another that it reads.
type sharedPair struct{ write, read Buffer }

// check checks one operation.
func (p *Program) check(op Operation, largest int) *Checker {
	c := &Checker{program: p, largest: largest}
	op.Check(c)
	c.memory(op)
	return c
}

// OK reports whether there is no error yet.
func (c *Checker) OK() bool { return c.err == nil }

// Fail keeps an error, unless the checker already has one.
func (c *Checker) Fail(format string, arguments ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, arguments...)
	}
}

// Positive requires sizes of at least 1 that the device can count with.
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

// Shape requires positive dimensions and returns the number of elements.
func (c *Checker) Shape(shape []int) int {
	c.Positive("shape", shape...)
	n, ok := Elements(shape...)
	if !ok {
		c.Fail("shape %v: want at most %d elements", shape, MaxElements)
	}
	return n
}

// Counts requires sizes that fit into 32 bits, since kernels count rows, columns and steps with these.
func (c *Checker) Counts(sizes ...int) {
	for _, n := range sizes {
		if n < 0 || n > math.MaxInt32 {
			c.Fail("a size is %d: want at most %d", n, math.MaxInt32)
		}
	}
}

// Need requires a buffer of which the operation touches the first n elements. role is the name of the operation's field.
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

// Maybe is like Need, for a buffer that may be absent.
func (c *Checker) Maybe(role string, b Buffer, n int) {
	if b != 0 {
		c.Need(role, b, n)
	}
}

// View requires a buffer that is read in the order of a shape, with strides of 0 or more.
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

// Share allows write to be the same buffer as one of reads, or to have exactly its memory.
func (c *Checker) Share(write Buffer, reads ...Buffer) {
	for _, read := range reads {
		c.shared = append(c.shared, sharedPair{write, read})
	}
}

// Target requires a gradient of n elements, unless it is absent. It may be written over the buffer that is added to it.
func (c *Checker) Target(role string, t Target, n int) {
	if t.D != 0 {
		c.Need(role, t.D, n)
		c.Maybe(role+".Plus", t.Plus, n)
		c.Share(t.D, t.Plus)
	}
}

// Parts checks each part of a composite as a separate operation. The limit of what the device can count with does not hold
// for them, since a device with a kernel for the composite does not run them.
func (c *Checker) Parts(parts []Operation) {
	for _, part := range parts {
		of := c.program.check(part, math.MaxInt)
		if of.err != nil {
			c.Fail("%s: %w", part.Name(), of.err)
		}
		c.named = append(c.named, of.named...)
	}
}

// memory requires that the operation's Check named all its buffers and no others, that no buffer that it writes is
// constant, and that these buffers do not overlap with anything else that it touches, except exactly with buffers that they
// may be written over.
func (c *Checker) memory(op Operation) {
	reads, writes := op.Buffers(nil, nil)
	touched := slices.Concat(reads, writes)
	for _, b := range touched {
		if c.OK() && !slices.Contains(c.named, b) {
			c.Fail("its Check omits buffer %d", b)
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
