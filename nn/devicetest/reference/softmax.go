package reference

import (
	"math"

	"mixmas/nn/device"
)

var _ = device.On(&operations, (*Runner).softmax)

func (r *Runner) softmax(o *device.Softmax) {
	x, mask, y := r.Values(o.X), r.Values(o.Mask), r.Values(o.Y)
	for row := range o.Batch * o.Repeat {
		counts := func(k int) bool { return mask == nil || mask[row/o.Repeat*o.Width+k] != 0 }
		from, to := x[row*o.Width:][:o.Width], y[row*o.Width:][:o.Width]
		top, sum := math.Inf(-1), 0.0
		for k, v := range from {
			if counts(k) {
				top = math.Max(top, v)
			}
		}
		for k, v := range from {
			if to[k] = 0; counts(k) {
				to[k] = math.Exp(v - top)
				sum += to[k]
			}
		}
		for k := range to {
			to[k] /= math.Max(sum, 1) // at least 1, or all is 0
		}
	}
}

var _ = device.On(&operations, (*Runner).softmaxGrad)

func (r *Runner) softmaxGrad(o *device.SoftmaxGrad) {
	y, dy, dx, plus := r.Values(o.Y), r.Values(o.DY), r.Values(o.DX), r.Values(o.Plus)
	for row := range o.Rows {
		first, sum := row*o.Width, 0.0
		for i := first; i < first+o.Width; i++ {
			sum += y[i] * dy[i]
		}
		for i := first; i < first+o.Width; i++ {
			dx[i] = added(plus, i) + y[i]*(dy[i]-sum)
		}
	}
}
