package nn

import (
	"slices"

	"mixmas/nn/device"
)

// RecurrentWeights are the weights of a recurrent cell of h units with g gates (3 of a GRU, 4 of an LSTM) on d features, in
// the layout of PyTorch: Input (g·h, d) and InputBias (g·h) make the input's share of the gates, Hidden (g·h, h) and HiddenBias
// (g·h) that of the state.
type RecurrentWeights struct{ Input, InputBias, Hidden, HiddenBias *Value }

// Recurrent runs a recurrent cell over the steps of x (b, n, d), from the state 0, and returns the state after each step (b, n,
// h); with reverse, from the last step to the first. mask is nil or (b, n): a step whose mask is 0 keeps the state and gives
// zeros. The input's share of all gates is one product before the steps; all steps are one operation.
func (g *Graph) Recurrent(x, mask *Value, w RecurrentWeights, cell device.Cell, reverse bool) *Value {
	if g.err != nil {
		return x
	}
	if len(x.Shape) != 3 {
		return g.Fail(x.Shape, "%v: the input %v is not a sequence (batch, steps, features)", cell, x.Shape)
	}
	b, n, h := x.Shape[0], x.Shape[1], w.Hidden.Shape[len(w.Hidden.Shape)-1]
	gates := cell.Gates() * h
	for _, like := range []struct {
		value *Value
		want  []int
	}{{w.Input, []int{gates, x.Shape[2]}}, {w.InputBias, []int{gates}}, {w.Hidden, []int{gates, h}}, {w.HiddenBias, []int{gates}}, {mask, []int{b, n}}} {
		if like.value != nil && !slices.Equal(like.value.Shape, like.want) {
			return g.Fail([]int{b, n, h}, "%v of %d units on %v: %s has shape %v, want %v",
				cell, h, x.Shape, g.buffers[like.value.buffer-1].Name, like.value.Shape, like.want)
		}
	}
	share := g.Linear(x, w.Input, w.InputBias, device.Identity, nil)
	y := g.value(cell.String(), []int{b, n, h})
	op := &device.Recurrent{Cell: cell, X: share.buffer, Weight: w.Hidden.buffer, Bias: w.HiddenBias.buffer, Mask: mask.Buffer(), Y: y.buffer,
		Batch: b, Steps: n, Width: h, Reverse: reverse}
	if g.gradients {
		op.Kept, op.Before = g.buffer("gates", b, n, 4*h), g.buffer("states", b, n, h)
		if cell == device.LSTM {
			op.CellBefore = g.buffer("cells", b, n, h)
		}
	}
	return g.record(op, y, func(dy device.Buffer) { g.recurrentGradients(op, share, w, dy) }, share, w.Hidden, w.HiddenBias)
}

// recurrentGradients records the steps back through time, then the gradients of the weights as sums over all steps.
func (g *Graph) recurrentGradients(op *device.Recurrent, share *Value, w RecurrentWeights, dy device.Buffer) {
	back := &device.RecurrentGrad{Cell: op.Cell, Weight: op.Weight, Mask: op.Mask, DY: dy, Kept: op.Kept, CellBefore: op.CellBefore,
		DX: g.buffer("gates gradient", share.Shape...), Batch: op.Batch, Steps: op.Steps, Width: op.Width, Reverse: op.Reverse}
	hidden := back.DX
	if op.Cell == device.GRU {
		hidden = g.buffer("hidden gates gradient", share.Shape...)
		back.Before, back.DHidden = op.Before, hidden
	}
	g.emit(back)
	overFeatures{rows: op.Batch * op.Steps, in: op.Width, out: op.Cell.Gates() * op.Width}.weightGradients(g, w.Hidden, w.HiddenBias, op.Before, hidden)
	g.pass(share, back.DX)
}
