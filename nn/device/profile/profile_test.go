package profile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mixmas/nn/device"
)

// fake is a device, a queue and a runner whose i-th operation always takes (i+1) ms.
type fake struct {
	device.Session
	device.Runner
	operations int
	gathered   device.Runner
	failure    error
}

func (*fake) Name() string                         { return "fake" }
func (*fake) Numerics() string                     { return "fake/1" }
func (f *fake) Open(int) (device.Session, error)   { return f, nil }
func (*fake) Read(device.Buffer, []float32) error  { return nil }
func (*fake) Write(device.Buffer, []float32) error { return nil }
func (*fake) Log() ([]float32, error)              { return []float32{1}, nil }
func (f *fake) Load(p *device.Program) (device.Runner, error) {
	f.operations = len(p.Operations)
	return f, nil
}

func (f *fake) Trace(_ device.Step, seconds []float64) error {
	for i := range seconds {
		seconds[i] += 1e-3 * float64(i+1)
	}
	return f.failure
}

func (*fake) Upload(int, int, func(int, []float32) error) (device.Table, error) { return nil, nil }

func (f *fake) Gather(r device.Runner, _ device.Buffer, _ device.Table, _ []int) error {
	f.gathered = r
	return nil
}

// untimed is a device whose runners cannot be traced.
type untimed struct{ fake }

func (u *untimed) Open(int) (device.Session, error) { return untimedSession{}, nil }

type untimedSession struct{ device.Session }

func (untimedSession) Load(*device.Program) (device.Runner, error) {
	return struct{ device.Runner }{}, nil
}

func example(name string) *device.Program {
	matrix := device.MatMul{M: 4, N: 5, K: 6, Batch: [2]int{1, 1}, TransB: true, Activation: device.GELU, Bias: 1}
	return &device.Program{Name: name, Operations: []device.Operation{&matrix, &device.Map{Activation: device.ReLU, N: 1000}, &matrix}}
}

func TestTable(t *testing.T) {
	var p Profile
	f := &fake{}
	d := p.Wrap(f)
	if d.Name() != "fake" || d.Numerics() != "fake/1" {
		t.Errorf("the wrapped device is %s, %s", d.Name(), d.Numerics())
	}
	s, err := d.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"train/4", "evaluate/4"} {
		r, err := s.Load(example(name))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := r.Run(device.Step{}); err != nil {
				t.Fatal(err)
			}
		}
		if name == "train/4" {
			continue
		}
		seconds := []float64{0, 0, 1}
		if err := r.(device.Profiler).Trace(device.Step{}, seconds); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(seconds, []float64{1e-3, 2e-3, 1 + 3e-3}); diff != "" {
			t.Errorf("traced: %s", diff)
		}
	}
	if _, err := s.Load(example("never run")); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := p.Write(&text); err != nil {
		t.Fatal(err)
	}
	want := `all programs: 5 runs, 30.00 ms in operations

  share        time       calls   GFLOP/s      GB/s  operation
  66.7%    20.00 ms          10      0.00      0.00  matmul
  33.3%    10.00 ms           5      0.00      0.00  relu

evaluate/4: 3 runs, 18.00 ms in operations

  share        time       calls   GFLOP/s      GB/s  operation
  66.7%    12.00 ms           6      0.00      0.00  matmul 4×5×6 NT gelu bias
  33.3%     6.00 ms           3      0.00      0.00  relu 1000

train/4: 2 runs, 12.00 ms in operations

  share        time       calls   GFLOP/s      GB/s  operation
  66.7%     8.00 ms           4      0.00      0.00  matmul 4×5×6 NT gelu bias
  33.3%     4.00 ms           2      0.00      0.00  relu 1000
`
	if diff := cmp.Diff(text.String(), want); diff != "" {
		t.Error(diff)
	}
}

func TestQueueGathersForItsOwnRunner(t *testing.T) {
	var p Profile
	f := &fake{}
	s, err := p.Wrap(f).Open(0)
	if err != nil {
		t.Fatal(err)
	}
	q, ok := s.(device.Queue)
	if !ok {
		t.Fatal("the session of a queue is none")
	}
	r, err := s.Load(example("train/4"))
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Gather(r, 1, nil, nil); err != nil {
		t.Fatal(err)
	}
	if f.gathered != device.Runner(f) {
		t.Errorf("the device was given %T, not its own runner", f.gathered)
	}
	if log, err := q.Log(); len(log) != 1 || err != nil {
		t.Errorf("got the log %v, %v", log, err)
	}
}

func TestFailures(t *testing.T) {
	var p Profile
	s, err := p.Wrap(&untimed{}).Open(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.(device.Queue); ok {
		t.Error("the session of no queue is one")
	}
	want := "load train/4: the device fake cannot time operations: run without a profile"
	if _, err := s.Load(example("train/4")); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	f := &fake{failure: device.ErrOutOfMemory}
	if s, err = p.Wrap(f).Open(0); err != nil {
		t.Fatal(err)
	}
	r, err := s.Load(example("train/4"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(device.Step{}); err != device.ErrOutOfMemory {
		t.Errorf("got %v", err)
	}
	var text strings.Builder
	if err := p.Write(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "matmul") || !strings.HasPrefix(text.String(), "all programs: 0 runs") {
		t.Errorf("a run that failed is in the table:\n%s", text.String())
	}
}

func TestSeconds(t *testing.T) {
	for s, want := range map[float64]string{2.5: "2.50 s", 0.0025: "2.50 ms", 0.0000025: "2.50 µs"} {
		if got := seconds(s); got != want {
			t.Errorf("%v: got %s, want %s", s, got, want)
		}
	}
}
