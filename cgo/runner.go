//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

// #include "mixmas.h"
import "C"

import (
	"cmp"
	"fmt"
	"slices"
	"unsafe"

	"mixmas/nn/device"
)

// runner is a program loaded into a session. It implements [device.Runner] and [device.Profiler].
type runner struct {
	session *session
	program *device.Program
	c       *C.mixmas_program
	// operations are the program's operations as descriptors. One operation may need several.
	operations []C.mixmas_operation
	// constants[b-1] is the address of the constant of buffer b.
	constants []*C.float
	// inputs are the buffers that can be gathered. gathers lists those that the next run gathers, and rows holds all the
	// row numbers; both are passed to C with the run.
	inputs  []device.Buffer
	gathers []C.mixmas_gather
	rows    []C.int32_t
	// poison lists the memory that holds no value; it is nil unless the device poisons.
	poison []C.mixmas_poison

	step         C.mixmas_step
	milliseconds []C.float
}

var _ device.Profiler = (*runner)(nil)

// newRunner copies the program's constants to the device.
func newRunner(s *session, p *device.Program) (*runner, error) {
	r := &runner{session: s, program: p, constants: make([]*C.float, len(p.Buffers))}
	var data []float32
	offsets := make([]int, len(p.Buffers))
	for i, info := range p.Buffers {
		switch {
		case info.Space == device.Constant:
			offsets[i] = roundUp(len(data))
			data = append(slices.Grow(data, offsets[i]-len(data))[:offsets[i]], info.Data...)
		case info.Space == device.Arena && info.First == -1 && info.Size > 0:
			r.inputs = append(r.inputs, device.Buffer(i+1))
		}
	}
	if len(data) == 0 {
		return r, nil
	}
	var memory *C.float
	if err := s.result(C.mixmas_session_upload(s.c, host(data), C.int64_t(len(data)), &memory, &s.message)); err != nil {
		return nil, err
	}
	for i, info := range p.Buffers {
		if info.Space == device.Constant {
			r.constants[i] = element(memory, offsets[i])
		}
	}
	return r, nil
}

// memory returns the address of a buffer.
func (r *runner) memory(b device.Buffer) *C.float {
	info := r.program.Info(b)
	switch info.Space {
	case device.State:
		return element(C.mixmas_session_state(r.session.c), info.Offset)
	case device.Constant:
		return element(r.constants[b-1], info.Offset)
	}
	return element(r.session.arena, info.Offset)
}

// bind makes the descriptors for the current addresses of the session's memory.
func (r *runner) bind() error {
	b := &binder{runner: r, program: r.program, operations: r.operations[:0], differentiated: differentiated(r.program)}
	for i, op := range r.program.Operations {
		if err := b.bind(i, op); err != nil {
			return fmt.Errorf("operation %d (%s): %w", i, op.Name(), err)
		}
	}
	r.operations = b.operations
	r.milliseconds = make([]C.float, len(r.operations))
	return nil
}

// load captures the descriptors.
func (r *runner) load() error {
	s := r.session
	inputs := make([]C.mixmas_input, len(r.inputs))
	for i, b := range r.inputs {
		inputs[i] = C.mixmas_input{target: r.memory(b), n: C.int64_t(r.program.Info(b).Size)}
	}
	var kept *C.float
	if r.program.Kept != 0 {
		kept = r.memory(r.program.Kept)
	}
	if s.device.poison {
		r.poison = r.stale()
	}
	status := C.mixmas_program_load(s.c, unsafe.SliceData(r.operations), C.int32_t(len(r.operations)), s.workspace(),
		unsafe.SliceData(inputs), C.int32_t(len(inputs)), kept, &r.c, &s.message)
	return s.result(status)
}

// Write implements [device.Runner].
func (r *runner) Write(b device.Buffer, src []float32) error {
	s := r.session
	dst, err := r.endpoint("write", "input", b, len(src))
	if err != nil {
		return err
	}
	r.forget(slices.Index(r.inputs, b))
	if err := s.result(C.mixmas_session_write(s.c, dst, host(src), C.int64_t(len(src)), &s.message)); err != nil {
		return fmt.Errorf("write input of %s: %w", r.program.Name, err)
	}
	return nil
}

// gather makes the next run fill an input with rows of a table.
func (r *runner) gather(input int, t *table, rows []int) error {
	r.forget(input)
	first := len(r.rows)
	for _, row := range rows {
		if row < 0 || row >= t.rows {
			return fmt.Errorf("row %d of a table of %d", row, t.rows)
		}
		r.rows = append(r.rows, C.int32_t(row))
	}
	r.gathers = append(r.gathers, C.mixmas_gather{input: C.int32_t(input), table: t.memory, width: C.int64_t(t.width), first: C.int64_t(first)})
	return nil
}

