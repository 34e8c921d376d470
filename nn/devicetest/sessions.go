package devicetest

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"mixmas/nn/device"
)

// Chain returns a program of three operations on n elements: b = relu(a), c = b + s (state), d = c c. Its kept value is the
// first element of d. Its buffers are a, b, c, d, s and the kept value, in this order; a is an input, d an output.
func Chain(n int) *device.Program {
	info := func(name string, offset, first, last int) device.BufferInfo {
		return device.BufferInfo{Name: name, Offset: offset, Size: n, First: first, Last: last}
	}
	shape, one := []int{n}, []int{1}
	return &device.Program{
		Name:      "chain",
		ArenaSize: 3 * n,
		StateSize: n,
		Buffers: []device.BufferInfo{info("a", 0, -1, 0), info("b", n, 0, 1), info("c", 0, 1, 2), info("d", 2*n, 2, 3),
			{Name: "s", Space: device.State, Size: n}, {Name: "first", Offset: 2 * n, Size: 1, First: 2, Last: 3}},
		Operations: []device.Operation{
			&device.Map{Activation: device.ReLU, X: 1, Y: 2, N: n},
			&device.Binary{Arithmetic: device.Add, A: 2, B: 5, Y: 3, Shape: shape, StridesA: one, StridesB: one},
			&device.Binary{Arithmetic: device.Mul, A: 3, B: 3, Y: 4, Shape: shape, StridesA: one, StridesB: one},
		},
		Kept: 6,
	}
}

// Ramp returns the n elements x, x+1, ....
func Ramp(n int, x float32) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = x + float32(i)
	}
	return s
}

// RunChain runs a [Chain] with a = -8, -7, ... and s = 1, 2, ..., and returns an error if d is wrong.
func RunChain(s device.Session, r device.Runner, n int) error {
	d := make([]float32, n)
	if err := errors.Join(s.WriteState(0, Ramp(n, 1)), r.Write(1, Ramp(n, -8)), r.Run(device.Step{}), r.Read(4, d)); err != nil {
		return err
	}
	for i, got := range d {
		if want := max(float32(i-8), 0) + float32(i+1); got != want*want {
			return fmt.Errorf("d[%d] = %g, want %g", i, got, want*want)
		}
	}
	return nil
}

// WantError requires an error that contains all parts.
func WantError(t testing.TB, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
}

// sessions checks the contract of sessions and runners: how programs share memory, and every mistake that a caller can
// make.
func sessions(t *testing.T, open func(Options) device.Device) {
	t.Run("arena", func(t *testing.T) {
		growing(t, open(Options{Workers: 1}))
		growing(t, open(Options{Workers: 2, Poison: true}))
	})
	t.Run("poison", func(t *testing.T) { endsTooEarly(t, open(Options{Workers: 1, Poison: true})) })
	t.Run("side by side", func(t *testing.T) { SideBySide(t, open(Options{Workers: 2}), 300) })
	t.Run("errors", func(t *testing.T) { misuse(t, open(Options{Workers: 1})) })
	t.Run("queue", func(t *testing.T) { misuseQueue(t, open(Options{Workers: 1})) })
}

func opened(t testing.TB, d device.Device, state int) device.Session {
	t.Helper()
	s, err := d.Open(state)
	check(t, err)
	return s
}

