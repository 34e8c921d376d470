// Package profile measures the time of each operation of programs, on any device whose runners are [device.Profiler]s.
//
// A [Profile] wraps a device. Training on the wrapped device gives the same bits and only takes longer, since every run is
// a [device.Profiler.Trace]. A device that replays captured programs or queues runs loses the time that this saves.
package profile

import (
	"fmt"
	"sync"

	"mixmas/nn/device"
)

// Profile collects the times of operations. The zero value is ready; it is safe for concurrent use.
type Profile struct {
	mu       sync.Mutex
	programs map[string]*program
}

// program holds the measurements of all programs with one name.
type program struct {
	runs int
	rows map[key]*row
}

// key identifies operations that take about the same time.
type key struct{ operation, sizes string }

// row holds the measurements of the operations with one key.
type row struct {
	calls   int
	seconds float64
	cost    device.Cost // of all calls
}

// Wrap returns a device that behaves like d and adds the times of its runs to the profile.
func (p *Profile) Wrap(d device.Device) device.Device { return &profiled{d, p} }

// profiled implements [device.Device].
type profiled struct {
	device.Device
	profile *Profile
}

// Open implements [device.Device].
func (d *profiled) Open(state int) (device.Session, error) {
	inner, err := d.Device.Open(state)
	if err != nil {
		return nil, err
	}
	s := &session{inner, d}
	if q, ok := inner.(device.Queue); ok {
		return &queue{s, q}, nil
	}
	return s, nil
}

// session implements [device.Session].
type session struct {
	device.Session
	device *profiled
}

// Load implements [device.Session].
func (s *session) Load(p *device.Program) (device.Runner, error) {
	inner, err := s.Session.Load(p)
	if err != nil {
		return nil, err
	}
	tracer, ok := inner.(device.Profiler)
	if !ok {
		return nil, fmt.Errorf("load %s: the device %s cannot time operations: run without a profile", p.Name, s.device.Name())
	}
	return s.device.profile.runner(tracer, p), nil
}

// queue implements [device.Queue].
type queue struct {
	*session
	inner device.Queue
}

// Upload implements [device.Queue].
func (q *queue) Upload(rows, width int, fill func(row int, dst []float32) error) (device.Table, error) {
	return q.inner.Upload(rows, width, fill)
}

// Gather implements [device.Queue].
func (q *queue) Gather(r device.Runner, b device.Buffer, t device.Table, rows []int) error {
	if own, ok := r.(*runner); ok {
		r = own.Profiler
	}
	return q.inner.Gather(r, b, t, rows)
}

// Log implements [device.Queue].
func (q *queue) Log() ([]float32, error) { return q.inner.Log() }

// runner implements [device.Runner].
type runner struct {
	device.Profiler
	profile *Profile
	program *program
	rows    []*row // one per operation
	costs   []device.Cost
	seconds []float64
}

// runner prepares the rows of a program.
func (p *Profile) runner(inner device.Profiler, q *device.Program) *runner {
	n := len(q.Operations)
	r := &runner{inner, p, nil, make([]*row, n), make([]device.Cost, n), make([]float64, n)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.program = p.programs[q.Name]; r.program == nil {
		r.program = &program{rows: map[key]*row{}}
		if p.programs == nil {
			p.programs = map[string]*program{}
		}
		p.programs[q.Name] = r.program
	}
	for i, op := range q.Operations {
		k := key{op.Name(), op.Sizes()}
		if r.program.rows[k] == nil {
			r.program.rows[k] = &row{}
		}
		r.rows[i], r.costs[i] = r.program.rows[k], op.Cost()
	}
	return r
}

// Run implements [device.Runner].
func (r *runner) Run(step device.Step) error { return r.Trace(step, nil) }

// Trace implements [device.Profiler].
func (r *runner) Trace(step device.Step, seconds []float64) error {
	clear(r.seconds)
	if err := r.Profiler.Trace(step, r.seconds); err != nil {
		return err
	}
	for i := range seconds {
		seconds[i] += r.seconds[i]
	}
	r.profile.mu.Lock()
	defer r.profile.mu.Unlock()
	r.program.runs++
	for i, row := range r.rows {
		row.add(1, r.seconds[i], r.costs[i])
	}
	return nil
}

func (r *row) add(calls int, seconds float64, cost device.Cost) {
	r.calls += calls
	r.seconds += seconds
	r.cost.FLOPs += cost.FLOPs
	r.cost.Bytes += cost.Bytes
}
