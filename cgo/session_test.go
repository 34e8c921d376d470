//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/mixer"
)

// anyDevice is a device, or the test is skipped where there is no GPU.
func anyDevice(t testing.TB, o Options) *Device {
	t.Helper()
	if _, err := Probe(); err != nil {
		t.Skip(err)
	}
	d, err := New(o)
	check(t, err)
	return d
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

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

// chain is a program of three operations: b = relu(a), c = b + s (state), d = c c. It keeps the first element of d.
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
			{Name: "s", Space: device.State, Size: n}, {Name: "first", Offset: 2 * n, Size: 1, First: 2, Last: 3}},
		Operations: []device.Operation{
			&device.Map{Activation: device.ReLU, X: 1, Y: 2, N: n},
			&device.Binary{Arithmetic: device.Add, A: 2, B: 5, Y: 3, Shape: shape, StridesA: one, StridesB: one},
			&device.Binary{Arithmetic: device.Mul, A: 3, B: 3, Y: 4, Shape: shape, StridesA: one, StridesB: one},
		},
		Kept: 6,
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
func runChain(s device.Session, r device.Runner, n int) error {
	d := make([]float32, n)
	err := errors.Join(s.WriteState(0, ramp(n, 1)), r.Write(1, ramp(n, -8)), r.Run(device.Step{}), r.Read(4, d))
	if err != nil {
		return err
	}
	for i, got := range d {
		if want := max(float32(i-8), 0) + float32(i+1); got != want*want {
			return fmt.Errorf("d[%d] = %g, want %g", i, got, want*want)
		}
	}
	return nil
}

func open(t testing.TB, d *Device, state int) *session {
	t.Helper()
	s, err := d.Open(state)
	check(t, err)
	return s.(*session)
}

func load(t testing.TB, s *session, p *device.Program) *runner {
	t.Helper()
	r, err := s.Load(p)
	check(t, err)
	return r.(*runner)
}

func TestProgramsShareAGrowingArena(t *testing.T) {
	for _, poison := range []bool{false, true} {
		s := open(t, anyDevice(t, Options{Poison: poison}), 64)
		small := load(t, s, chain(16))
		check(t, runChain(s, small, 16))
		check(t, small.Write(1, ramp(16, -8)))
		large := load(t, s, chain(64))
		check(t, small.Run(device.Step{})) // what was written before stays
		check(t, runChain(s, large, 64))
		check(t, runChain(s, small, 16))
		check(t, s.Close())
	}
}

// What the next run gathers stays when another program moves the arena in between.
func TestGatherBeforeTheArenaMoves(t *testing.T) {
	s := open(t, anyDevice(t, Options{}), 64)
	defer s.Close()
	small := load(t, s, chain(16))
	table, err := s.Upload(3, 8, func(row int, dst []float32) error {
		copy(dst, ramp(8, float32(8*row)))
		return nil
	})
	check(t, err)
	check(t, s.Gather(small, 1, table, []int{2, 0}))
	load(t, s, chain(64))
	check(t, small.Run(device.Step{}))
	d := make([]float32, 16)
	check(t, small.Read(4, d))
	for i, got := range d {
		if want := float32((i + 16) % 24); got != want*want {
			t.Errorf("d[%d] = %g, want %g", i, got, want*want)
		}
	}
}

// A gathered step is one call and allocates nothing.
func TestGatherAllocations(t *testing.T) {
	s := open(t, anyDevice(t, Options{}), 16)
	defer s.Close()
	r := load(t, s, chain(16))
	table, err := s.Upload(3, 4, func(int, []float32) error { return nil })
	check(t, err)
	rows := []int{2, 0, 1, 2}
	allocations := testing.AllocsPerRun(5, func() {
		check(t, s.Gather(r, 1, table, rows))
		check(t, r.Run(device.Step{}))
	})
	if allocations != 0 {
		t.Errorf("a step makes %v allocations", allocations)
	}
}

func TestPoison(t *testing.T) {
	d := anyDevice(t, Options{Poison: true})
	s := open(t, d, 16)
	defer s.Close()
	p := chain(16)
	p.Kept = 0
	p.Buffers[1].Last = 0 // the plan ends a buffer too early
	r := load(t, s, p)
	check(t, r.Write(1, ramp(16, 0)))
	check(t, r.Run(device.Step{}))
	out := make([]float32, 16)
	check(t, r.Read(4, out))
	if !math.IsNaN(float64(out[3])) {
		t.Errorf("a buffer was read after its lifetime: %v", out)
	}
}

