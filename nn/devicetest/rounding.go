package devicetest

import (
	"math"

	"mixmas/nn/device"
)

// Rounding describes how a device rounds the operands of matrix products. The zero value means that they are not rounded.
type Rounding struct {
	// Roundoff is the largest relative error of rounding one operand.
	Roundoff float64
	// Round rounds a float32 number.
	Round func(x float32) float32
	// Functions is the allowed error of the device's erf and exp, as a multiple of the error on the CPU; 0 means 1.
	Functions float64
}

// TF32 rounds to 11 significant bits, ties away from zero, like the conversion for tensor cores.
var TF32 = Rounding{Roundoff: 1.0 / (1 << 11), Round: func(x float32) float32 {
	return math.Float32frombits((math.Float32bits(x) + 1<<12) &^ (1<<13 - 1))
}}

// BF16 rounds to 8 significant bits, ties to even.
var BF16 = Rounding{Roundoff: 1.0 / (1 << 8), Round: func(x float32) float32 {
	bits := math.Float32bits(x)
	return math.Float32frombits((bits + 1<<15 - 1 + bits>>16&1) &^ (1<<16 - 1))
}}

// wide returns Round for the reference, nil if nothing is rounded.
func (r Rounding) wide() func(float64) float64 {
	if r.Round == nil {
		return nil
	}
	return func(x float64) float64 { return float64(r.Round(float32(x))) }
}

// depths returns, for each buffer of the program, the length of the longest chain of matrix products that leads to it, each
// reading what the one before it wrote: rounding errors pass from one product to the next.
func depths(p *device.Program) []int {
	depths := make([]int, len(p.Buffers)+1)
	var visit func(ops []device.Operation)
	visit = func(ops []device.Operation) {
		for _, op := range ops {
			if c, ok := op.(device.Composite); ok {
				visit(c.Operations())
				continue
			}
			reads, writes := op.Buffers(nil, nil)
			d := 0
			for _, b := range reads {
				d = max(d, depths[b])
			}
			switch op.(type) {
			case *device.MatMul, *device.Conv, *device.ConvInputGrad, *device.ConvWeightGrad:
				d++
			}
			for _, b := range writes {
				depths[b] = max(depths[b], d)
			}
		}
	}
	visit(p.Operations)
	return depths
}
