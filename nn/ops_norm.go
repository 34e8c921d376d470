package nn

import "mixmas/nn/device"

// LayerNorm normalises the last dimension of x (Ba et al. 2016); weight and bias have its length.
func (g *Graph) LayerNorm(x, weight, bias *Value, eps float64) *Value {
	width := x.Shape[len(x.Shape)-1]
	if g.err == nil && weight.Size() != width {
		return g.Fail(x.Shape, "layer norm %s: the input %v has width %d, the weight %d",
			g.buffers[weight.buffer-1].Name, x.Shape, width, weight.Size())
	}
	if g.err != nil {
		return x
	}
	rows, y := x.Size()/width, g.value("layer norm", x.Shape)
	op := &device.LayerNorm{X: x.buffer, Weight: weight.buffer, Bias: bias.buffer, Y: y.buffer, Rows: rows, Width: width, Eps: eps}
	if g.gradients {
		y.kept = g.buffer("layer norm statistics", 2, rows)
		op.Statistics = y.kept
	}
	return g.record(op, y, func(dy device.Buffer) {
		back := &device.LayerNormGrad{X: x.buffer, Weight: weight.buffer, Statistics: y.kept, DY: dy, Rows: rows, Width: width}
		back.DX, back.Plus = g.contribution(x)
		back.DWeight, back.PlusWeight = g.contribution(weight)
		back.DBias, back.PlusBias = g.contribution(bias)
		g.emit(back)
	}, x, weight, bias)
}

// BatchNormState are the parameters and running statistics of a batch normalisation, each (channels).
type BatchNormState struct{ Weight, Bias, RunningMean, RunningVariance *Value }

// BatchNorm normalises each index of the given axis over all others (Ioffe and Szegedy 2015). In training it uses the
// batch's statistics and updates the running ones with the given momentum; in evaluation it uses the running ones.
func (g *Graph) BatchNorm(x *Value, axis int, s BatchNormState, eps, momentum float64) *Value {
	if axis >= len(x.Shape) {
		return g.Fail(x.Shape, "batch norm: %v has no axis %d", x.Shape, axis)
	}
	outer, channels, inner, _ := split(x.Shape, axis)
	if g.err == nil && s.Weight.Size() != channels {
		return g.Fail(x.Shape, "batch norm %s: the input %v has %d channels, the weight %d",
			g.buffers[s.Weight.buffer-1].Name, x.Shape, channels, s.Weight.Size())
	}
	if g.err != nil {
		return x
	}
	train := g.mode == Training
	if train && outer*inner == 1 {
		return g.Fail(x.Shape, "batch norm %s: one value per channel cannot be normalised in training; use batches of at least two samples",
			g.buffers[s.Weight.buffer-1].Name)
	}
	y := g.value("batch norm", x.Shape)
	y.kept = g.buffer("batch norm statistics", 2, channels)
	op := &device.BatchNorm{X: x.buffer, Weight: s.Weight.buffer, Bias: s.Bias.buffer, Y: y.buffer,
		Statistics: y.kept, RunningMean: s.RunningMean.buffer, RunningVariance: s.RunningVariance.buffer,
		Outer: outer, Channels: channels, Inner: inner, Eps: eps, Momentum: momentum, Train: train}
	return g.record(op, y, func(dy device.Buffer) {
		back := &device.BatchNormGrad{X: x.buffer, Weight: s.Weight.buffer, Statistics: y.kept, DY: dy,
			Outer: outer, Channels: channels, Inner: inner, Train: train}
		back.DX, back.Plus = g.contribution(x)
		back.DWeight, back.PlusWeight = g.contribution(s.Weight)
		back.DBias, back.PlusBias = g.contribution(s.Bias)
		g.emit(back)
	}, x, s.Weight, s.Bias)
}
