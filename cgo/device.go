//go:build cuda && cgo && linux && (amd64 || arm64)

package cuda

/*
#cgo CFLAGS: -I${SRCDIR}/../kernels
#cgo !cudaemu LDFLAGS: ${SRCDIR}/../build/gpu/libmixmas_cuda.a -lm -ldl -lrt -lpthread
#cgo cudaemu CFLAGS: -DMIXMAS_EMULATOR
#cgo cudaemu LDFLAGS: ${SRCDIR}/../build/emu/libmixmas_cuda.a -lstdc++ -lm -lpthread

// Go's build cache does not notice that an archive has changed. It notices these headers, which hold the archives' hashes.
#ifdef MIXMAS_EMULATOR
#if !__has_include("stamp_emu.h")
#error "the kernels are not built for the emulator: make kernels-emu"
#endif
#include "stamp_emu.h"
enum { emulated = 1 };
#else
#if !__has_include("stamp_gpu.h")
#error "the CUDA kernels are not built: make kernels"
#endif
#include "stamp_gpu.h"
enum { emulated = 0 };
#endif

#include "mixmas.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"math"

	"mixmas/nn/device"
)

// Built reports whether this binary has the kernels.
const Built = true

// Emulated reports whether the kernels run on the CPU instead of a GPU, for tests.
const Emulated = C.emulated != 0

// Stamp is the hash of the archive of kernels.
const Stamp = C.MIXMAS_KERNELS_STAMP

// Probe returns the number of GPUs, some of which [New] may reject. If none can be used, it is 0 and reason says why.
func Probe() (count int, reason error) {
	var message C.mixmas_message
	if count = int(C.mixmas_device_count(&message)); count == 0 {
		return 0, errors.New(C.GoString(&message.text[0]))
	}
	return count, nil
}

// Describe describes the GPU with the given number, or returns an error that says why it cannot be used.
func Describe(ordinal int) (Description, error) {
	var message C.mixmas_message
	var d C.mixmas_device
	if ordinal < 0 || ordinal > math.MaxInt32 {
		return Description{}, fmt.Errorf("GPU %d: GPUs are numbered from 0", ordinal)
	}
	if C.mixmas_device_describe(C.int32_t(ordinal), &d, &message) != C.MIXMAS_OK {
		return Description{}, errors.New(C.GoString(&message.text[0]))
	}
	return Description{Name: C.GoString(&d.name[0]), Major: int(d.major), Minor: int(d.minor),
		Multiprocessors: int(d.multiprocessors), Memory: int64(d.memory)}, nil
}

// Device is a GPU. It implements [device.Device].
type Device struct {
	ordinal     int
	numerics    Numerics
	description Description
	poison      bool
	limits      C.mixmas_limits
	// For tests: another size of the log, and running composites as their parts.
	logSize  int
	separate bool
}

var _ device.Device = (*Device)(nil)

// New makes the device. It returns an error if the GPU is missing, too old or too small.
func New(o Options) (*Device, error) {
	if err := o.Numerics.check(); err != nil {
		return nil, err
	}
	if _, err := Probe(); err != nil {
		return nil, err
	}
	description, err := Describe(o.Ordinal)
	if err != nil {
		return nil, err
	}
	return &Device{ordinal: o.Ordinal, numerics: o.Numerics, description: description, poison: o.Poison,
		limits: C.mixmas_kernel_limits(o.Numerics.c()), logSize: C.MIXMAS_LOG}, nil
}

// c returns the numerics' number in C.
func (n Numerics) c() C.mixmas_numerics {
	switch n {
	case FP32:
		return C.MIXMAS_FP32
	case BF16:
		return C.MIXMAS_BF16
	}
	return C.MIXMAS_TF32
}

// Name implements [device.Device]: "cuda" for the first GPU, "cuda:1" for the second.
func (d *Device) Name() string { return name(d.ordinal) }

// Numerics implements [device.Device]: "cuda", the architecture and the numerics of matrix products, for example
// "cuda/sm_90/tf32".
func (d *Device) Numerics() string {
	if Emulated {
		return "cuda/emulator/" + string(d.numerics)
	}
	return fmt.Sprintf("cuda/sm_%d%d/%s", d.description.Major, d.description.Minor, d.numerics)
}

// Describe describes the GPU.
func (d *Device) Describe() Description { return d.description }

// Open implements [device.Device].
func (d *Device) Open(state int) (device.Session, error) {
	if state < 0 {
		return nil, fmt.Errorf("open %s session: a state of %d elements, want 0 or more", d.Name(), state)
	}
	s := &session{device: d, stateSize: state, names: map[string]*C.char{}}
	err := s.result(C.mixmas_session_open(C.int32_t(d.ordinal), d.numerics.c(), C.int64_t(state), &s.c, &s.message))
	if err != nil {
		return nil, fmt.Errorf("open %s session: %w", d.Name(), err)
	}
	return s, nil
}

// result returns the error of a session's call, with its text. If the device rejects a program, the cause is the program:
// it would be rejected again. The cause of any other failure is the device, unless it is out of memory: programs are
// checked when they are bound (see binder).
func result(status C.mixmas_status, message *C.mixmas_message) error {
	text := C.GoString(&message.text[0])
	switch status {
	case C.MIXMAS_OK:
		return nil
	case C.MIXMAS_REFUSED:
		return errors.New(text)
	case C.MIXMAS_OUT_OF_MEMORY:
		return fmt.Errorf("%s: %w", text, device.ErrOutOfMemory)
	}
	return fmt.Errorf("%s: %w", text, device.ErrDevice)
}
