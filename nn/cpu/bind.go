package cpu

import (
	"fmt"

	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// binder turns operations into instructions. It keeps the first error, so that the code that binds an operation reads as
// a list of what it needs.
type binder struct {
	session *session
	program *device.Program
	// index is that of the operation in the program.
	index int
	set   *simd.Set
	err   error
	// shared is what the operation at hand may write over what it reads.
	shared device.Sharing
}

// bind makes the instruction of one operation.
func (b *binder) bind(op device.Operation) (instruction, error) {
	b.err = nil
	b.shared.Clear()
	switch o := op.(type) {
	case *device.GeneratedMLP:
		return bindGeneratedMLP(b, o)
	case *device.GeneratedMLPGrad:
		return bindGeneratedMLPGrad(b, o)
	case device.Composite:
		return b.sequence(o.Operations())
	}
	in := b.instruction(op)
	if b.err == nil {
		b.err = b.shared.Check(b.program, op)
	}
	return in, b.err
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
func (b *binder) sequence(parts []device.Operation) (sequence, error) {
	if b.err != nil {
		return nil, b.err
	}
	s := make(sequence, len(parts))
	for i, part := range parts {
		var err error
		if s[i], err = b.bind(part); err != nil {
			return nil, fmt.Errorf("%s: %w", part.Name(), err)
		}
	}
	return s, nil
}

// private says whether only the composite at hand and its gradient read what it writes to a buffer. It need not be written
// then.
func (b *binder) private(buffer device.Buffer) bool { return b.program.Private(b.index, buffer) }

func (b *binder) instruction(op device.Operation) instruction {
	switch o := op.(type) {
	case *device.MatMul:
		return bindMatMul(b, o)
	case *device.Map:
		return bindMap(b, o)
	case *device.MapGrad:
		return bindMapGrad(b, o)
	case *device.Binary:
		return bindBinary(b, o)
	case *device.Assemble:
		return bindAssemble(b, o)
	case *device.Reduce:
		return bindReduce(b, o)
	case *device.MaxGrad:
		return bindMaxGrad(b, o)
	case *device.Dropout:
		return bindDropout(b, o)
	case *device.LayerNorm:
		return bindLayerNorm(b, o)
	case *device.LayerNormGrad:
		return bindLayerNormGrad(b, o)
	case *device.BatchNorm:
		return bindBatchNorm(b, o)
	case *device.BatchNormGrad:
		return bindBatchNormGrad(b, o)
	case *device.Im2Col:
		return bindIm2Col(b, o)
	case *device.Col2Im:
		return bindCol2Im(b, o)
	case *device.DepthwiseConv:
		return bindDepthwiseConv(b, o)
	case *device.DepthwiseConvGrad:
		return bindDepthwiseConvGrad(b, o)
	case *device.CrossEntropy:
		return bindCrossEntropy(b, o)
	case *device.BCEWithLogits:
		return bindBCEWithLogits(b, o)
	case *device.Adam:
		return bindAdam(b, o)
	case *device.SGD:
		return bindSGD(b, o)
	}
	b.fail("the cpu device does not know the operation %T", op)
	return nil
}

func (b *binder) fail(format string, arguments ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, arguments...)
	}
}

// positive demands sizes of at least 1.
func (b *binder) positive(name string, sizes ...int) {
	for _, n := range sizes {
		if n < 1 {
			b.fail("%s %v: every size must be at least 1", name, sizes)
			return
		}
	}
}

// need is the memory of the first n elements of a buffer that the operation cannot do without; role is its field.
func (b *binder) need(role string, buffer device.Buffer, n int) []float32 {
	if buffer == 0 {
		b.fail("%s is absent", role)
		return nil
	}
	if buffer < 0 || int(buffer) > len(b.program.Buffers) {
		b.fail("%s is buffer %d of %d", role, buffer, len(b.program.Buffers))
		return nil
	}
	info := b.program.Info(buffer)
	if n > info.Size {
		b.fail("%s needs %d elements, buffer %d (%s) has %d", role, n, buffer, info.Name, info.Size)
		return nil
	}
	if b.err != nil {
		return nil
	}
	space := b.session.arena
	switch info.Space {
	case device.State:
		space = b.session.state
	case device.Constant:
		space = info.Data
	}
	return space[info.Offset : info.Offset+n : info.Offset+n]
}

// maybe is need for a buffer that may be absent: nil then.
func (b *binder) maybe(role string, buffer device.Buffer, n int) []float32 {
	if buffer == 0 {
		return nil
	}
	return b.need(role, buffer, n)
}

// share allows the memory that the operation writes to be exactly the memory that it reads, or the same buffer.
func (b *binder) share(write device.Buffer, reads ...device.Buffer) { b.shared.Allow(write, reads...) }

// same says whether two slices begin at the same memory.
func same(a, b []float32) bool { return len(a) > 0 && len(b) > 0 && &a[0] == &b[0] }

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
