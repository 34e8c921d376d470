//go:build !(cuda && cgo && linux && (amd64 || arm64))

package cuda

import (
	"errors"

	"mixmas/nn/device"
)

// Built reports whether this binary has the kernels.
const Built = false

// Emulated reports whether the kernels run on the CPU instead of a GPU, for tests.
const Emulated = false

var errNotBuilt = errors.New("this program was built without CUDA: build it with make kernels")

// Probe returns the number of GPUs. If none can be used, it is 0 and reason says why.
func Probe() (count int, reason error) { return 0, errNotBuilt }

// Describe describes the GPU with the given number, or returns an error that says why it cannot be used.
func Describe(int) (Description, error) { return Description{}, errNotBuilt }

// Device is a GPU. It implements [device.Device]. This binary has no GPU support, so [New] always fails.
type Device struct{}

// New makes the device.
func New(o Options) (*Device, error) {
	if err := o.Numerics.check(); err != nil {
		return nil, err
	}
	return nil, errNotBuilt
}

// Name implements [device.Device].
func (*Device) Name() string { return name(0) }

// Numerics implements [device.Device].
func (*Device) Numerics() string { return "cuda/none" }

// Open implements [device.Device].
func (*Device) Open(int) (device.Session, error) { return nil, errNotBuilt }
