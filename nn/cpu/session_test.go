package cpu

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
	"pgregory.net/rapid"
)

// chain is a program of three operations: b = relu(a), c = b + s (state), d = c c.
func chain(n int) *device.Program {
	info := func(name string, offset, first, last int) device.BufferInfo {
		return device.BufferInfo{Name: name, Offset: offset, Size: n, First: first, Last: last}
	}
	shape, one := []int{n}, []int{1}
	return &device.Program{
		Name:      "chain",
		ArenaSize: 3 * n,
		StateSize: n,
		Buffers: []device.BufferInfo{info("a", 0, -1, 0), info("b", n, 0, 1), info("c", 0, 1, 2), info("d", 2*n, 2, 3),
			{Name: "s", Space: device.State, Size: n}},
		Operations: []device.Operation{
			&device.Map{Activation: device.ReLU, X: 1, Y: 2, N: n},
			&device.Binary{Arithmetic: device.Add, A: 2, B: 5, Y: 3, Shape: shape, StridesA: one, StridesB: one},
			&device.Binary{Arithmetic: device.Mul, A: 3, B: 3, Y: 4, Shape: shape, StridesA: one, StridesB: one},
		},
	}
}

// ramp is x, x+1, ...
func ramp(n int, x float32) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = x + float32(i)
	}
	return s
}

// runChain checks a run with a = -8, -7, ... and s = 1, 2, ...
func runChain(t fataler, s device.Session, r device.Runner, n int) {
	t.Helper()
	check(t, s.WriteState(0, ramp(n, 1)))
	check(t, r.Write(1, ramp(n, -8)))
	check(t, r.Run(device.Step{}))
	d := make([]float32, n)
	check(t, r.Read(4, d))
	for i, got := range d {
		if want := max(float32(i-8), 0) + float32(i+1); got != want*want {
			t.Fatalf("d[%d] = %g, want %g", i, got, want*want)
		}
	}
}

func TestProgramsShareAGrowingArena(t *testing.T) {
	for _, d := range variants {
		s := must(d.Open(64))(t)
		small := must(s.Load(chain(16)))(t)
		runChain(t, s, small, 16)
		check(t, small.Write(1, ramp(16, -8)))
		large := must(s.Load(chain(64)))(t)
		check(t, small.Run(device.Step{})) // what was written before stays
		runChain(t, s, large, 64)
		runChain(t, s, small, 16)
		check(t, s.Close())
	}
}

func TestPoison(t *testing.T) {
	p := chain(16)
	p.Buffers[0].Last = 2 // the plan says so, and c lies elsewhere, so that only poison can end a
	p.Buffers[2].Offset = 48
	p.ArenaSize = 64
	d := New(Options{Workers: 1, Poison: true})
	s := must(d.Open(16))(t)
	defer s.Close()
	r := must(s.Load(p))(t)
	runChain(t, s, r, 16)
	for i, x := range s.(*session).arena {
		if output := i >= 32 && i < 48; math.IsNaN(float64(x)) == output {
			t.Errorf("arena[%d] = %g after the run", i, x)
		}
	}

	// A plan that ends a buffer too early gives NaN.
	p = chain(16)
	p.Buffers[1].Last = 0
	r = must(s.Load(p))(t)
	check(t, r.Write(1, ramp(16, 0)))
	check(t, r.Run(device.Step{}))
	out := make([]float32, 16)
	check(t, r.Read(4, out))
	if !math.IsNaN(float64(out[3])) {
		t.Errorf("a buffer was read after its lifetime: %v", out)
	}
}

// TestSessionsShareWorkers runs sessions side by side, more of them than workers.
func TestSessionsShareWorkers(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, workers := range []int{1, 2, 3} {
		d := New(Options{Workers: workers})
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				r := reporter{t}
				s := must(d.Open(5000))(r)
				p := must(s.Load(chain(5000)))(r)
				for range 20 {
					runChain(r, s, p, 5000)
				}
				check(r, s.Close())
			})
		}
		wait.Wait()
	}
}

// reporter fails a test from any goroutine.
type reporter struct{ *testing.T }

func (r reporter) Fatalf(format string, arguments ...any) { r.Errorf(format, arguments...) }

