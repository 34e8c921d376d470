package cuda

import "fmt"

// Numerics is how matrix products treat their operands. Sums and everything else are float32.
type Numerics string

const (
	// FP32 multiplies float32 numbers.
	FP32 Numerics = "fp32"
	// TF32 rounds the operands to 11 significant bits and multiplies on tensor cores. It is the default.
	TF32 Numerics = "tf32"
	// BF16 rounds the operands to 8 significant bits and multiplies on tensor cores.
	BF16 Numerics = "bf16"
)

// AllNumerics lists the numerics, most precise first.
func AllNumerics() []Numerics { return []Numerics{FP32, TF32, BF16} }

// Roundoff returns the unit roundoff of the operands of matrix products: the largest relative error of rounding one
// operand.
func (n Numerics) Roundoff() float64 {
	switch n {
	case FP32:
		return 1.0 / (1 << 24)
	case BF16:
		return 1.0 / (1 << 8)
	}
	return 1.0 / (1 << 11)
}

// check fills in the default and returns an error if the numerics are unknown.
func (n *Numerics) check() error {
	if *n == "" {
		*n = TF32
	}
	if *n != FP32 && *n != TF32 && *n != BF16 {
		return fmt.Errorf("unknown numerics %q: want %s, %s or %s", *n, FP32, TF32, BF16)
	}
	return nil
}

// Options configure a [Device]. The zero value is the default.
type Options struct {
	// Ordinal numbers the GPU, from 0, as the NVIDIA driver does.
	Ordinal int
	// Numerics are those of matrix products; "" means [TF32].
	Numerics Numerics
	// Poison fills the arena with NaN before the first operation of each run, except the inputs, and each arena buffer when
	// its planned lifetime ends. Operations then run one by one. It is for tests of the memory plan.
	Poison bool
}

// Description describes a GPU.
type Description struct {
	// Name is the vendor's name, for example "NVIDIA H200".
	Name string
	// Major and Minor are its compute capability.
	Major, Minor int
	// Multiprocessors is the number of multiprocessors.
	Multiprocessors int
	// Memory is its size in bytes.
	Memory int64
}

// name returns the name by which users select the device.
func name(ordinal int) string {
	if ordinal == 0 {
		return "cuda"
	}
	return fmt.Sprintf("cuda:%d", ordinal)
}
