// Package cpu is the default device: it runs the operations of package device on the CPU, in pure Go over the inner loops
// of package simd.
//
// A training has the same bits for any number of workers. Workers share the elements of an operation's output, never the
// terms of one sum. The only exceptions are sums over rows that are cut into slices: the slices do not depend on the number
// of workers, and their partial sums are added in order.
package cpu

import (
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// Options configure a [Device]. The zero value is the default.
type Options struct {
	// Workers is the number of cores that all sessions of the device may use together. 0 means GOMAXPROCS.
	Workers int
	// Kernels are the inner loops. nil means the best set for this CPU.
	Kernels *simd.Set
	// System holds the files that say how much memory is left: /proc, and control groups at their mount points. nil means
	// the machine's files.
	System fs.FS
	// Poison fills the arena with NaN before the first operation of each run, except the inputs, and each arena buffer when
	// its planned lifetime ends. It is for tests of the memory plan.
	Poison bool
}

// Device is the CPU. It implements [device.Device].
type Device struct {
	kernels *simd.Set
	pool    *pool
	poison  bool
	system  fs.FS
}

var _ device.Device = (*Device)(nil)

// New makes a CPU device. A device without open sessions holds no goroutines.
func New(o Options) *Device {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Kernels == nil {
		o.Kernels = simd.Best()
	}
	if o.System == nil {
		o.System = os.DirFS("/")
	}
	return &Device{kernels: o.Kernels, pool: newPool(o.Workers), poison: o.Poison, system: o.System}
}

// Name implements [device.Device].
func (d *Device) Name() string { return "cpu" }

// Numerics implements [device.Device]: "cpu", the architecture and the bits of the kernel set, for example
// "cpu/amd64/avx2". The architecture and its level are included because Go's compiler fuses multiplications and additions
// on some and not on others.
func (d *Device) Numerics() string { return "cpu/" + runtime.GOARCH + level + "/" + d.kernels.Bits }

// Workers returns the number of cores that the device may use.
func (d *Device) Workers() int { return len(d.pool.workers) }

// Open implements [device.Device].
func (d *Device) Open(state int) (device.Session, error) {
	if state < 0 {
		return nil, fmt.Errorf("open cpu session: a state of %d elements, want 0 or more", state)
	}
	s, err := newSession(d, state)
	if err != nil {
		return nil, err
	}
	d.pool.open()
	return s, nil
}
