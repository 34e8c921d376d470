//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import (
	"fmt"
	"math"
	"unsafe"

	"mixmas/nn/device"
)

// bindings say how the operations become descriptors. Each file adds those of its own.
var bindings device.Dispatch[*binder]

// binder turns operations of a program that was checked into descriptors.
type binder struct {
	runner     *runner
	program    *device.Program
	operations []C.mixmas_operation
	// err is the first error of the operation at hand.
	err error
	// index is that of the operation at hand in the program, name its name for C.
	index int
	name  *C.char
}

// bind appends the descriptors of operation i.
func (b *binder) bind(i int, op device.Operation) error {
	b.index, b.name = i, b.runner.session.name(op.Name())
	return b.one(op)
}

// name is a string in C's memory, for as long as the session is open.
func (s *session) name(text string) *C.char {
	c, ok := s.names[text]
	if !ok {
		c = C.CString(text)
		s.names[text] = c
	}
	return c
}

// one appends the descriptors of an operation or of a part of one.
func (b *binder) one(op device.Operation) error {
	b.err = nil
	c, composite := op.(device.Composite)
	switch {
	case composite && b.composite(c) || !composite && bindings.Do(b, op):
		return b.err
	case !composite:
		return fmt.Errorf("the cuda device does not know the operation %T", op)
	}
	for _, part := range c.Operations() {
		if err := b.one(part); err != nil {
			return fmt.Errorf("%s: %w", part.Name(), err)
		}
	}
	return nil
}

// add appends a descriptor of a kind. Its type must be the kind's.
func add[T any](b *binder, kind C.mixmas_kind, descriptor T) {
	if b.err != nil {
		return
	}
	b.operations = append(b.operations, C.mixmas_operation{kind: C.int32_t(kind), source: C.int32_t(b.index), name: b.name})
	of := &b.operations[len(b.operations)-1].of
	*(*T)(unsafe.Pointer(of)) = descriptor
}

func (b *binder) fail(format string, arguments ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, arguments...)
	}
}

// positive demands sizes of at least 1 that fit the descriptors' 32 bits.
func (b *binder) positive(name string, sizes ...int) {
	for _, n := range sizes {
		if n < 1 || n > math.MaxInt32 {
			b.fail("%s %v: every size must be at least 1 and less than 2³¹", name, sizes)
			return
		}
	}
}

// memory is where a buffer lies, and nil where it is absent.
func (b *binder) memory(buffer device.Buffer) *C.float {
	if buffer == 0 {
		return nil
	}
	return b.runner.memory(buffer)
}

// need is memory for the composites, which have no Check of their own.
func (b *binder) need(role string, buffer device.Buffer, n int) *C.float {
	if buffer == 0 {
		b.fail("%s is absent", role)
		return nil
	}
	return b.maybe(role, buffer, n)
}

func (b *binder) maybe(role string, buffer device.Buffer, n int) *C.float {
	if buffer < 0 || int(buffer) > len(b.program.Buffers) {
		b.fail("%s is buffer %d of %d", role, buffer, len(b.program.Buffers))
	} else if buffer != 0 && n > b.program.Info(buffer).Size {
		info := b.program.Info(buffer)
		b.fail("%s needs %d elements, buffer %d (%s) has %d", role, n, buffer, info.Name, info.Size)
	}
	if b.err != nil {
		return nil
	}
	return b.memory(buffer)
}

// activationOf is the activation's number in C.
func (b *binder) activationOf(a device.Activation) C.int32_t {
	switch a {
	case device.Identity:
		return C.MIXMAS_IDENTITY
	case device.GELU:
		return C.MIXMAS_GELU
	case device.ReLU:
		return C.MIXMAS_RELU
	case device.SquaredReLU:
		return C.MIXMAS_SQUARED_RELU
	}
	b.fail("the cuda device does not know activation %d", int(a))
	return 0
}

func flag(yes bool) C.int32_t {
	if yes {
		return 1
	}
	return 0
}