func loadedChain(t testing.TB, s device.Session, n int) device.Runner {
	t.Helper()
	r, err := s.Load(Chain(n))
	check(t, err)
	return r
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// growing loads a program that needs a larger arena than an earlier one.
func growing(t *testing.T, d device.Device) {
	s := opened(t, d, 64)
	small := loadedChain(t, s, 16)
	check(t, RunChain(s, small, 16))
	check(t, small.Write(1, Ramp(16, -8)))
	large := loadedChain(t, s, 64)
	check(t, small.Run(device.Step{})) // what was written before stays
	check(t, RunChain(s, large, 64))
	check(t, RunChain(s, small, 16))
	check(t, s.Close())
}

// endsTooEarly runs a program whose plan ends a buffer before it is read.
func endsTooEarly(t *testing.T, d device.Device) {
	s := opened(t, d, 16)
	defer s.Close()
	p := Chain(16)
	p.Kept = 0
	p.Buffers[1].Last = 0
	r, err := s.Load(p)
	check(t, err)
	check(t, r.Write(1, Ramp(16, 0)))
	check(t, r.Run(device.Step{}))
	out := make([]float32, 16)
	check(t, r.Read(4, out))
	if !math.IsNaN(float64(out[3])) {
		t.Errorf("a buffer was read after its lifetime: %v", out)
	}
}

// SideBySide runs several sessions in parallel goroutines, which open, load and close while others run chains of n
// elements.
func SideBySide(t *testing.T, d device.Device, n int) {
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 3 {
				s, err := d.Open(n)
				if err != nil {
					t.Error(err)
					return
				}
				r, err := s.Load(Chain(n))
				for i := 0; i < 10 && err == nil; i++ {
					err = RunChain(s, r, n)
				}
				if err := errors.Join(err, s.Close()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
}

// misuse makes the mistakes that a caller of a session can make.
func misuse(t *testing.T, d device.Device) {
	_, err := d.Open(-1)
	WantError(t, err, "-1 elements")
	s := opened(t, d, 16)
	load := func(change func(*device.Program)) error {
		p := Chain(16)
		change(p)
		_, err := s.Load(p)
		return err
	}
	WantError(t, load(func(p *device.Program) { p.StateSize = 17 }), "chain", "17 elements of state", "has 16")
	WantError(t, load(func(p *device.Program) { p.Buffers[2].Offset = 48 }), "load chain: buffer 3 (c)", "48 to 64 of a space of 48")
	WantError(t, load(func(p *device.Program) { p.Kept = 4 }), "load chain: the kept value is buffer 4")
	WantError(t, load(func(p *device.Program) { p.Operations[1].(*device.Binary).B = 0 }), "load chain: operation 1 (add): B is absent")
	WantError(t, load(func(p *device.Program) { p.Operations[2] = unknown{p.Operations[0].(*device.Map)} }),
		"load chain: operation 2 (unknown)", "does not support the operation devicetest.unknown")

	r := loadedChain(t, s, 16)
	WantError(t, r.Write(1, Ramp(15, 0)), "write input of chain", "buffer 1 (a) has 16 elements, got 15")
	WantError(t, r.Write(2, Ramp(16, 0)), "buffer 2 (b) is not an input")
	WantError(t, r.Write(9, Ramp(16, 0)), "buffer 9 of 6")
	WantError(t, r.Read(1, Ramp(16, 0)), "buffer 1 (a) is not an output")
	WantError(t, s.ReadState(1, Ramp(16, 0)), "elements 1 to 17 of 16")
	WantError(t, s.WriteState(-1, Ramp(4, 0)), "elements -1 to 3 of 16")
	if p, ok := r.(device.Profiler); ok {
		WantError(t, p.Trace(device.Step{}, make([]float64, 2)), "trace chain: 2 numbers for 3 operations")
	}
	check(t, s.Close())
	WantError(t, s.Close(), "closed")
	WantError(t, r.Run(device.Step{}), "closed")
	WantError(t, r.Write(1, Ramp(16, 0)), "closed")
	WantError(t, s.WriteState(0, nil), "closed")
	_, err = s.Load(Chain(16))
	WantError(t, err, "closed")
}

// unknown is an operation that no device supports.
type unknown struct{ *device.Map }

// Name implements [device.Operation].
func (unknown) Name() string { return "unknown" }

// misuseQueue gathers before the arena moves, checks that gathering does not allocate, and makes the mistakes that a caller
// of a queue can make.
func misuseQueue(t *testing.T, d device.Device) {
	s, ok := opened(t, d, 64).(device.Queue)
	if !ok {
		t.Skip("sessions of this device queue nothing")
	}
	r := loadedChain(t, s, 16)
	table, err := s.Upload(3, 8, func(row int, dst []float32) error {
		copy(dst, Ramp(8, float32(8*row)))
		return nil
	})
	check(t, err)
	check(t, s.Gather(r, 1, table, []int{2, 0}))
	loadedChain(t, s, 64) // which moves the arena
	check(t, r.Run(device.Step{}))
	d16 := make([]float32, 16)
	check(t, r.Read(4, d16))
	for i, got := range d16 {
		if want := float32((i + 16) % 24); got != want*want {
			t.Errorf("d[%d] = %g, want %g", i, got, want*want)
		}
	}
	rows := []int{1, 2}
	allocations := testing.AllocsPerRun(5, func() {
		check(t, s.Gather(r, 1, table, rows))
		check(t, r.Run(device.Step{}))
	})
	if allocations != 0 {
		t.Errorf("a gathered step makes %v allocations", allocations)
	}

	other := opened(t, d, 0).(device.Queue)
	WantError(t, other.Gather(r, 1, table, []int{0, 1}), "runner")
	WantError(t, s.Gather(r, 1, table, []int{3, 0}), "gather input a of chain: row 3 of a table of 3")
	check(t, other.Close())
	check(t, s.Close())
	WantError(t, s.Gather(r, 1, table, []int{0, 1}), "closed")
	_, err = s.Log()
	WantError(t, err, "closed")
	_, err = s.Upload(1, 1, nil)
	WantError(t, err, "closed")
}
