//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

/*
#include <stdlib.h>
#include "mixmas.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"mixmas/nn/device"
)

// One table of samples may take up to 1/uploadShare of the free memory, since programs and other trainings on this GPU need
// memory too.
const uploadShare = 2

// uploadPiece is the number of elements that are read from the samples at a time.
const uploadPiece = 1 << 18

var errClosed = errors.New("the session is closed")

// session is one model's memory on the GPU. It implements [device.Queue].
//
// All programs share the arena, one after another. Scratch memory for operations, also shared, follows it.
type session struct {
	device             *Device
	c                  *C.mixmas_session
	message            C.mixmas_message
	stateSize          int
	arena              *C.float
	arenaSize, scratch int
	runners            []*runner
	// names are the operations' names in C's memory.
	names map[string]*C.char
	// queued is the number of values in the GPU's log. log holds the values that were copied from it.
	queued int
	log    []float32
	read   int // number of values of log that Log has returned
	closed bool
}

var _ device.Queue = (*session)(nil)

func (s *session) result(status C.mixmas_status) error { return result(status, &s.message) }

// Load implements [device.Session]. If a program needs a larger arena than the earlier ones, the arena moves.
func (s *session) Load(p *device.Program) (device.Runner, error) {
	if s.closed {
		return nil, fmt.Errorf("load %s: %w", p.Name, errClosed)
	}
	if p.StateSize > s.stateSize {
		return nil, fmt.Errorf("load %s: the program needs %d elements of state, the session has %d", p.Name, p.StateSize, s.stateSize)
	}
	if err := p.Check(math.MaxInt32); err != nil {
		return nil, fmt.Errorf("load %s: %w", p.Name, err)
	}
	r, err := s.load(p)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", p.Name, err)
	}
	return r, nil
}

func (s *session) load(p *device.Program) (*runner, error) {
	r, err := newRunner(s, p)
	if err != nil {
		return nil, err
	}
	if err := s.reserve(p.ArenaSize, 0); err != nil {
		return nil, err
	}
	if err := r.bind(); err != nil {
		return nil, err
	}
	scratch := int(C.mixmas_program_workspace(unsafe.SliceData(r.operations), C.int32_t(len(r.operations)), s.device.numerics.c()))
	if scratch > s.scratch {
		if err := s.reserve(0, scratch); err != nil {
			return nil, err
		}
		if err := r.bind(); err != nil {
			return nil, err
		}
	}
	if err := r.load(); err != nil {
		return nil, err
	}
	s.runners = append(s.runners, r)
	return r, nil
}

// reserve makes the arena and the scratch memory large enough. If they move, the programs are loaded again.
func (s *session) reserve(arena, scratch int) error {
	if s.arena != nil && arena <= s.arenaSize && scratch <= s.scratch {
		return nil
	}
	arena, scratch = max(roundUp(arena), s.arenaSize), max(scratch, s.scratch)
	if err := s.result(C.mixmas_session_reserve(s.c, C.int64_t(arena+scratch), &s.arena, &s.message)); err != nil {
		return err
	}
	s.arenaSize, s.scratch = arena, scratch
	for _, r := range s.runners {
		err := r.bind()
		if err == nil {
			err = r.load()
		}
		if err != nil {
			return fmt.Errorf("load %s again: %w", r.program.Name, err)
		}
	}
	return nil
}

// workspace returns the scratch memory, which follows the arena.
func (s *session) workspace() *C.float {
	if s.scratch == 0 {
		return nil
	}
	return element(s.arena, s.arenaSize)
}

// roundUp returns the next multiple of the alignment of arena buffers.
func roundUp(n int) int { return (n + device.Alignment - 1) / device.Alignment * device.Alignment }

// element returns the address of an element of device memory.
func element(base *C.float, i int) *C.float {
	return (*C.float)(unsafe.Add(unsafe.Pointer(base), i*int(unsafe.Sizeof(*base))))
}

// host returns the address of host memory, valid during a call.
func host(x []float32) *C.float { return (*C.float)(unsafe.SliceData(x)) }

// ReadState implements [device.Session].
func (s *session) ReadState(offset int, dst []float32) error {
	src, err := s.stateRange(offset, len(dst))
	if err == nil {
		err = s.result(C.mixmas_session_read(s.c, src, host(dst), C.int64_t(len(dst)), &s.message))
	}
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	return nil
}

// WriteState implements [device.Session].
func (s *session) WriteState(offset int, src []float32) error {
	dst, err := s.stateRange(offset, len(src))
	if err == nil {
		err = s.result(C.mixmas_session_write(s.c, dst, host(src), C.int64_t(len(src)), &s.message))
	}
	if err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

func (s *session) stateRange(offset, n int) (*C.float, error) {
	if s.closed {
		return nil, errClosed
	}
	if offset < 0 || offset > s.stateSize-n {
		return nil, fmt.Errorf("elements %d to %d of %d", offset, offset+n, s.stateSize)
	}
	return element(C.mixmas_session_state(s.c), offset), nil
}

// Close implements [device.Session].
func (s *session) Close() error {
	if s.closed {
		return fmt.Errorf("close session: %w", errClosed)
	}
	C.mixmas_session_close(s.c)
	for _, name := range s.names {
		C.free(unsafe.Pointer(name))
	}
	s.closed = true
	s.c, s.arena, s.runners, s.names, s.log = nil, nil, nil, nil, nil
	return nil
}

// table holds rows of samples on the GPU. It implements [device.Table].
type table struct {
	session     *session
	rows, width int
	memory      *C.float
}

// Rows implements [device.Table].
func (t *table) Rows() int { return t.rows }

// Upload implements [device.Queue].
func (s *session) Upload(rows, width int, fill func(row int, dst []float32) error) (device.Table, error) {
	t, err := s.upload(rows, width, fill)
	if err != nil {
		return nil, fmt.Errorf("upload %d rows of %d elements: %w", rows, width, err)
	}
	return t, nil
}

func (s *session) upload(rows, width int, fill func(row int, dst []float32) error) (*table, error) {
	if s.closed {
		return nil, errClosed
	}
	if rows < 1 || width < 1 || rows > math.MaxInt32 {
		return nil, errors.New("want 1 to 2147483647 rows, and at least one element")
	}
	var free, total C.int64_t
	if err := s.result(C.mixmas_session_memory(s.c, &free, &total, &s.message)); err != nil {
		return nil, err
	}
	if limit := int(free) / uploadShare / 4; rows > limit/width {
		return nil, fmt.Errorf("it would take more than 1/%d of the %.0f MiB of free memory: %w", uploadShare, float64(free)/(1<<20), device.ErrOutOfMemory)
	}
	t := &table{session: s, rows: rows, width: width}
	if err := s.result(C.mixmas_session_upload(s.c, nil, C.int64_t(rows*width), &t.memory, &s.message)); err != nil {
		return nil, err
	}
	if err := s.fill(t, fill); err != nil {
		C.mixmas_session_free(s.c, t.memory)
		return nil, err
	}
	return t, nil
}

// fill writes the rows of a table, a few at a time.
func (s *session) fill(t *table, fill func(row int, dst []float32) error) error {
	few := min(max(uploadPiece/t.width, 1), t.rows)
	piece := make([]float32, few*t.width)
	for row := 0; row < t.rows; row += few {
		n := min(few, t.rows-row)
		for i := range n {
			if err := fill(row+i, piece[i*t.width:][:t.width]); err != nil {
				return err
			}
		}
		err := s.result(C.mixmas_session_write(s.c, element(t.memory, row*t.width), host(piece), C.int64_t(n*t.width), &s.message))
		if err != nil {
			return err
		}
	}
	return nil
}

// Gather implements [device.Queue].
func (s *session) Gather(run device.Runner, b device.Buffer, from device.Table, rows []int) error {
	r, ok := run.(*runner)
	if !ok || r.session != s {
		return fmt.Errorf("gather an input: the runner %T does not belong to this session", run)
	}
	t, ok := from.(*table)
	if !ok || t.session != s {
		return fmt.Errorf("gather an input of %s: the table %T does not belong to this session", r.program.Name, from)
	}
	if _, err := r.endpoint("gather", "input", b, len(rows)*t.width); err != nil {
		return err
	}
	if len(rows) == 0 {
		return nil
	}
	if err := r.gather(slices.Index(r.inputs, b), t, rows); err != nil {
		return fmt.Errorf("gather input %s of %s: %w", r.program.Info(b).Name, r.program.Name, err)
	}
	return nil
}

// Log implements [device.Queue].
func (s *session) Log() ([]float32, error) {
	if s.closed {
		return nil, fmt.Errorf("read the log: %w", errClosed)
	}
	if s.read > 0 { // the caller no longer needs these
		s.log = s.log[:copy(s.log, s.log[s.read:])]
		s.read = 0
	}
	if err := s.drain(); err != nil {
		return nil, err
	}
	s.read = len(s.log)
	return s.log, nil
}

// drain moves the GPU's log to the end of the host's.
func (s *session) drain() error {
	from := len(s.log)
	s.log = slices.Grow(s.log, s.queued)[:from+s.queued]
	var count C.int64_t
	err := s.result(C.mixmas_session_log(s.c, host(s.log[from:]), C.int64_t(s.queued), &count, &s.message))
	if err != nil {
		s.log = s.log[:from]
		return fmt.Errorf("read the log: %w", err)
	}
	s.queued = 0
	return nil
}
