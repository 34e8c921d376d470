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

// binder turns operations into descriptors. It keeps the first error, so that the code that binds an operation reads as a
// list of what it needs.
type binder struct {
	runner     *runner
	program    *device.Program
	operations []C.mixmas_operation
	err        error
	// index is that of the operation at hand in the program, name its name for C.
	index int
	name  *C.char
	// shared is what the operation at hand may write over what it reads.
	shared device.Sharing
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
	b.shared.Clear()
	if c, ok := op.(device.Composite); ok && !b.composite(c) {
		for _, part := range c.Operations() {
			if err := b.one(part); err != nil {
				return fmt.Errorf("%s: %w", part.Name(), err)
			}
		}
		return nil
	} else if !ok {
		b.operation(op)
	}
	if b.err == nil {
		b.err = b.shared.Check(b.program, op)
	}
	return b.err
}

func (b *binder) operation(op device.Operation) {
	switch o := op.(type) {
	case *device.MatMul:
		b.matMul(o)
	case *device.Map:
		b.activation(o)
	case *device.MapGrad:
		b.activationGrad(o)
	case *device.Binary:
		b.binary(o)
	case *device.Assemble:
		b.assemble(o)
	case *device.Reduce:
		b.reduce(o)
	case *device.MaxGrad:
		b.maxGrad(o)
	case *device.Dropout:
		b.dropout(o)
	case *device.LayerNorm:
		b.layerNorm(o)
	case *device.LayerNormGrad:
		b.layerNormGrad(o)
	case *device.BatchNorm:
		b.batchNorm(o)
	case *device.BatchNormGrad:
		b.batchNormGrad(o)
	case *device.Im2Col:
		b.im2Col(o)
	case *device.Col2Im:
		b.col2Im(o)
	case *device.DepthwiseConv:
		b.depthwise(o)
	case *device.DepthwiseConvGrad:
		b.depthwiseGrad(o)
	case *device.CrossEntropy:
		b.crossEntropy(o)
	case *device.BCEWithLogits:
		b.bceWithLogits(o)
	case *device.Adam:
		b.adam(o)
	case *device.SGD:
		b.sgd(o)
	default:
		b.fail("the cuda device does not know the operation %T", op)
	}
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

// need is where a buffer lies that the operation cannot do without, and of which it touches the first n elements; role is
// its field.
func (b *binder) need(role string, buffer device.Buffer, n int) *C.float {
	if buffer == 0 {
		b.fail("%s is absent", role)
		return nil
	}
	if buffer < 0 || int(buffer) > len(b.program.Buffers) {
		b.fail("%s is buffer %d of %d", role, buffer, len(b.program.Buffers))
		return nil
	}
	if info := b.program.Info(buffer); n > info.Size {
		b.fail("%s needs %d elements, buffer %d (%s) has %d", role, n, buffer, info.Name, info.Size)
	}
	if b.err != nil {
		return nil
	}
	return b.runner.memory(buffer)
}

// maybe is need for a buffer that may be absent: nil then.
func (b *binder) maybe(role string, buffer device.Buffer, n int) *C.float {
	if buffer == 0 {
		return nil
	}
	return b.need(role, buffer, n)
}

// share allows the memory that the operation writes to be exactly the memory that it reads, or the same buffer.
func (b *binder) share(write device.Buffer, reads ...device.Buffer) { b.shared.Allow(write, reads...) }

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

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
