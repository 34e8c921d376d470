package devicetest

import (
	"fmt"
	"math"
	"testing"

	"mixmas/nn/device"
	"mixmas/nn/device/devicetest/reference"
)

// operation is one operation of a program as a program of its own: what it reads in the arena are inputs, what it writes
// there are outputs.
type operation struct {
	program       *device.Program
	reads, writes []device.Buffer
}

// alone cuts operation i out of a program.
func alone(p *device.Program, i int) operation {
	op := p.Operations[i]
	o := operation{program: &device.Program{Name: fmt.Sprintf("%s: operation %d (%s)", p.Name, i, op.Name()),
		Operations: []device.Operation{op}, Buffers: make([]device.BufferInfo, len(p.Buffers)), StateSize: p.StateSize}}
	o.reads, o.writes = op.Buffers(nil, nil)
	place := func(b device.Buffer, first, last int) {
		info := p.Info(b)
		if info.Space == device.Arena {
			info.Offset, info.First, info.Last = o.program.ArenaSize, first, last
			o.program.ArenaSize += (info.Size + device.Alignment - 1) / device.Alignment * device.Alignment
		}
		o.program.Buffers[b-1] = info
	}
	seen := map[device.Buffer]bool{}
	for _, b := range o.reads {
		if !seen[b] {
			place(b, -1, 0)
		}
		seen[b] = true
	}
	for _, b := range o.writes {
		if !seen[b] {
			place(b, 0, 1)
		}
		seen[b] = true
	}
	return o
}

// CompareOperations runs a program on the reference and each of its operations, with the same inputs rounded to float32,
// on the reference and on the device d. It calls report with the largest error of each buffer that an operation writes,
// as a fraction of the buffer's largest magnitude.
func compareOperations(t testing.TB, p *device.Program, d device.Device, prepare func(device.Session, device.Runner), step device.Step,
	report func(op device.Operation, b device.BufferInfo, err float64)) {
	t.Helper()
	opened, err := reference.Device{}.Open(p.StateSize)
	if err != nil {
		t.Fatal(err)
	}
	state := opened.(*reference.Session).State
	loaded, err := opened.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	whole := loaded.(*reference.Runner)
	prepare(opened, whole)
	before := make([]float64, len(state))
	err = whole.Each(step, func(i int, run func() error) error {
		o := alone(p, i)
		for _, b := range o.reads {
			round(whole.Values(b))
		}
		copy(before, state)
		values := map[device.Buffer][]float32{}
		for _, b := range o.reads {
			values[b] = narrow(whole.Values(b))
		}
		if err := run(); err != nil {
			return err
		}
		s, err := d.Open(p.StateSize)
		if err != nil {
			return err
		}
		defer s.Close()
		if err := s.WriteState(0, narrow(before)); err != nil {
			return err
		}
		r, err := s.Load(o.program)
		if err != nil {
			return err
		}
		for _, b := range o.reads {
			if p.Info(b).Space == device.Arena {
				if err := r.Write(b, values[b]); err != nil {
					return err
				}
			}
		}
		if err := r.Run(step); err != nil {
			return err
		}
		for _, b := range o.writes {
			info, want := p.Info(b), whole.Values(b)
			got := make([]float32, len(want))
			if info.Space == device.State {
				err = s.ReadState(info.Offset, got)
			} else {
				err = r.Read(b, got)
			}
			if err != nil {
				return err
			}
			report(o.program.Operations[0], info, relativeError(got, want))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// relativeError is the largest absolute error as a fraction of the largest magnitude.
func relativeError(got []float32, want []float64) float64 {
	worst, peak := 0.0, 0.0
	for i, w := range want {
		peak = math.Max(peak, math.Abs(w))
		if e := math.Abs(float64(got[i]) - w); !(e <= worst) {
			worst = e
		}
	}
	if worst == 0 {
		return 0
	}
	return worst / peak
}

func round(x []float64) {
	for i := range x {
		x[i] = float64(float32(x[i]))
	}
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i := range x {
		y[i] = float32(x[i])
	}
	return y
}
