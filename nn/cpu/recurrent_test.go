package cpu

import (
	"mixmas/nn/device"
	"pgregory.net/rapid"
)

func init() {
	draws["recurrent"], draws["recurrent grad"] = drawRecurrent, drawRecurrentGrad
}

// drawCell draws a cell with its sizes, weight and mask. Some weights are packed, and some are too large for it.
func drawCell(t *rapid.T, f *fixture) (cell device.Cell, batch, steps, width int, weight, mask device.Buffer) {
	cell = device.Cell(rapid.IntRange(0, 1).Draw(t, "cell"))
	batch, steps, width = rapid.IntRange(1, 30).Draw(t, "batch"), rapid.IntRange(1, 4).Draw(t, "steps"), rapid.IntRange(1, 20).Draw(t, "width")
	values := f.values(cell.Gates() * width * width)
	for i := range values {
		values[i] /= float32(width)
	}
	weight = f.in("weight", values)
	if chance(t, "masked") {
		steps := make([]float32, batch*steps)
		for i := range steps {
			steps[i] = float32(f.random.IntN(3)) / 2
		}
		mask = f.in("mask", steps)
	}
	return cell, batch, steps, width, weight, mask
}

func drawRecurrent(t *rapid.T, f *fixture) device.Operation {
	cell, batch, steps, width, weight, mask := drawCell(t, f)
	n := batch * steps * width
	o := &device.Recurrent{Cell: cell, Weight: weight, Mask: mask, Batch: batch, Steps: steps, Width: width, Reverse: chance(t, "reverse"),
		X: f.in("x", f.values(cell.Gates()*n)), Bias: f.in("bias", f.values(cell.Gates()*width)), Y: f.out("y", n)}
	if chance(t, "keeps") {
		o.Kept, o.Before = f.out("kept", 4*n), f.out("before", n)
		if cell == device.LSTM {
			o.CellBefore = f.out("cell before", n)
		}
	}
	return o
}

func drawRecurrentGrad(t *rapid.T, f *fixture) device.Operation {
	cell, batch, steps, width, weight, mask := drawCell(t, f)
	n := batch * steps * width
	o := &device.RecurrentGrad{Cell: cell, Weight: weight, Mask: mask, Batch: batch, Steps: steps, Width: width, Reverse: chance(t, "reverse"),
		DY: f.in("dy", f.values(n)), Kept: f.in("kept", f.values(4*n)), DX: f.out("dx", cell.Gates()*n)}
	if cell == device.LSTM {
		o.CellBefore = f.in("cell before", f.values(n))
	} else {
		o.Before, o.DHidden = f.in("before", f.values(n)), f.out("dhidden", cell.Gates()*n)
	}
	return o
}
