package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
	"mixmas/nn/devicetest/reference"
	"pgregory.net/rapid"
)

// variants are the devices that must agree: bit for bit with the one before, unless that has other kernels.
var variants []*Device

func TestMain(m *testing.M) {
	worthwhile, mostPacked = 32, 300
	for _, set := range simd.Sets() {
		for _, o := range []Options{{Workers: 1}, {Workers: 1, Poison: true}, {Workers: 2, Poison: true}, {Workers: 3}} {
			o.Kernels = set
			variants = append(variants, New(o))
		}
	}
	os.Exit(m.Run())
}

// fixture is a program of one operation with its data.
type fixture struct {
	program device.Program
	op      device.Operation
	data    map[device.Buffer][]float32 // inputs and state
	step    device.Step
	random  *rand.Rand
	// close to zero, relative to |want| + scale
	tolerance float64
}

func newFixture(t *rapid.T) *fixture {
	return &fixture{data: map[device.Buffer][]float32{}, tolerance: 2e-5,
		random: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)),
		step:   device.Step{LearningRate: 0.01, Update: rapid.IntRange(1, 3).Draw(t, "update"), Seed: 0x6300000001, Counter: 7}}
}

func (f *fixture) buffer(info device.BufferInfo) device.Buffer {
	size := &f.program.ArenaSize
	if info.Space == device.State {
		size = &f.program.StateSize
	}
	info.Offset = *size
	*size += ceil(info.Size, device.Alignment) * device.Alignment
	f.program.Buffers = append(f.program.Buffers, info)
	return device.Buffer(len(f.program.Buffers))
}

// values makes n elements of a normal distribution.
func (f *fixture) values(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(f.random.NormFloat64())
	}
	return x
}

// in is an input with the given elements, out an output of n elements, state a state buffer.
func (f *fixture) in(name string, x []float32) device.Buffer {
	b := f.buffer(device.BufferInfo{Name: name, Size: len(x), First: -1, Last: 0})
	f.data[b] = x
	return b
}

func (f *fixture) out(name string, n int) device.Buffer {
	return f.buffer(device.BufferInfo{Name: name, Size: n, First: 0, Last: 1})
}

func (f *fixture) state(name string, x []float32) device.Buffer {
	b := f.buffer(device.BufferInfo{Name: name, Size: len(x), Space: device.State})
	f.data[b] = x
	return b
}

// maybe draws whether an optional input is there.
func (f *fixture) maybe(t *rapid.T, name string, n int) device.Buffer {
	if rapid.Bool().Draw(t, name) {
		return f.in(name, f.values(n))
	}
	return 0
}

// result is an output that may lie on one of the inputs that are as large.
func (f *fixture) result(t *rapid.T, name string, n int, on ...device.Buffer) device.Buffer {
	b := f.out(name, n)
	on = slices.DeleteFunc(on, func(o device.Buffer) bool { return o == 0 || f.program.Info(o).Size != n })
	if k := rapid.IntRange(0, len(on)).Draw(t, name+" on"); k > 0 {
		f.program.Buffers[b-1].Offset = f.program.Info(on[k-1]).Offset
	}
	return b
}

// sum draws an addend and a result that may lie on it, or a state buffer that is both.
func (f *fixture) sum(t *rapid.T, name string, n int, on ...device.Buffer) (plus, y device.Buffer) {
	if rapid.IntRange(0, 2).Draw(t, name+" accumulates") == 0 {
		b := f.state(name, f.values(n))
		return b, b
	}
	plus = f.maybe(t, name+" plus", n)
	return plus, f.result(t, name, n, append(on, plus)...)
}

// outputs runs the program on a device and returns what it left in every output and in the state.
func (f *fixture) outputs(t fataler, d *Device) map[device.Buffer][]float32 {
	s := must(d.Open(f.program.StateSize))(t)
	defer s.Close()
	r := must(s.Load(&f.program))(t)
	f.write(t, s, r)
	check(t, r.Run(f.step))
	all := map[device.Buffer][]float32{}
	for i, info := range f.program.Buffers {
		b := device.Buffer(i + 1)
		x := make([]float32, info.Size)
		switch {
		case info.Space == device.State:
			check(t, s.ReadState(info.Offset, x))
		case info.Last == len(f.program.Operations):
			check(t, r.Read(b, x))
		default:
			continue
		}
		all[b] = x
	}
	return all
}

func (f *fixture) write(t fataler, s device.Session, r device.Runner) {
	for b, x := range f.data {
		if info := f.program.Info(b); info.Space == device.State {
			check(t, s.WriteState(info.Offset, x))
		} else {
			check(t, r.Write(b, x))
		}
	}
}

// run compares all devices with the float64 reference, and those of one kernel set with each other.
func (f *fixture) run(t fataler) {
	f.program.Name, f.program.Operations = "test", []device.Operation{f.op}
	exact := must(reference.Device{}.Open(f.program.StateSize))(t)
	want := must(exact.Load(&f.program))(t).(*reference.Runner)
	f.write(t, exact, want)
	check(t, want.Run(f.step))
	var last map[device.Buffer][]float32
	for i, d := range variants {
		got := f.outputs(t, d)
		for b, x := range got {
			scale := 1.0
			for _, v := range want.Values(b) {
				scale = max(scale, math.Abs(v))
			}
			for k, v := range x {
				if want := want.Values(b)[k]; !(math.Abs(float64(v)-want) <= f.tolerance*scale) {
					t.Fatalf("%s with %d workers: %s[%d] = %g, want %g\n%+v", d.Numerics(), d.Workers(), f.program.Info(b).Name, k, v, want, f.op)
				}
				if i > 0 && d.kernels == variants[i-1].kernels && math.Float32bits(v) != math.Float32bits(last[b][k]) {
					t.Fatalf("%s: %s[%d] = %g with %d workers, %g with %d", d.Numerics(), f.program.Info(b).Name, k, v, d.Workers(), last[b][k], variants[i-1].Workers())
				}
			}
		}
		last = got
	}
}

type fataler interface {
	Fatalf(format string, arguments ...any)
	Helper()
}

func check(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

func must[T any](v T, err error) func(fataler) T {
	return func(t fataler) T {
		t.Helper()
		check(t, err)
		return v
	}
}

// dims draws n sizes up to a limit.
func dims(t *rapid.T, limit, n int) []int {
	return rapid.SliceOfN(rapid.IntRange(1, limit), n, n).Draw(t, fmt.Sprint("up to ", limit))
}

func chance(t *rapid.T, name string) bool { return rapid.Bool().Draw(t, name) }