func TestRunAllocatesNothing(t *testing.T) {
	for _, d := range variants {
		if d.poison {
			continue
		}
		rapid.Check(t, func(t *rapid.T) {
			f := newFixture(t)
			f.op = draws[rapid.SampledFrom(slices.Sorted(maps.Keys(draws))).Draw(t, "operation")](t, f)
			f.program.Operations = []device.Operation{f.op}
			s := must(d.Open(f.program.StateSize))(t)
			defer s.Close()
			r := must(s.Load(&f.program))(t)
			f.write(t, s, r)
			if n := testing.AllocsPerRun(5, func() { check(t, r.Run(f.step)) }); n != 0 {
				t.Fatalf("%s with %d workers: %T makes %g allocations a run", d.Numerics(), d.Workers(), f.op, n)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	d := New(Options{Workers: 1})
	_, err := d.Open(-1)
	wantError(t, err, "-1 elements")
	s := must(d.Open(16))(t)
	load := func(change func(*device.Program)) error {
		p := chain(16)
		change(p)
		_, err := s.Load(p)
		return err
	}
	wantError(t, load(func(p *device.Program) { p.StateSize = 17 }), "chain", "17 elements of state", "has 16")
	wantError(t, load(func(p *device.Program) { p.Buffers[2].Offset = 48 }), "buffer 3 (c)", "48 to 64 of a space of 48")
	wantError(t, load(func(p *device.Program) { p.Operations[1].(*device.Binary).B = 0 }), "operation 1 (add)", "B is absent")
	wantError(t, load(func(p *device.Program) { p.Operations[1].(*device.Binary).B = 6 }), "operation 1 (add)", "buffer 6 of 5")
	wantError(t, load(func(p *device.Program) { p.Operations[0].(*device.Map).N = 17 }), "operation 0 (relu)", "X needs 17", "buffer 1 (a) has 16")
	wantError(t, load(func(p *device.Program) { p.Operations[2] = unknown{p.Operations[0].(*device.Map)} }), "operation 2 (unknown)", "does not know the operation cpu.unknown")
	wantError(t, load(func(p *device.Program) { p.Buffers[1].Offset = 8; p.Buffers[1].Size = 16 }), "operation 0 (relu)", "writes buffer 2 (b) over buffer 1 (a)")
	wantError(t, load(func(p *device.Program) {
		o := p.Operations[1].(*device.Binary)
		o.Shape, o.StridesA, o.StridesB = []int{4, 4}, []int{1, 4}, []int{4, 1}
		p.Buffers[2].Offset = p.Buffers[1].Offset
	}), "operation 1 (add)", "over buffer 2 (b)")

	r := must(s.Load(chain(16)))(t)
	wantError(t, r.Write(1, ramp(15, 0)), "write input of chain", "buffer 1 (a) has 16 elements, got 15")
	wantError(t, r.Write(2, ramp(16, 0)), "buffer 2 (b) is no input")
	wantError(t, r.Write(9, ramp(16, 0)), "buffer 9 of 5")
	wantError(t, r.Read(1, ramp(16, 0)), "buffer 1 (a) is no output")
	wantError(t, s.ReadState(1, ramp(16, 0)), "elements 1 to 17 of 16")
	wantError(t, s.WriteState(-1, ramp(4, 0)), "elements -1 to 3 of 16")
	check(t, s.Close())
	wantError(t, s.Close(), "closed")
	wantError(t, r.Run(device.Step{}), "closed")
	wantError(t, r.Write(1, ramp(16, 0)), "closed")
	wantError(t, s.WriteState(0, nil), "closed")
	_, err = s.Load(chain(16))
	wantError(t, err, "closed")
}

type unknown struct{ *device.Map }

func (unknown) Name() string { return "unknown" }

func wantError(t *testing.T, err error, parts ...string) {
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

func TestLabelsOutOfRange(t *testing.T) {
	for _, label := range []float32{-1, 3, 0.5, float32(math.NaN())} {
		p := &device.Program{Name: "loss", ArenaSize: 48, Buffers: []device.BufferInfo{{Name: "z", Size: 6, First: -1}, {Name: "labels", Offset: 16, Size: 2, First: -1},
			{Name: "loss", Offset: 32, Size: 1, Last: 1}}, Operations: []device.Operation{&device.CrossEntropy{Logits: 1, Labels: 2, Loss: 3, Rows: 2, Classes: 3}}}
		s := must(variants[0].Open(0))(t)
		r := must(s.Load(p))(t)
		check(t, r.Write(2, []float32{2, label}))
		wantError(t, r.Run(device.Step{}), "run loss: operation 0 (cross_entropy): row 1 has label")
		check(t, r.Write(2, []float32{2, 1})) // the worker is free again
		check(t, r.Run(device.Step{}))
		check(t, s.Close())
	}
}

// TestLongSums adds a hundred thousand numbers of one sign: with a single float32 accumulator the error would be about
// a thousandth.
func TestLongSums(t *testing.T) {
	const rows, width = 100_000, 3
	for _, axis := range []struct{ outer, inner int }{{width, 1}, {1, width}} {
		x := make([]float32, rows*width)
		for i := range x {
			x[i] = 0.1
		}
		p := &device.Program{Name: "sum", ArenaSize: len(x) + 16, Buffers: []device.BufferInfo{{Name: "x", Size: len(x), First: -1}, {Name: "y", Offset: len(x), Size: width, Last: 1}},
			Operations: []device.Operation{&device.Reduce{X: 1, Y: 2, Outer: axis.outer, Axis: rows, Inner: axis.inner, Scale: 1}}}
		for _, d := range variants {
			s := must(d.Open(0))(t)
			r := must(s.Load(p))(t)
			check(t, r.Write(1, x))
			check(t, r.Run(device.Step{}))
			y := make([]float32, width)
			check(t, r.Read(2, y))
			want := rows * float64(float32(0.1))
			if got := float64(y[1]); math.Abs(got-want) > 1e-5*want {
				t.Errorf("%s: Σ over %v = %g, want %g", d.Numerics(), axis, got, want)
			}
			check(t, s.Close())
		}
	}
}

func TestNames(t *testing.T) {
	d := New(Options{Workers: 3, Kernels: simd.Portable()})
	if got := d.Name() + " " + d.Numerics(); !strings.HasPrefix(got, "cpu cpu/") || !strings.HasSuffix(got, "/portable") || d.Workers() != 3 {
		t.Errorf("%s, %d workers", got, d.Workers())
	}
	if New(Options{}).Workers() < 1 {
		t.Error("no workers by default")
	}
}

// Memory that the machine does not have is an error, so that a search can try the trial again alone.
func TestOutOfMemory(t *testing.T) {
	const tooMuch = 1 << 50 // more than an address space
	d := New(Options{Workers: 1})
	if _, err := d.Open(tooMuch); !errors.Is(err, device.ErrOutOfMemory) {
		t.Errorf("open: %v, want out of memory", err)
	}
	s, err := d.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Load(&device.Program{Name: "large", ArenaSize: tooMuch}); !errors.Is(err, device.ErrOutOfMemory) {
		t.Errorf("load: %v, want out of memory", err)
	}
}
