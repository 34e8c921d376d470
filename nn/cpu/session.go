package cpu

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
	"unsafe"

	"mixmas/nn/device"
)

var errClosed = errors.New("the session is closed")

// session is one model's memory. It implements [device.Session].
type session struct {
	device       *Device
	state, arena []float32
	// held is the memory of the state and the arena, and the reserve for Go's heap while training.
	held struct{ state, arena, training *holding }

	runners []*runner
	closed  bool
}

func newSession(d *Device, state int) (*session, error) {
	held, err := d.allocate(state, 0)
	if err != nil {
		return nil, fmt.Errorf("open cpu session: %w", err)
	}
	s := &session{device: d, state: held.memory}
	s.held.state = held
	return s, nil
}

// Load implements [device.Session]. If a program needs a larger arena than the earlier ones, the arena moves.
func (s *session) Load(p *device.Program) (device.Runner, error) {
	if s.closed {
		return nil, fmt.Errorf("load %s: %w", p.Name, errClosed)
	}
	if p.StateSize > len(s.state) {
		return nil, fmt.Errorf("load %s: the program needs %d elements of state, the session has %d", p.Name, p.StateSize, len(s.state))
	}
	if err := p.Check(math.MaxInt); err != nil {
		return nil, fmt.Errorf("load %s: %w", p.Name, err)
	}
	r := &runner{session: s, program: p}
	r.turn.pool = s.device.pool
	r.turn.helpers = make([]*worker, s.device.Workers()-1)
	r.turn.done = make(chan struct{}, len(r.turn.helpers))
	if s.held.training == nil && trains(p) {
		// Memory for the trained weights and for the file made from them, which grows by doubling: four times the weights,
		// like the state.
		held, err := s.device.allocate(0, 4*int64(len(s.state)))
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", p.Name, err)
		}
		s.held.training = held
	}
	if p.ArenaSize > len(s.arena) {
		held, err := s.device.allocate(p.ArenaSize, 0)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", p.Name, err)
		}
		copy(held.memory, s.arena)
		old := s.held.arena
		s.arena, s.held.arena = held.memory, held
		for _, r := range s.runners {
			if err := r.bind(); err != nil {
				return nil, err
			}
		}
		old.free()
	}
	if err := r.bind(); err != nil {
		return nil, err
	}
	s.runners = append(s.runners, r)
	return r, nil
}

// trains reports whether a program updates weights.
func trains(p *device.Program) bool {
	return slices.ContainsFunc(p.Operations, func(op device.Operation) bool {
		switch op.(type) {
		case *device.Adam, *device.SGD:
			return true
		}
		return false
	})
}

// ReadState implements [device.Session].
func (s *session) ReadState(offset int, dst []float32) error {
	src, err := s.stateRange("read", offset, len(dst))
	copy(dst, src)
	return err
}

// WriteState implements [device.Session].
func (s *session) WriteState(offset int, src []float32) error {
	dst, err := s.stateRange("write", offset, len(src))
	copy(dst, src)
	return err
}

func (s *session) stateRange(verb string, offset, n int) ([]float32, error) {
	if s.closed {
		return nil, fmt.Errorf("%s state: %w", verb, errClosed)
	}
	if offset < 0 || offset > len(s.state)-n {
		return nil, fmt.Errorf("%s state: elements %d to %d of %d", verb, offset, offset+n, len(s.state))
	}
	return s.state[offset : offset+n], nil
}

// Close implements [device.Session].
func (s *session) Close() error {
	if s.closed {
		return fmt.Errorf("close session: %w", errClosed)
	}
	s.closed = true
	s.held.state.free()
	s.held.arena.free()
	s.held.training.free()
	s.state, s.arena, s.runners = nil, nil, nil
	s.device.pool.close()
	return nil
}

// An instruction is an operation bound to memory.
type instruction interface {
	run(t *turn) error
}

// turn is a run in progress: everything that its instructions need besides their memory.
type turn struct {
	step device.Step
	self *worker
	pool *pool
	// helpers and done belong to split.
	helpers []*worker
	done    chan struct{}
}

// runner is a program loaded into a session. It implements [device.Runner] and [device.Profiler].
type runner struct {
	session      *session
	program      *device.Program
	instructions []instruction
	// early[i] are the updates that follow instruction i at once. They are pieces of the Adam that is operation optimiser.
	early     [][]instruction
	optimiser int
	turn      turn
	// stale[i] is the memory that no longer holds a value after operation i-1 (for i = 0: before the first one). It is only
	// kept if it is to be poisoned.
	stale [][][]float32
}

