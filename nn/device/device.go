package device

import "errors"

// ErrOutOfMemory marks calls that failed because the device is out of memory. They may succeed once other sessions have
// closed.
var ErrOutOfMemory = errors.New("the device is out of memory")

// ErrDevice marks calls that failed because of the device itself: a failed launch, a memory error, a driver reset. It says
// nothing about the program, which may succeed later. The error of a program that the device rejects is not marked.
var ErrDevice = errors.New("the device failed")

// Device runs programs. Implementations are safe for concurrent use; sessions are not.
type Device interface {
	// Name returns the name by which users select the device, for example "cpu".
	Name() string
	// Numerics names everything about the device that determines the bits of a result, for example "cpu/amd64/avx2". It is
	// part of every trial's key.
	Numerics() string
	// Open opens a session with a zeroed state of the given number of float32 elements.
	Open(state int) (Session, error)
}

// Session is one model's memory on a device: its state, and an arena that all its programs share.
type Session interface {
	// Load prepares a program to run in this session.
	Load(p *Program) (Runner, error)
	// ReadState copies elements of the state, from the offset on, to dst; WriteState copies src to the state.
	ReadState(offset int, dst []float32) error
	WriteState(offset int, src []float32) error
	// Close frees the session's memory. Its runners must not be used afterwards.
	Close() error
}

// Runner is a program loaded into a session.
type Runner interface {
	// Write fills an input buffer of the program; Read copies an output buffer. The slice must have the buffer's length.
	Write(b Buffer, src []float32) error
	Read(b Buffer, dst []float32) error
	// Run replays the program once. It allocates nothing on the heap.
	Run(step Step) error
}

// Queue is an optional interface of sessions that run ahead of their caller: Write and Run only queue, Read waits. Tables
// of samples can be on the device, and the losses of many runs are read at once.
type Queue interface {
	Session
	// Upload copies a table of rows, each of width elements, to the device, where it stays until the session closes. fill
	// writes one row. If the table does not fit, the error is [ErrOutOfMemory] and nothing has changed.
	Upload(rows, width int, fill func(row int, dst []float32) error) (Table, error)
	// Gather makes the next run of r fill its input b with rows of a table, instead of [Runner.Write].
	Gather(r Runner, b Buffer, t Table, rows []int) error
	// Log waits for all runs and returns the value of [Program.Kept] of each run since the last call, oldest first. The
	// slice is valid until the next call.
	Log() ([]float32, error)
}

// Table is a table of rows in the memory of a [Queue].
type Table interface {
	// Rows returns the number of rows.
	Rows() int
}

// Step holds the values that change between runs of a program.
type Step struct {
	// LearningRate is the optimiser's step size.
	LearningRate float64
	// Update counts the optimiser's updates, from 1: Adam's t.
	Update int
	// Seed keys the Philox generator of dropout, and Counter is the "step" word of its counter.
	Seed    uint64
	Counter uint32
}
