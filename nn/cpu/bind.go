package cpu

import (
	"fmt"

	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// bindings turn operations into instructions. Each file registers its own.
var bindings device.Dispatch[*binder]

// register makes f the binding for its type of operation.
func register[T device.Operation](f func(*binder, T) instruction) struct{} {
	return device.On(&bindings, func(b *binder, o T) { b.made = f(b, o) })
}

// binder turns the operations of a checked program into instructions.
type binder struct {
	session *session
	program *device.Program
	// index is the operation's index in the program.
	index int
	set   *simd.Set
	// made is the instruction of the current operation; err is set if there is none.
	made instruction
	err  error
}

// bind makes the instruction of one operation. A composite without a binding runs as its parts.
func (b *binder) bind(op device.Operation) (instruction, error) {
	b.made, b.err = nil, nil
	if !bindings.Do(b, op) {
		if c, ok := op.(device.Composite); ok {
			b.made = b.sequence(c.Operations())
		} else {
			b.fail("the cpu device does not support the operation %T", op)
		}
	}
	return b.made, b.err
}

// sequence runs the parts of a composite.
type sequence []instruction

func (s sequence) run(t *turn) error {
	for _, in := range s {
		if err := in.run(t); err != nil {
			return err
		}
	}
	return nil
}

// sequence binds the parts of a composite.
func (b *binder) sequence(parts []device.Operation) sequence {
	if b.err != nil {
		return nil
	}
	s := make(sequence, len(parts))
	for i, part := range parts {
		var err error
		if s[i], err = b.bind(part); err != nil {
			b.err = fmt.Errorf("%s: %w", part.Name(), err)
			return nil
		}
	}
	return s
}

// private reports whether only the current composite and its gradient read a buffer that it writes. Then the buffer need
// not be written.
func (b *binder) private(buffer device.Buffer) bool { return b.program.Private(b.index, buffer) }

func (b *binder) fail(format string, arguments ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, arguments...)
	}
}

// memory returns the first n elements of a buffer, or nil if it is absent.
func (b *binder) memory(buffer device.Buffer, n int) []float32 {
	if buffer == 0 {
		return nil
	}
	info := b.program.Info(buffer)
	space := b.session.arena
	switch info.Space {
	case device.State:
		space = b.session.state
	case device.Constant:
		space = info.Data
	}
	return space[info.Offset : info.Offset+n : info.Offset+n]
}

// same reports whether two slices begin at the same address.
func same(a, b []float32) bool { return len(a) > 0 && len(b) > 0 && &a[0] == &b[0] }

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
