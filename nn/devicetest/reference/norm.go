package reference

import (
	"math"

	"mixmas/nn/device"
)

// moments returns the mean and the biased variance of n elements.
func moments(n int, element func(i int) float64) (mean, variance float64) {
	for i := range n {
		mean += element(i) / float64(n)
	}
	for i := range n {
		variance += (element(i) - mean) * (element(i) - mean) / float64(n)
	}
	return mean, variance
}

var _ = device.On(&operations, (*Runner).layerNorm)

func (r *Runner) layerNorm(o *device.LayerNorm) {
	x, w, b, y, statistics := r.Values(o.X), r.Values(o.Weight), r.Values(o.Bias), r.Values(o.Y), r.Values(o.Statistics)
	for i := range o.Rows {
		row := x[i*o.Width:][:o.Width]
		mean, variance := moments(o.Width, func(k int) float64 { return row[k] })
		rstd := 1 / math.Sqrt(variance+o.Eps)
		for k := range row {
			y[i*o.Width+k] = (row[k]-mean)*rstd*w[k] + b[k]
		}
		if statistics != nil {
			statistics[i], statistics[o.Rows+i] = mean, rstd
		}
	}
}

var _ = device.On(&operations, (*Runner).layerNormGrad)

func (r *Runner) layerNormGrad(o *device.LayerNormGrad) {
	x, statistics := r.Values(o.X), r.Values(o.Statistics)
	r.normGrad(normGrad{o.Weight, o.DY, o.DX, o.DWeight, o.DBias, o.Plus, o.PlusWeight, o.PlusBias}, o.Rows, o.Width,
		func(i int) (group, parameter int) { return i / o.Width, i % o.Width },
		func(i int) (normalised, rstd float64) {
			rstd = statistics[o.Rows+i/o.Width]
			return (x[i] - statistics[i/o.Width]) * rstd, rstd
		}, true)
}

// normGrad are the buffers of the gradient of a normalisation.
type normGrad struct{ weight, dy, dx, dweight, dbias, plus, plusWeight, plusBias device.Buffer }

// normGrad computes the gradient of y = w x̂ + b, x̂ normalised in groups. place returns the group that an element belongs
// to and the parameter that scales it. Constant statistics pass no gradient.
func (r *Runner) normGrad(g normGrad, groups, parameters int, place func(i int) (group, parameter int),
	normalised func(i int) (x, rstd float64), statistics bool) {
	w, dy, dx := r.Values(g.weight), r.Values(g.dy), r.Values(g.dx)
	dweight, dbias := make([]float64, parameters), make([]float64, parameters)
	sum, dot, count := make([]float64, groups), make([]float64, groups), make([]float64, groups)
	for i := range dy {
		group, k := place(i)
		x, _ := normalised(i)
		dweight[k] += dy[i] * x
		dbias[k] += dy[i]
		sum[group] += dy[i] * w[k]
		dot[group] += dy[i] * w[k] * x
		count[group]++
	}
	if dx != nil {
		plus := r.Values(g.plus)
		for i := range dy {
			group, k := place(i)
			x, rstd := normalised(i)
			d := dy[i] * w[k]
			if statistics {
				d -= (sum[group] + x*dot[group]) / count[group]
			}
			dx[i] = added(plus, i) + d*rstd
		}
	}
	for _, p := range []struct {
		target, plus device.Buffer
		gradient     []float64
	}{{g.dweight, g.plusWeight, dweight}, {g.dbias, g.plusBias, dbias}} {
		target, plus := r.Values(p.target), r.Values(p.plus)
		for k := range target {
			target[k] = added(plus, k) + p.gradient[k]
		}
	}
}

var _ = device.On(&operations, (*Runner).batchNorm)

func (r *Runner) batchNorm(o *device.BatchNorm) {
	x, w, b, y, statistics := r.Values(o.X), r.Values(o.Weight), r.Values(o.Bias), r.Values(o.Y), r.Values(o.Statistics)
	runningMean, runningVariance := r.Values(o.RunningMean), r.Values(o.RunningVariance)
	n := o.Outer * o.Inner
	for c := range o.Channels {
		index := func(i int) int { return (i/o.Inner*o.Channels+c)*o.Inner + i%o.Inner }
		mean, variance := runningMean[c], runningVariance[c]
		if o.Train {
			mean, variance = moments(n, func(i int) float64 { return x[index(i)] })
			runningMean[c] += o.Momentum * (mean - runningMean[c])
			runningVariance[c] += o.Momentum * (variance*float64(n)/float64(n-1) - runningVariance[c])
		}
		rstd := 1 / math.Sqrt(variance+o.Eps)
		for i := range n {
			y[index(i)] = (x[index(i)]-mean)*rstd*w[c] + b[c]
		}
		if statistics != nil {
			statistics[c], statistics[o.Channels+c] = mean, rstd
		}
	}
}

var _ = device.On(&operations, (*Runner).batchNormGrad)

func (r *Runner) batchNormGrad(o *device.BatchNormGrad) {
	x, statistics := r.Values(o.X), r.Values(o.Statistics)
	channel := func(i int) int { return i / o.Inner % o.Channels }
	r.normGrad(normGrad{o.Weight, o.DY, o.DX, o.DWeight, o.DBias, o.Plus, o.PlusWeight, o.PlusBias}, o.Channels, o.Channels,
		func(i int) (group, parameter int) { return channel(i), channel(i) },
		func(i int) (normalised, rstd float64) {
			rstd = statistics[o.Channels+channel(i)]
			return (x[i] - statistics[channel(i)]) * rstd, rstd
		}, o.Train)
}
