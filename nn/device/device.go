package device

import "errors"

// ErrOutOfMemory marks what failed because the device is out of memory. It may work once other sessions have closed.
var ErrOutOfMemory = errors.New("the device is out of memory")

// ErrDevice marks what failed because of the device itself: a launch that failed, a memory error, a driver that was reset.
// It says nothing about the program, which may run another day. A program that the device does not take is not marked.
var ErrDevice = errors.New("the device failed")

// Device runs programs. Implementations are safe for concurrent use; sessions are not.
type Device interface {
	// Name identifies the device as users select it, for example "cpu".
	Name() string
	// Numerics names everything about the device that decides the bits of a result, for example "cpu/amd64/avx2".
	// It is part of every trial's key.
	Numerics() string
	// Open makes a session with zeroed state of the given number of float32 elements.
	Open(state int) (Session, error)
}

// Session is one model's memory on a device: its state, and an arena that all its programs share.
type Session interface {
	// Load prepares a program to run in this session.
	Load(p *Program) (Runner, error)
	// ReadState copies state elements from the offset on into dst; WriteState copies src there.
	ReadState(offset int, dst []float32) error
	WriteState(offset int, src []float32) error
	// Close frees the session's memory. Its runners must not be used afterwards.
	Close() error
}

// Runner is a program loaded into a session.
type Runner interface {
	// Write fills an input buffer of the program; Read copies an output buffer. The lengths must match.
	Write(b Buffer, src []float32) error
	Read(b Buffer, dst []float32) error
	// Run replays the program once. It allocates nothing on the heap.
	Run(step Step) error
}

// Queue is a session, optional to implement, whose runs need not be waited for: Write and Run only queue, Read waits. Tables
// of samples may lie on the device, and the losses of many runs are read at once.
type Queue interface {
	Session
	// Upload copies a table of rows of width elements to the device, where it stays until the session closes; fill writes
	// one row. Where the table does not fit, the error is [ErrOutOfMemory] and nothing has changed.
	Upload(rows, width int, fill func(row int, dst []float32) error) (Table, error)
	// Gather makes the next run of r fill its input b with rows of a table, in place of [Runner.Write].
	Gather(r Runner, b Buffer, t Table, rows []int) error
	// Log waits for all runs and returns the values of [Program.Kept] that they ended with since the last call, oldest
	// first. The slice is valid until the next call.
	Log() ([]float32, error)
}

// Table is a table of rows in the memory of a [Queue].
type Table interface {
	// Rows is the number of rows.
	Rows() int
}

// Step is what differs between two runs of one program.
type Step struct {
	// LearningRate is the optimiser's step size.
	LearningRate float64
	// Update counts the optimiser's updates, from 1: Adam's t.
	Update int
	// Seed keys the Philox generator of dropout, and Counter is the "step" word of its counter.
	Seed    uint64
	Counter uint32
}
