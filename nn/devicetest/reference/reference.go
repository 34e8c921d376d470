// Package reference is a device that computes everything in float64 with the simplest loops. Other devices are compared
// with it. Each arena buffer has separate memory, so that a wrong memory plan does not affect it.
package reference

import (
	"fmt"
	"math"

	"mixmas/nn/device"
)

// Device implements [device.Device].
type Device struct {
	// Round, if not nil, rounds the operands of matrix products.
	Round func(float64) float64
}

var _ device.Device = Device{}

// Name implements [device.Device].
func (Device) Name() string { return "reference" }

// Numerics implements [device.Device].
func (Device) Numerics() string { return "reference/float64" }

// Open implements [device.Device].
func (d Device) Open(state int) (device.Session, error) {
	return &Session{State: make([]float64, state), round: d.Round}, nil
}

// Session implements [device.Session].
type Session struct {
	// State is the session's state in full precision.
	State []float64
	round func(float64) float64
}

// Load implements [device.Session].
func (s *Session) Load(p *device.Program) (device.Runner, error) {
	if err := p.Check(math.MaxInt); err != nil {
		return nil, fmt.Errorf("load %s: %w", p.Name, err)
	}
	r := &Runner{program: p, memory: make([][]float64, len(p.Buffers)), Round: s.round}
	for i, info := range p.Buffers {
		switch info.Space {
		case device.State:
			if info.Offset < 0 || info.Offset+info.Size > len(s.State) {
				return nil, fmt.Errorf("load %s: buffer %d (%s) is not inside the state", p.Name, i+1, info.Name)
			}
			r.memory[i] = s.State[info.Offset:][:info.Size]
		case device.Constant:
			r.memory[i] = make([]float64, info.Size)
			widen(r.memory[i], info.Data)
		default:
			r.memory[i] = make([]float64, info.Size)
		}
	}
	return r, nil
}

// ReadState implements [device.Session].
func (s *Session) ReadState(offset int, dst []float32) error {
	narrow(dst, s.State[offset:][:len(dst)])
	return nil
}

// WriteState implements [device.Session].
func (s *Session) WriteState(offset int, src []float32) error {
	widen(s.State[offset:][:len(src)], src)
	return nil
}

// Close implements [device.Session].
func (*Session) Close() error { return nil }

// Runner implements [device.Runner].
type Runner struct {
	program *device.Program
	memory  [][]float64
	step    device.Step
	// Round is that of the device, and may be changed between operations.
	Round func(float64) float64
}

// Values returns the elements of a buffer in full precision, to read or to change.
func (r *Runner) Values(b device.Buffer) []float64 {
	if b == 0 {
		return nil
	}
	return r.memory[b-1]
}

// Write implements [device.Runner].
func (r *Runner) Write(b device.Buffer, src []float32) error {
	widen(r.Values(b)[:len(src)], src)
	return nil
}

// Read implements [device.Runner].
func (r *Runner) Read(b device.Buffer, dst []float32) error {
	narrow(dst, r.Values(b)[:len(dst)])
	return nil
}

// Run implements [device.Runner]. Elements that no operation has written are NaN.
func (r *Runner) Run(step device.Step) error {
	return r.Each(step, func(_ int, run func() error) error { return run() })
}

// Each is like Run, but calls operation for each operation, which decides when to run it.
func (r *Runner) Each(step device.Step, operation func(i int, run func() error) error) error {
	r.step = step
	for i, info := range r.program.Buffers {
		if info.Space == device.Arena && info.First != -1 {
			for k := range r.memory[i] {
				r.memory[i][k] = math.NaN()
			}
		}
	}
	for i, op := range r.program.Operations {
		if err := operation(i, func() error { return r.operate(op) }); err != nil {
			return err
		}
	}
	return nil
}

// operations holds the functions that compute operations. Each file adds its own.
var operations device.Dispatch[*Runner]

// Missing names the operations that the reference does not support.
func Missing() []string { return operations.Missing() }

func (r *Runner) operate(op device.Operation) error {
	if c, ok := op.(device.Composite); ok {
		for _, part := range c.Operations() {
			if err := r.operate(part); err != nil {
				return err
			}
		}
		if a, ok := op.(*device.Attention); ok {
			r.logSums(a)
		}
		return nil
	}
	if !operations.Do(r, op) {
		return fmt.Errorf("the reference does not support the operation %s (%T)", op.Name(), op)
	}
	return nil
}

// at returns element i of x, or zero if i is negative.
func at(x []float64, i int) float64 {
	if i < 0 {
		return 0
	}
	return x[i]
}

// added returns element i of the buffer that an operation adds, or zero if it adds none.
func added(plus []float64, i int) float64 {
	if plus == nil {
		return 0
	}
	return plus[i]
}

func widen(dst []float64, src []float32) {
	for i, x := range src {
		dst[i] = float64(x)
	}
}

func narrow(dst []float32, src []float64) {
	for i, x := range src {
		dst[i] = float32(x)
	}
}
