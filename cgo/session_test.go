//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/devicetest"
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

// TestLogFillsUp runs more often than the GPU's log holds values.
func TestLogFillsUp(t *testing.T) {
	d := anyDevice(t, Options{})
	d.logSize = 3
	s := open(t, d, 16)
	defer s.Close()
	r := load(t, s, devicetest.Chain(16))
	var want []float32
	for i := range 10 {
		check(t, r.Write(1, devicetest.Ramp(16, float32(i))))
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
}

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
		devicetest.WantError(t, err, parts...)
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
	small := load(t, s, devicetest.Chain(64))
	_, err = s.Upload(5, megabyte, nil)
	full(err, "upload 5 rows of 262144 elements")
	// One session has what another lacks, until it closes.
	limit(12)
	rival := open(t, d, 9*megabyte)
	_, err = s.Load(&device.Program{Name: "train/64", ArenaSize: 4 * megabyte})
	full(err)
	check(t, devicetest.RunChain(s, small, 64)) // what was loaded before still runs
	check(t, rival.Close())
	load(t, s, &device.Program{Name: "train/64", ArenaSize: 4 * megabyte})
	check(t, devicetest.RunChain(s, small, 64))
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
	devicetest.WantError(t, err, "load large: operation 0 (depthwise_conv)")
	if errors.Is(err, device.ErrDevice) || errors.Is(err, device.ErrOutOfMemory) {
		t.Errorf("the program is at fault, not the device: %v", err)
	}
	r := load(t, s, devicetest.Chain(16)) // and the device works
	check(t, devicetest.RunChain(s, r, 16))
	check(t, s.Close())
	if !Emulated {
		t.Skip("only an emulated GPU can be taken away")
	}
	s = open(t, anyDevice(t, Options{}), 16)
	r = load(t, s, devicetest.Chain(16))
	t.Setenv("MIXMAS_EMULATOR_DEVICES", "0")
	_, loading := s.Load(devicetest.Chain(16))
	_, logging := s.Log()
	_, uploading := s.Upload(1, 1, nil)
	for call, err := range map[string]error{
		"write state": s.WriteState(0, devicetest.Ramp(16, 0)), "read state": s.ReadState(0, devicetest.Ramp(16, 0)),
		"write": r.Write(1, devicetest.Ramp(16, 0)), "read": r.Read(4, devicetest.Ramp(16, 0)),
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
	devicetest.WantError(t, err, "GPU")
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
	devicetest.WantError(t, err, "the NVIDIA driver is too old: it is for CUDA 12.4", "which needs driver 580 or later")
}

// TestLittleSharedMemory probes GPUs on which the kernels cannot run.
func TestLittleSharedMemory(t *testing.T) {
	if !Emulated {
		t.Skip("only an emulated GPU can be made small")
	}
	t.Setenv("MIXMAS_EMULATOR_SHARED", fmt.Sprint(99<<10))
	const reason = "GPU 0, CUDA emulator, has 99 KiB of shared memory per block: 160 KiB are needed"
	n, err := Probe()
	devicetest.WantError(t, err, reason)
	if n != 0 {
		t.Errorf("found %d GPUs", n)
	}
	_, err = New(Options{})
	devicetest.WantError(t, err, reason)
	t.Setenv("MIXMAS_EMULATOR_DEVICES", "2") // the second has enough
	n, err = Probe()
	check(t, err)
	if n != 2 {
		t.Errorf("found %d GPUs, want 2", n)
	}
	_, err = New(Options{})
	devicetest.WantError(t, err, reason)
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
	devicetest.WantError(t, err, `unknown numerics "fp8"`, "fp32, tf32 or bf16")
	_, err = New(Options{Ordinal: 99})
	devicetest.WantError(t, err, "no GPU 99")
	if Emulated {
		t.Setenv("MIXMAS_EMULATOR_DEVICES", "2")
		d, err := New(Options{Ordinal: 1, Numerics: BF16})
		check(t, err)
		if got := d.Name() + " " + d.Numerics(); got != "cuda:1 cuda/emulator/bf16" {
			t.Errorf("the second GPU is %s", got)
		}
		s := open(t, d, 16)
		check(t, devicetest.RunChain(s, load(t, s, devicetest.Chain(16)), 16))
		check(t, s.Close())
	}
}
