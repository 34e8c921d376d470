package reference

import (
	"math"

	"mixmas/nn/device"
	"mixmas/nn/philox"
)

// each visits all indices of a shape in row-major order.
func each(shape []int, visit func(index []int)) {
	index := make([]int, len(shape))
	for {
		visit(index)
		i := len(shape) - 1
		for ; i >= 0; i-- {
			if index[i]++; index[i] < shape[i] {
				break
			}
			index[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

func dot(a, b []int) int {
	sum := 0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

var _ = device.On(&operations, func(r *Runner, o *device.Map) {
	x, y := r.Values(o.X), r.Values(o.Y)
	for i := range o.N {
		y[i] = activate(o.Activation, x[i])
	}
})

var _ = device.On(&operations, func(r *Runner, o *device.MapGrad) {
	x, dy, dx, plus := r.Values(o.X), r.Values(o.DY), r.Values(o.DX), r.Values(o.Plus)
	for i := range o.N {
		dx[i] = added(plus, i) + dy[i]*derivative(o.Activation, x[i])
	}
})

var _ = device.On(&operations, (*Runner).binary)

func (r *Runner) binary(o *device.Binary) {
	a, b, y, plus := r.Values(o.A), r.Values(o.B), r.Values(o.Y), r.Values(o.Plus)
	i := 0
	each(o.Shape, func(index []int) {
		p, q := a[dot(index, o.StridesA)], b[dot(index, o.StridesB)]
		switch o.Arithmetic {
		case device.Add:
			p += q
		case device.Mul:
			p *= q
		case device.Div:
			p /= q
		}
		y[i] = added(plus, i) + p
		i++
	})
}

var _ = device.On(&operations, (*Runner).assemble)

func (r *Runner) assemble(o *device.Assemble) {
	y, base := r.Values(o.Y), r.Values(o.Base)
	for i := range o.N {
		y[i] = added(base, i)
	}
	for _, p := range o.Pieces {
		source := r.Values(p.Source)
		each(p.Shape, func(index []int) {
			y[p.TargetOffset+dot(index, p.TargetStrides)] += float64(p.Scale) * source[p.SourceOffset+dot(index, p.SourceStrides)]
		})
	}
}

var _ = device.On(&operations, (*Runner).reduce)

func (r *Runner) reduce(o *device.Reduce) {
	x, y, index, plus := r.Values(o.X), r.Values(o.Y), r.Values(o.Index), r.Values(o.Plus)
	for i := range o.Outer {
		for k := range o.Inner {
			element := func(j int) float64 { return x[(i*o.Axis+j)*o.Inner+k] }
			sum, best := 0.0, 0
			for j := range o.Axis {
				sum += element(j)
				if element(j) > element(best) {
					best = j
				}
			}
			at := i*o.Inner + k
			if o.Reduction == device.Max {
				y[at], index[at] = element(best), float64(best)
			} else {
				y[at] = added(plus, at) + float64(o.Scale)*sum
			}
		}
	}
}

var _ = device.On(&operations, (*Runner).maxGrad)

func (r *Runner) maxGrad(o *device.MaxGrad) {
	dy, index, dx := r.Values(o.DY), r.Values(o.Index), r.Values(o.DX)
	clear(dx)
	for i := range o.Outer {
		for k := range o.Inner {
			at := i*o.Inner + k
			dx[(i*o.Axis+int(index[at]))*o.Inner+k] = dy[at]
		}
	}
}

var _ = device.On(&operations, (*Runner).dropout)

func (r *Runner) dropout(o *device.Dropout) {
	x, y := r.Values(o.X), r.Values(o.Y)
	key := [2]uint32{uint32(r.step.Seed), uint32(r.step.Seed >> 32)}
	limit := uint64(math.RoundToEven(o.P * (1 << 32)))
	for i := range o.N {
		word := philox.Block([4]uint32{uint32(i / 4), 0, r.step.Counter, o.Number}, key)[i%4]
		y[i] = 0
		if uint64(word) >= limit {
			y[i] = x[i] / (1 - o.P)
		}
	}
}
