package cpu

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	"mixmas/nn/device"
	"mixmas/nn/devicetest"
)

// container is a system with a control group of version 2 that has bytes left.
func container(t *testing.T, bytes int64) fs.FS {
	t.Helper()
	limit := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(limit) })
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	return fstest.MapFS{
		"proc/self/cgroup":             file("0::/\n"),
		"proc/self/mountinfo":          file("25 1 0:23 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
		"sys/fs/cgroup/memory.max":     file(fmt.Sprint(bytes + 50<<20)),
		"sys/fs/cgroup/memory.current": file(fmt.Sprint(50 << 20)),
	}
}

const mebi = 1 << 18 // elements

// trainer is a program that updates its state, with an arena.
func trainer(arena int) *device.Program {
	return &device.Program{Name: "train", ArenaSize: arena, StateSize: 4,
		Buffers:    []device.BufferInfo{{Name: "w", Space: device.State, Size: 1}, {Name: "g", Space: device.State, Offset: 1, Size: 1}},
		Operations: []device.Operation{&device.SGD{Parameters: 1, Gradients: 2, N: 1}}}
}

// What a container does not have is refused before it is touched, with what is needed and what there is.
func TestMemoryLimit(t *testing.T) {
	d := New(Options{Workers: 1, System: container(t, 100<<20)})
	_, err := d.Open(101 * mebi)
	if !errors.Is(err, device.ErrOutOfMemory) {
		t.Fatalf("open: %v, want out of memory", err)
	}
	devicetest.WantError(t, err, "101 MiB needed", "100 MiB of the 150 MiB in /sys/fs/cgroup/memory.max left")

	s := must(d.Open(40 * mebi))(t)
	_, err = s.Load(&device.Program{Name: "large", ArenaSize: 61 * mebi})
	devicetest.WantError(t, err, "load large: 61 MiB needed", "60 MiB of the 150 MiB")
	must(s.Load(&device.Program{Name: "small", ArenaSize: 20 * mebi}))(t)
	_, err = d.Open(41 * mebi) // beside the other, which has touched nothing yet
	devicetest.WantError(t, err, "41 MiB needed", "40 MiB of the 150 MiB")
	check(t, s.Close())
	check(t, must(d.Open(90*mebi))(t).Close())
}

// Who trains needs as much beside as the state: once, whatever the number of programs.
func TestMemoryOfTraining(t *testing.T) {
	d := New(Options{Workers: 1, System: container(t, 100<<20)})
	s := must(d.Open(51 * mebi))(t)
	must(s.Load(&device.Program{Name: "evaluate", ArenaSize: 10 * mebi}))(t)
	_, err := s.Load(trainer(1))
	devicetest.WantError(t, err, "load train: 51 MiB needed", "39 MiB of the 150 MiB")
	check(t, s.Close())

	s = must(d.Open(40 * mebi))(t)
	must(s.Load(&device.Program{Name: "evaluate", ArenaSize: 10 * mebi}))(t)
	must(s.Load(trainer(2 * mebi)))(t)
	must(s.Load(trainer(5 * mebi)))(t)
	_, err = d.Open(11 * mebi)
	devicetest.WantError(t, err, "11 MiB needed", "10 MiB of the 150 MiB")
	check(t, s.Close())
	if len(ledger.held) > 0 {
		t.Errorf("%d pieces of memory are still held", len(ledger.held))
	}
}

// What was touched is in the system's books, and counts no more.
func TestMemoryThatIsTouched(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("limits are known on Linux alone")
	}
	d := New(Options{Workers: 1, System: container(t, 40<<20)})
	s := must(d.Open(24 * mebi))(t)
	defer s.Close()
	_, err := d.Open(30 * mebi)
	devicetest.WantError(t, err, "16 MiB of the 90 MiB")
	check(t, s.WriteState(0, make([]float32, 24*mebi)))
	check(t, must(d.Open(30*mebi))(t).Close())
}

// Go's heap is held to what sessions leave, unless GOMEMLIMIT says otherwise.
func TestMemoryLimitOfGo(t *testing.T) {
	d := New(Options{Workers: 1, System: container(t, 400<<20)})
	t.Setenv("GOMEMLIMIT", "off")
	debug.SetMemoryLimit(math.MaxInt64)
	s := must(d.Open(100 * mebi))(t)
	if got := debug.SetMemoryLimit(-1); got != math.MaxInt64 {
		t.Errorf("with GOMEMLIMIT the limit is %d", got)
	}
	t.Setenv("GOMEMLIMIT", "")
	must(s.Load(trainer(50 * mebi)))(t)
	limit, heap := debug.SetMemoryLimit(-1), heapSize()
	if want := heap + 250<<20; math.Abs(float64(limit-want)) > 20<<20 {
		t.Errorf("the limit is %s, want that of the heap, %s, and 250 MiB", size(limit), size(heap))
	}
	check(t, s.Close())
	if got := debug.SetMemoryLimit(-1); got != math.MaxInt64 {
		t.Errorf("after the last session the limit is %s", size(got))
	}
}

func TestErrorOfMemoryIsOneLine(t *testing.T) {
	_, err := New(Options{Workers: 1, System: container(t, 0)}).Open(1 << 50)
	if err == nil || !strings.Contains(err.Error(), "4.0 PiB needed, 0 B of the 50 MiB") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
}
