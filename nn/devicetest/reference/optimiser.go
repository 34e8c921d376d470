package reference

import (
	"math"

	"mixmas/nn/device"
)

var _ = device.On(&operations, (*Runner).adam)

func (r *Runner) adam(o *device.Adam) {
	p, g, m, v := r.Values(o.Parameters), r.Values(o.Gradients), r.Values(o.Moments), r.Values(o.Variances)
	rate, t := r.step.LearningRate, float64(r.step.Update)
	for i := range o.N {
		d := g[i]
		if o.Decoupled {
			p[i] -= rate * o.WeightDecay * p[i]
		} else {
			d += o.WeightDecay * p[i]
		}
		m[i] = o.Beta1*m[i] + (1-o.Beta1)*d
		v[i] = o.Beta2*v[i] + (1-o.Beta2)*d*d
		mean, variance := m[i]/(1-math.Pow(o.Beta1, t)), v[i]/(1-math.Pow(o.Beta2, t))
		p[i] -= rate * mean / (math.Sqrt(variance) + o.Eps)
	}
}

var _ = device.On(&operations, (*Runner).sgd)

func (r *Runner) sgd(o *device.SGD) {
	p, g, v := r.Values(o.Parameters), r.Values(o.Gradients), r.Values(o.Velocity)
	for i := range o.N {
		d := g[i] + o.WeightDecay*p[i]
		if v != nil {
			if r.step.Update > 1 {
				d += o.Momentum * v[i]
			}
			v[i] = d
		}
		p[i] -= r.step.LearningRate * d
	}
}
