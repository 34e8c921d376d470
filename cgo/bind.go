//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import (
	"fmt"
	"unsafe"

	"mixmas/nn/device"
)

// bindings turn operations into descriptors. Each file adds its own.
var bindings device.Dispatch[*binder]

// binder turns the operations of a checked program into descriptors.
type binder struct {
	runner     *runner
	program    *device.Program
	operations []C.mixmas_operation
	// err is the first error of the current operation.
	err error
	// index is the index of the current operation in the program, name its name for C.
	index int
	name  *C.char
	// differentiated holds the operations whose gradients are in the program.
	differentiated map[device.Operation]bool
}

// bind appends the descriptors of operation i.
func (b *binder) bind(i int, op device.Operation) error {
	b.index, b.name = i, b.runner.session.name(op.Name())
	return b.one(op)
}

// name returns a copy of text in C's memory, which lives as long as the session is open.
func (s *session) name(text string) *C.char {
	c, ok := s.names[text]
	if !ok {
		c = C.CString(text)
		s.names[text] = c
	}
	return c
}

// one appends the descriptors of an operation or of a part of one. A composite without a kernel runs as its parts.
func (b *binder) one(op device.Operation) error {
	b.err = nil
	c, composite := op.(device.Composite)
	if !(composite && b.runner.session.device.separate) && bindings.Do(b, op) {
		return b.err
	}
	if !composite {
		return fmt.Errorf("the cuda device does not support the operation %T", op)
	}
	b.parts(c)
	return b.err
}

// parts appends the descriptors of a composite's parts.
func (b *binder) parts(c device.Composite) {
	for _, part := range c.Operations() {
		if err := b.one(part); err != nil {
			b.err = fmt.Errorf("%s: %w", part.Name(), err)
			return
		}
	}
}

// add appends a descriptor. Its type must match the kind.
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

// memory returns the address of a buffer, or nil if it is absent.
func (b *binder) memory(buffer device.Buffer) *C.float {
	if buffer == 0 {
		return nil
	}
	return b.runner.memory(buffer)
}

// activationOf returns the activation's number in C.
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
	case device.Sigmoid:
		return C.MIXMAS_SIGMOID
	case device.Tanh:
		return C.MIXMAS_TANH
	case device.SiLU:
		return C.MIXMAS_SILU
	}
	b.fail("the cuda device does not support activation %d", int(a))
	return 0
}

func flag(yes bool) C.int32_t {
	if yes {
		return 1
	}
	return 0
}