// TestLogFillsUp runs more often than the GPU's log holds values.
func TestLogFillsUp(t *testing.T) {
	d := anyDevice(t, Options{})
	d.logSize = 3
	s := open(t, d, 16)
	defer s.Close()
	r := load(t, s, chain(16))
	var want []float32
	for i := range 10 {
		check(t, r.Write(1, ramp(16, float32(i))))
		check(t, r.Run(device.Step{}))
		if s.queued > 3 {
			t.Errorf("after run %d the GPU's log has %d values, and room for 3", i, s.queued)
		}
		want = append(want, float32(i*i))
		if i == 4 || i == 9 {
			got, err := s.Log()
			check(t, err)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("the log is %v, want %v", got, want)
			}
			want = nil
		}
	}
	seconds := make([]float64, 3)
	check(t, r.Trace(device.Step{}, seconds))
	if seconds[0] <= 0 || seconds[1] <= 0 || seconds[2] <= 0 {
		t.Errorf("the operations took %v seconds", seconds)
	}
	if got, err := s.Log(); err != nil || len(got) != 1 {
		t.Errorf("after a trace, the log is %v, %v", got, err)
	}
	wantError(t, r.Trace(device.Step{}, seconds[:2]), "trace chain: 2 numbers for 3 operations")
}

// TestSessionsSideBySide trains several sessions from several goroutines, which open, load and close while others run.
func TestSessionsSideBySide(t *testing.T) {
	d := anyDevice(t, Options{})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 3 {
				opened, err := d.Open(300)
				if err != nil {
					t.Error(err)
					return
				}
				r, err := opened.Load(chain(300))
				for i := 0; i < 10 && err == nil; i++ {
					err = runChain(opened, r, 300)
				}
				if err := errors.Join(err, opened.Close()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
}

func TestErrors(t *testing.T) {
	d := anyDevice(t, Options{})
	_, err := d.Open(-1)
	wantError(t, err, "-1 elements")
	s := open(t, d, 16)
	load := func(change func(*device.Program)) error {
		p := chain(16)
		change(p)
		_, err := s.Load(p)
		return err
	}
	wantError(t, load(func(p *device.Program) { p.StateSize = 17 }), "chain", "17 elements of state", "has 16")
	wantError(t, load(func(p *device.Program) { p.Buffers[2].Offset = 48 }), "buffer 3 (c)", "48 to 64 of a space of 48")
	wantError(t, load(func(p *device.Program) { p.Kept = 4 }), "load chain: the kept value is buffer 4")
	wantError(t, load(func(p *device.Program) { p.Operations[1].(*device.Binary).B = 0 }), "operation 1 (add)", "B is absent")
	wantError(t, load(func(p *device.Program) { p.Operations[1].(*device.Binary).B = 7 }), "operation 1 (add)", "buffer 7 of 6")
	wantError(t, load(func(p *device.Program) { p.Operations[0].(*device.Map).N = 17 }), "operation 0 (relu)", "X needs 17", "buffer 1 (a) has 16")
	wantError(t, load(func(p *device.Program) { p.Operations[2] = unknown{} }), "operation 2 (unknown)", "does not know the operation cuda.unknown")
	wantError(t, load(func(p *device.Program) { p.Buffers[1].Offset = 8; p.Buffers[1].Size = 16 }), "operation 0 (relu)", "writes buffer 2 (b) over buffer 1 (a)")
	wantError(t, load(func(p *device.Program) {
		o := p.Operations[1].(*device.Binary)
		o.Shape, o.StridesA, o.StridesB = []int{4, 4}, []int{1, 4}, []int{4, 1}
		p.Buffers[2].Offset = p.Buffers[1].Offset
	}), "operation 1 (add)", "over buffer 2 (b)")

	r, err := s.Load(chain(16))
	check(t, err)
	wantError(t, r.Write(1, ramp(15, 0)), "write input of chain", "buffer 1 (a) has 16 elements, got 15")
	wantError(t, r.Write(2, ramp(16, 0)), "buffer 2 (b) is no input")
	wantError(t, r.Write(9, ramp(16, 0)), "buffer 9 of 6")
	wantError(t, r.Read(1, ramp(16, 0)), "buffer 1 (a) is no output")
	wantError(t, s.ReadState(1, ramp(16, 0)), "elements 1 to 17 of 16")
	wantError(t, s.WriteState(-1, ramp(4, 0)), "elements -1 to 3 of 16")
	table, err := s.Upload(2, 16, func(int, []float32) error { return nil })
	check(t, err)
	other := open(t, d, 0)
	wantError(t, other.Gather(r, 1, table, []int{0}), "runner")
	wantError(t, s.Gather(r, 1, table, []int{2}), "gather input a of chain: row 2 of a table of 2")
	check(t, other.Close())
	check(t, s.Close())
	wantError(t, s.Close(), "closed")
	wantError(t, r.Run(device.Step{}), "closed")
	wantError(t, r.Write(1, ramp(16, 0)), "closed")
	wantError(t, s.WriteState(0, nil), "closed")
	wantError(t, s.Gather(r, 1, table, []int{0}), "closed")
	_, err = s.Log()
	wantError(t, err, "closed")
	_, err = s.Upload(1, 1, nil)
	wantError(t, err, "closed")
	_, err = s.Load(chain(16))
	wantError(t, err, "closed")
}

// The gradient of layer norm may take the place of dy only where one block has the whole row.
func TestLayerNormGradInPlace(t *testing.T) {
	s := open(t, anyDevice(t, Options{}), 0)
	defer s.Close()
	load := func(width int) error {
		info := func(name string, offset, size, first, last int) device.BufferInfo {
			return device.BufferInfo{Name: name, Offset: offset, Size: size, First: first, Last: last}
		}
		_, err := s.Load(&device.Program{Name: "norm", ArenaSize: 3*width + 64,
			Buffers: []device.BufferInfo{info("x", 0, width, -1, 0), info("weight", width, width, -1, 0),
				info("statistics", 3*width, 2, -1, 0), info("dy", 2*width, width, -1, 0), info("dx", 2*width, width, 0, 1)},
			Operations: []device.Operation{&device.LayerNormGrad{X: 1, Weight: 2, Statistics: 3, DY: 4, DX: 5, Rows: 1, Width: width}}})
		return err
	}
	check(t, load(1024))
	wantError(t, load(1028), "writes buffer 5 (dx) over buffer 4 (dy)")
}

type unknown struct{ device.Operation }

func (unknown) Name() string { return "unknown" }

// TestOutOfMemory fills the memory of an emulated GPU.
func TestOutOfMemory(t *testing.T) {
	if !Emulated {
		t.Skip("only an emulated GPU can be made small")
	}
	d := anyDevice(t, Options{})
	const megabyte = 1 << 20 / 4
	limit := func(megabytes int) { t.Setenv("MIXMAS_EMULATOR_MEMORY", fmt.Sprint(megabytes<<20)) }
	full := func(err error, parts ...string) {
		t.Helper()
		wantError(t, err, parts...)
		if !errors.Is(err, device.ErrOutOfMemory) {
			t.Errorf("error %v is not %v", err, device.ErrOutOfMemory)
		}
	}
	limit(8)
	_, err := d.Open(9 * megabyte)
	full(err, "open cuda session", "9.0 MiB of state")
	s := open(t, d, megabyte)
	_, err = s.Load(&device.Program{Name: "train/64", ArenaSize: 8 * megabyte})
	full(err, "load train/64", "8.0 MiB")
	small := load(t, s, chain(64))
	_, err = s.Upload(5, megabyte, nil)
	full(err, "upload 5 rows of 262144 elements")
	// One session has what another lacks, until it closes.
	limit(12)
	rival := open(t, d, 9*megabyte)
	_, err = s.Load(&device.Program{Name: "train/64", ArenaSize: 4 * megabyte})
	full(err)
	check(t, runChain(s, small, 64)) // what was loaded before still runs
	check(t, rival.Close())
	load(t, s, &device.Program{Name: "train/64", ArenaSize: 4 * megabyte})
	check(t, runChain(s, small, 64))
	check(t, s.Close())
}

// counting is a device that counts the tables it took, and those for which there was no memory.
type counting struct {
	device.Device
	taken, refused int
}

func (d *counting) Open(state int) (device.Session, error) {
	s, err := d.Device.Open(state)
	if err != nil {
		return nil, err
	}
	return countingQueue{s.(device.Queue), d}, nil
}

type countingQueue struct {
	device.Queue
	device *counting
}

func (q countingQueue) Upload(rows, width int, fill func(row int, dst []float32) error) (device.Table, error) {
	t, err := q.Queue.Upload(rows, width, fill)
	if errors.Is(err, device.ErrOutOfMemory) {
		q.device.refused++
	} else {
		q.device.taken++
	}
	return t, err
}

// wide are samples of many elements.
type wide struct{}

const wideRows, wideWidth = 90, 10000

func (wide) Len() int { return wideRows }
func (wide) Read(row, _ int, dst []float32) error {
	for i := range dst {
		dst[i] = float32((row*31+i*7)%64-32) / 64
	}
	return nil
}
func (wide) Label(row int, dst []float32) error {
	dst[0] = float32(row % 3)
	return nil
}

// TestSamplesThatDoNotFit trains with samples that the memory of an emulated GPU has no room for: they go through pinned
// memory, step by step, and the training has the bits of one on a larger GPU.
func TestSamplesThatDoNotFit(t *testing.T) {
	if !Emulated {
		t.Skip("only an emulated GPU can be made small")
	}
	model, err := mixer.Build(mixer.Specification{Classes: 3, Modalities: []mixer.Modality{{Name: "x", Kind: mixer.Table, Shape: []int{wideWidth},
		Encoder: mixer.Choice{Architecture: "simple_mlp", Options: &mixer.SimpleMLPOptions{Hidden: 4, Width: 4, Layers: 1}}}}})
	check(t, err)
	train := func(taken, refused int) []float32 {
		t.Helper()
		d := &counting{Device: anyDevice(t, Options{Numerics: FP32})}
		trainer, err := nn.NewTrainer(d, model, nn.Recipe{Batch: 20, Optimiser: "adam"}, 1)
		check(t, err)
		defer trainer.Close()
		check(t, trainer.Load(model.Parameters().Initialise(1)))
		var result []float32
		for epoch := range 2 {
			loss, err := trainer.Epoch(t.Context(), wide{}, epoch, 0.01, nil)
			check(t, err)
			result = append(result, float32(loss))
		}
		state, _, err := trainer.State()
		check(t, err)
		logits, err := trainer.Predict(t.Context(), wide{})
		check(t, err)
		if d.taken != taken || d.refused != refused {
			t.Errorf("%d tables lie on the GPU and %d do not, want %d and %d", d.taken, d.refused, taken, refused)
		}
		return slices.Concat(result, state, logits)
	}
	want := train(2, 0)
	t.Setenv("MIXMAS_EMULATOR_MEMORY", fmt.Sprint(6<<20)) // the samples take 3.4 MiB, and may take half
	if got := train(1, 1); !slices.Equal(got, want) {
		t.Error("with samples that do not fit the training has other bits")
	}
}

// TestWhoseFault tells a device that fails from a program that it does not take.
func TestWhoseFault(t *testing.T) {
	s := open(t, anyDevice(t, Options{}), 16)
	large := device.Maps{Batch: 1, Height: 64, Width: 64, Channels: 1, Kernel: 63, Stride: 1, Padding: 31}
	n := large.Size()
	_, err := s.Load(&device.Program{
		Name:      "large",
		ArenaSize: 3 * n,
		Buffers: []device.BufferInfo{{Name: "x", Size: n, First: -1}, {Name: "w", Offset: n, Size: 63 * 63, First: -1},
			{Name: "y", Offset: 2 * n, Size: n, Last: 1}},
		Operations: []device.Operation{&device.DepthwiseConv{X: 1, Weight: 2, Y: 3, Maps: large}},
	})
	wantError(t, err, "load large: operation 0 (depthwise_conv)")
	if errors.Is(err, device.ErrDevice) || errors.Is(err, device.ErrOutOfMemory) {
		t.Errorf("the program is at fault, not the device: %v", err)
	}
	r := load(t, s, chain(16)) // and the device works
	check(t, runChain(s, r, 16))
	check(t, s.Close())
	if !Emulated {
		t.Skip("only an emulated GPU can be taken away")
	}
	s = open(t, anyDevice(t, Options{}), 16)
	r = load(t, s, chain(16))
	t.Setenv("MIXMAS_EMULATOR_DEVICES", "0")
	_, loading := s.Load(chain(16))
	_, logging := s.Log()
	_, uploading := s.Upload(1, 1, nil)
	for call, err := range map[string]error{
		"write state": s.WriteState(0, ramp(16, 0)), "read state": s.ReadState(0, ramp(16, 0)),
		"write": r.Write(1, ramp(16, 0)), "read": r.Read(4, ramp(16, 0)),
		"load": loading, "log": logging, "upload": uploading,
	} {
		if !errors.Is(err, device.ErrDevice) {
			t.Errorf("%s without the GPU: error %v is not the device's", call, err)
		}
	}
	check(t, s.Close())
}

// TestNoGPU probes a machine without a GPU.
func TestNoGPU(t *testing.T) {
	if !Emulated {
		t.Skip("only an emulated GPU can be taken away")
	}
	t.Setenv("MIXMAS_EMULATOR_DEVICES", "0")
	if n, err := Probe(); n != 0 || err == nil || err.Error() == "" {
		t.Errorf("found %d GPUs, %v", n, err)
	}
	_, err := New(Options{})
	wantError(t, err, "GPU")
}

// TestOldDriver probes a machine whose driver is older than the kernels' CUDA.
func TestOldDriver(t *testing.T) {
	if !Emulated {
		t.Skip("only an emulated GPU can be given another driver")
	}
	t.Setenv("MIXMAS_EMULATOR_DRIVER", "12040")
	n, err := Probe()
	if n != 0 {
		t.Errorf("found %d GPUs", n)
	}
	wantError(t, err, "the NVIDIA driver is too old: it is for CUDA 12.4", "which needs driver 580 or later")
}

// TestLittleSharedMemory probes GPUs on which the kernels cannot run.
func TestLittleSharedMemory(t *testing.T) {
	if !Emulated {
		t.Skip("only an emulated GPU can be made small")
	}
	t.Setenv("MIXMAS_EMULATOR_SHARED", fmt.Sprint(99<<10))
	const reason = "GPU 0, CUDA emulator, has 99 KiB of shared memory a block: 160 KiB are needed"
	n, err := Probe()
	wantError(t, err, reason)
	if n != 0 {
		t.Errorf("found %d GPUs", n)
	}
	_, err = New(Options{})
	wantError(t, err, reason)
	t.Setenv("MIXMAS_EMULATOR_DEVICES", "2") // the second has enough
	n, err = Probe()
	check(t, err)
	if n != 2 {
		t.Errorf("found %d GPUs, want 2", n)
	}
	_, err = New(Options{})
	wantError(t, err, reason)
	_, err = New(Options{Ordinal: 1})
	check(t, err)
}

func TestNames(t *testing.T) {
	d := anyDevice(t, Options{})
	if got := d.Name(); got != "cuda" {
		t.Errorf("the device's name is %s", got)
	}
	if got := d.Numerics(); !strings.HasPrefix(got, "cuda/") || !strings.HasSuffix(got, "/tf32") || Emulated && got != "cuda/emulator/tf32" {
		t.Errorf("the numerics are %s", got)
	}
	if about := d.Describe(); about.Name == "" || about.Multiprocessors < 1 || about.Memory < 1 {
		t.Errorf("the device is %+v", about)
	}
	_, err := New(Options{Numerics: "fp8"})
	wantError(t, err, `unknown numerics "fp8"`, "fp32, tf32 and bf16")
	_, err = New(Options{Ordinal: 99})
	wantError(t, err, "no GPU 99")
	if Emulated {
		t.Setenv("MIXMAS_EMULATOR_DEVICES", "2")
		d, err := New(Options{Ordinal: 1, Numerics: BF16})
		check(t, err)
		if got := d.Name() + " " + d.Numerics(); got != "cuda:1 cuda/emulator/bf16" {
			t.Errorf("the second GPU is %s", got)
		}
		s := open(t, d, 16)
		check(t, runChain(s, load(t, s, chain(16)), 16))
		check(t, s.Close())
	}
}