// forget removes an input from what the next run gathers, since the last call for an input counts.
func (r *runner) forget(input int) {
	r.gathers = slices.DeleteFunc(r.gathers, func(g C.mixmas_gather) bool { return int(g.input) == input })
}

// Read implements [device.Runner].
func (r *runner) Read(b device.Buffer, dst []float32) error {
	s := r.session
	src, err := r.endpoint("read", "output", b, len(dst))
	if err != nil {
		return err
	}
	if err := s.result(C.mixmas_session_read(s.c, src, host(dst), C.int64_t(len(dst)), &s.message)); err != nil {
		return fmt.Errorf("read output of %s: %w", r.program.Name, err)
	}
	return nil
}

// endpoint returns the memory of an input or an output of n elements.
func (r *runner) endpoint(verb, kind string, b device.Buffer, n int) (*C.float, error) {
	if r.session.closed {
		return nil, fmt.Errorf("%s %s of %s: %w", verb, kind, r.program.Name, errClosed)
	}
	if _, err := r.program.Endpoint(verb, kind, b, n); err != nil {
		return nil, err
	}
	return r.memory(b), nil
}

// Run implements [device.Runner]. It queues one replay of the graph.
func (r *runner) Run(step device.Step) error {
	if err := r.begin(step); err != nil {
		return err
	}
	if r.poison != nil {
		return r.trace(nil)
	}
	return r.end(C.mixmas_program_run(r.c, &r.step, unsafe.SliceData(r.gathers), C.int32_t(len(r.gathers)),
		unsafe.SliceData(r.rows), C.int64_t(len(r.rows)), &r.session.message))
}

// Trace implements [device.Profiler].
func (r *runner) Trace(step device.Step, seconds []float64) error {
	if len(seconds) != len(r.program.Operations) {
		return fmt.Errorf("trace %s: %d numbers for %d operations", r.program.Name, len(seconds), len(r.program.Operations))
	}
	if err := r.begin(step); err != nil {
		return err
	}
	clear(r.milliseconds)
	if err := r.trace(r.milliseconds); err != nil {
		return err
	}
	for i, ms := range r.milliseconds {
		seconds[r.operations[i].source] += float64(ms) / 1000
	}
	return nil
}

// begin prepares a run.
func (r *runner) begin(step device.Step) error {
	s := r.session
	if s.closed {
		return fmt.Errorf("run %s: %w", r.program.Name, errClosed)
	}
	if r.program.Kept != 0 && s.queued == s.device.logSize {
		if err := s.drain(); err != nil {
			return fmt.Errorf("run %s: %w", r.program.Name, err)
		}
	}
	r.step = C.mixmas_step{learning_rate: C.double(step.LearningRate), seed: C.uint64_t(step.Seed),
		update: C.int32_t(step.Update), counter: C.uint32_t(step.Counter)}
	return nil
}

// trace runs the operations one by one, and times each if milliseconds has room for the times.
func (r *runner) trace(milliseconds []C.float) error {
	return r.end(C.mixmas_program_trace(r.c, &r.step, unsafe.SliceData(r.gathers), C.int32_t(len(r.gathers)),
		unsafe.SliceData(r.rows), C.int64_t(len(r.rows)), unsafe.SliceData(milliseconds), unsafe.SliceData(r.poison),
		C.int32_t(len(r.poison)), &r.session.message))
}

// end records a run.
func (r *runner) end(status C.mixmas_status) error {
	r.gathers, r.rows = r.gathers[:0], r.rows[:0]
	if err := r.session.result(status); err != nil {
		return fmt.Errorf("run %s: %w", r.program.Name, err)
	}
	if r.program.Kept != 0 {
		r.session.queued++
	}
	return nil
}

// stale lists the memory that holds no value, before the first operation and after each one: buffers of the arena whose
// lifetime has ended, and scratch memory.
func (r *runner) stale() []C.mixmas_poison {
	p, s := r.program, r.session
	var list []C.mixmas_poison
	// first[i] is the first descriptor of operation i.
	first := make([]int, len(p.Operations)+1)
	for i := range first {
		first[i], _ = slices.BinarySearchFunc(r.operations, i, func(op C.mixmas_operation, i int) int { return cmp.Compare(int(op.source), i) })
	}
	poison := func(before int, from *C.float, n int) {
		list = append(list, C.mixmas_poison{before: C.int32_t(before), from: from, n: C.int64_t(n)})
	}
	if s.scratch > 0 {
		poison(0, s.workspace(), s.scratch)
		for k := 1; k <= first[len(p.Operations)]; k++ {
			poison(k, s.workspace(), s.scratch)
		}
	}
	p.Stale(func(before, from, to int) { poison(first[before], element(s.arena, from), to-from) })
	slices.SortStableFunc(list, func(a, b C.mixmas_poison) int { return cmp.Compare(a.before, b.before) })
	return list
}
