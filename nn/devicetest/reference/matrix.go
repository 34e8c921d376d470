package reference

import (
	"math"

	"mixmas/nn/device"
)

var _ = device.On(&operations, (*Runner).matMul)

func (r *Runner) matMul(o *device.MatMul) {
	a, b, c := r.rounded(o.A), r.rounded(o.B), r.Values(o.C)
	bias, plus, pre, gate := r.Values(o.Bias), r.Values(o.Plus), r.Values(o.Pre), r.Values(o.Gate)
	// A batch dimension in which C does not move is summed over: plus is added only at its first index.
	for i := range o.Batch[0] {
		for j := range o.Batch[1] {
			first := (o.StrideC[0] != 0 || i == 0) && (o.StrideC[1] != 0 || j == 0)
			baseA := o.OffsetA + i*o.StrideA[0] + j*o.StrideA[1]
			baseB := o.OffsetB + i*o.StrideB[0] + j*o.StrideB[1]
			baseC := o.OffsetC + i*o.StrideC[0] + j*o.StrideC[1]
			for m := range o.M {
				for n := range o.N {
					p := 0.0
					for k := range o.K {
						ia, ib := m*o.LDA+k, k*o.LDB+n
						if o.TransA {
							ia = k*o.LDA + m
						}
						if o.TransB {
							ib = n*o.LDB + k
						}
						p += a[baseA+ia] * b[baseB+ib]
					}
					if bias != nil && o.BiasRows {
						p += bias[m]
					} else if bias != nil {
						p += bias[n]
					}
					at := baseC + m*o.LDC + n
					if pre != nil {
						pre[at] = p
					}
					if gate != nil {
						p *= derivative(o.Activation, gate[at])
					} else {
						p = activate(o.Activation, p)
					}
					if first {
						c[at] = added(plus, at) + p
					} else {
						c[at] += p
					}
				}
			}
		}
	}
}

// rounded returns the rounded values of an operand of a matrix product.
func (r *Runner) rounded(b device.Buffer) []float64 {
	x := r.Values(b)
	if r.Round == nil {
		return x
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = r.Round(v)
	}
	return y
}

func activate(a device.Activation, x float64) float64 {
	switch a {
	case device.GELU:
		return x * (1 + math.Erf(x/math.Sqrt2)) / 2
	case device.ReLU:
		return math.Max(x, 0)
	case device.SquaredReLU:
		return math.Max(x, 0) * math.Max(x, 0)
	case device.Sigmoid:
		return sigmoid(x)
	case device.Tanh:
		return math.Tanh(x)
	case device.SiLU:
		return x * sigmoid(x)
	}
	return x
}

func derivative(a device.Activation, x float64) float64 {
	switch a {
	case device.GELU:
		return (1+math.Erf(x/math.Sqrt2))/2 + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	case device.ReLU:
		if x > 0 {
			return 1
		}
		return 0
	case device.SquaredReLU:
		return 2 * math.Max(x, 0)
	case device.Sigmoid:
		return sigmoid(x) * sigmoid(-x)
	case device.Tanh:
		return 4 * sigmoid(2*x) * sigmoid(-2*x)
	case device.SiLU:
		return sigmoid(x) * (1 + x*sigmoid(-x))
	}
	return 1
}
