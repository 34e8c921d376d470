package cuda

import "fmt"

// Numerics says how matrix products treat their operands. Sums and everything else are float32.
type Numerics string

// The numerics.
const (
	// FP32 multiplies float32 numbers.
	FP32 Numerics = "fp32"
	// TF32 rounds the operands to 11 significant bits and multiplies on tensor cores. It is the default.
	TF32 Numerics = "tf32"
	// BF16 rounds the operands to 8 significant bits and multiplies on tensor cores.
	BF16 Numerics = "bf16"
)

// AllNumerics lists the numerics, the most precise first.
func AllNumerics() []Numerics { return []Numerics{FP32, TF32, BF16} }

// Roundoff is the unit roundoff of the operands of matrix products: the largest relative error of rounding one.
func (n Numerics) Roundoff() float64 {
	switch n {
	case FP32:
		return 1.0 / (1 << 24)
	case BF16:
		return 1.0 / (1 << 8)
	}
	return 1.0 / (1 << 11)
}

// check says whether the numerics are known, after the default is filled in.
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
	// Poison fills the arena with NaN before the first operation of each run, inputs excepted, and each arena buffer when
	// its planned lifetime ends; operations then run one by one. It is for tests of the memory plan.
	Poison bool
}

// Description is what a GPU is.
type Description struct {
	// Name is the vendor's, for example "NVIDIA H200".
	Name string
	// Major and Minor are its compute capability.
	Major, Minor int
	// Multiprocessors is how many of them it has.
	Multiprocessors int
	// Memory is its size in bytes.
	Memory int64
}

// name is the device's name as users select it.
func name(ordinal int) string {
	if ordinal == 0 {
		return "cuda"
	}
	return fmt.Sprintf("cuda:%d", ordinal)
}