// bind resolves the program's operations to the session's memory.
func (r *runner) bind() error {
	b := &binder{session: r.session, program: r.program, set: r.session.device.kernels}
	r.instructions = r.instructions[:0]
	r.early, r.optimiser = nil, 0
	for i, op := range r.program.Operations {
		b.index = i
		in, err := b.bind(op)
		if err != nil {
			return fmt.Errorf("load %s: operation %d (%s): %w", r.program.Name, i, op.Name(), err)
		}
		if a, ok := in.(*adam); ok && r.early == nil {
			r.optimiser = i
			r.early, in = early(r.program, i, a)
		}
		r.instructions = append(r.instructions, in)
	}
	if r.session.device.poison {
		r.stale = stale(r.program, r.session.arena)
	}
	return nil
}

// Write implements [device.Runner].
func (r *runner) Write(b device.Buffer, src []float32) error {
	dst, err := r.endpoint("write", "input", b, len(src))
	copy(dst, src)
	return err
}

// Read implements [device.Runner].
func (r *runner) Read(b device.Buffer, dst []float32) error {
	src, err := r.endpoint("read", "output", b, len(dst))
	copy(dst, src)
	return err
}

// endpoint returns the memory of an input or an output of n elements.
func (r *runner) endpoint(verb, kind string, b device.Buffer, n int) ([]float32, error) {
	if r.session.closed {
		return nil, fmt.Errorf("%s %s of %s: %w", verb, kind, r.program.Name, errClosed)
	}
	info, err := r.program.Endpoint(verb, kind, b, n)
	if err != nil {
		return nil, err
	}
	return r.session.arena[info.Offset : info.Offset+info.Size], nil
}

// Run implements [device.Runner]. It waits for a free worker and holds it until the program ends.
func (r *runner) Run(step device.Step) error { return r.replay(step, nil) }

// Trace implements [device.Profiler]. The wait for a free worker is not counted.
func (r *runner) Trace(step device.Step, seconds []float64) error {
	if len(seconds) != len(r.instructions) {
		return fmt.Errorf("trace %s: %d numbers for %d operations", r.program.Name, len(seconds), len(r.instructions))
	}
	return r.replay(step, seconds)
}

// replay runs all operations, and times them if seconds is not nil.
func (r *runner) replay(step device.Step, seconds []float64) error {
	if r.session.closed {
		return fmt.Errorf("run %s: %w", r.program.Name, errClosed)
	}
	t := &r.turn
	t.step = step
	t.self = <-t.pool.free
	defer r.finish()
	r.poison(0)
	for i, in := range r.instructions {
		if err := r.time(in, i, seconds); err != nil {
			return err
		}
		if i < len(r.early) {
			for _, update := range r.early[i] {
				if err := r.time(update, r.optimiser, seconds); err != nil {
					return err
				}
			}
		}
		r.poison(i + 1)
	}
	return nil
}

// time runs an instruction that belongs to operation i, and times it if seconds is not nil.
func (r *runner) time(in instruction, i int, seconds []float64) error {
	var began time.Time
	if seconds != nil {
		began = time.Now()
	}
	if err := in.run(&r.turn); err != nil {
		return fmt.Errorf("run %s: operation %d (%s): %w", r.program.Name, i, r.program.Operations[i].Name(), err)
	}
	if seconds != nil {
		seconds[i] += time.Since(began).Seconds()
	}
	return nil
}

func (r *runner) finish() {
	r.turn.pool.free <- r.turn.self
	r.turn.self = nil
}

func (r *runner) poison(i int) {
	if r.stale == nil {
		return
	}
	nan := float32(math.NaN())
	for _, memory := range r.stale[i] {
		for k := range memory {
			memory[k] = nan
		}
	}
}

// stale lists the parts of the arena that no longer hold a value, before the first operation and after each one.
func stale(p *device.Program, arena []float32) [][][]float32 {
	list := make([][][]float32, len(p.Operations)+1)
	p.Stale(func(before, from, to int) { list[before] = append(list[before], arena[from:to]) })
	return list
}

// aligned returns n zeroed elements that start on a cache line.
func aligned(n int) []float32 {
	const line = 4 * device.Alignment
	memory := make([]float32, n+device.Alignment)
	skip := 0
	if rest := int(uintptr(unsafe.Pointer(&memory[0])) % line); rest != 0 {
		skip = (line - rest) / 4
	}
	return memory[skip : skip+n : skip+n]
}
