package cpu

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
	"mixmas/nn/devicetest"
	"pgregory.net/rapid"
)

func TestPoison(t *testing.T) {
	p := devicetest.Chain(16)
	p.Buffers[0].Last = 2 // the plan says so, and c lies elsewhere, so that only poison can end a
	p.Buffers[2].Offset = 48
	p.ArenaSize = 64
	d := New(Options{Workers: 1, Poison: true})
	s := must(d.Open(16))(t)
	defer s.Close()
	r := must(s.Load(p))(t)
	check(t, devicetest.RunChain(s, r, 16))
	for i, x := range s.(*session).arena {
		if output := i >= 32 && i < 48; math.IsNaN(float64(x)) == output {
			t.Errorf("arena[%d] = %g after the run", i, x)
		}
	}
}

// TestSessionsShareWorkers runs sessions side by side, more of them than workers.
func TestSessionsShareWorkers(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, workers := range []int{1, 2, 3} {
		d := New(Options{Workers: workers})
		devicetest.SideBySide(t, d, 5000)
	}
}

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
				t.Fatalf("%s with %d workers: %T makes %g allocations per run", d.Numerics(), d.Workers(), f.op, n)
			}
		})
	}
}

func TestLabelsOutOfRange(t *testing.T) {
	for _, label := range []float32{-1, 3, 0.5, float32(math.NaN())} {
		p := &device.Program{Name: "loss", ArenaSize: 48, Buffers: []device.BufferInfo{{Name: "z", Size: 6, First: -1}, {Name: "labels", Offset: 16, Size: 2, First: -1},
			{Name: "loss", Offset: 32, Size: 1, Last: 1}}, Operations: []device.Operation{&device.CrossEntropy{Logits: 1, Labels: 2, Loss: 3, Rows: 2, Classes: 3}}}
		s := must(variants[0].Open(0))(t)
		r := must(s.Load(p))(t)
		check(t, r.Write(2, []float32{2, label}))
		devicetest.WantError(t, r.Run(device.Step{}), "run loss: operation 0 (cross_entropy): row 1 has label")
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
