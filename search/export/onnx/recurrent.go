package onnx

import (
	"fmt"
	"slices"

	"mixmas/nn/device"
)

var _ = device.On(&translations, (*translator).recurrent)

// gateOrder says which of our gates are those of the operators GRU (z, r, h) and LSTM (i, o, f, c), in their order.
var gateOrder = map[device.Cell][]int{device.GRU: {1, 0, 2}, device.LSTM: {0, 3, 1, 2}}

// recurrent becomes the operator GRU or LSTM, which computes the input's share of the gates too. These know no masks with gaps:
// the real steps of each sample are moved together, to the end at which the cell begins, and moved back after, by a matrix of
// zeros and ones.
func (t *translator) recurrent(o *device.Recurrent) {
	twin := t.twin.(*device.Recurrent)
	batch := pair(o.Batch, twin.Batch)
	if batch != theBatch {
		fail("%v sequences for a batch", batch)
	}
	share := t.shareOf(o)
	steps, features := fixed(o.Steps), fixed(share.K)
	x := t.reshape(t.value(share.A), []size{batch, steps, features})
	var moved *tensor
	if o.Mask != 0 {
		mask := t.reshape(t.value(o.Mask), []size{batch, steps})
		masked := t.compare("Equal", mask, t.number("zero", 0))
		x = t.add("Where", []*tensor{t.reshape(masked, []size{batch, steps, fixed(1)}), t.number("zero", 0), x}, floats, x.dims)
		moved = t.together(masked, o.Steps, o.Reverse)
		x = t.add("MatMul", []*tensor{moved, x}, floats, x.dims)
	}
	x = t.transpose(x, []int{1, 0, 2})
	width := fixed(o.Width)
	gates := fixed(o.Cell.Gates() * o.Width)
	weight := func(b device.Buffer, columns size) *tensor { return t.gates(o, t.value(b), fixed(1), gates, columns) }
	bias := slices.Concat(weight(share.Bias, fixed(1)).constant.floats, weight(o.Bias, fixed(1)).constant.floats)
	inputs := []*tensor{x, weight(share.B, features), weight(o.Weight, width), t.folded(t.prefix+t.scope+".bias", fixedAll(1, 2*gates.n), bias)}
	attributes := []attribute{{"hidden_size", o.Width}}
	if o.Reverse {
		attributes = append(attributes, attribute{"direction", "reverse"})
	}
	operation := "LSTM"
	if o.Cell == device.GRU {
		operation = "GRU"
		attributes = append(attributes, attribute{"linear_before_reset", 1})
	}
	y := t.add(operation, inputs, floats, []size{steps, fixed(1), batch, width}, attributes...)
	y = t.transpose(t.reshape(y, []size{steps, batch, width}), []int{1, 0, 2})
	if moved != nil {
		y = t.add("MatMul", []*tensor{t.transpose(moved, []int{0, 2, 1}), y}, floats, y.dims)
	}
	t.set(o.Y, y)
}

// shareOf finds the product that makes the input's share of the gates.
func (t *translator) shareOf(o *device.Recurrent) *device.MatMul {
	for _, op := range flattened(t.programs[0].Operations) {
		m, ok := op.(*device.MatMul)
		if ok && m.C == o.X && m.TransB && !m.TransA && m.Bias != 0 && !m.BiasRows && m.Activation == device.Identity && m.Plus == 0 &&
			m.Batch == [2]int{1, 1} && m.OffsetA+m.OffsetB+m.OffsetC == 0 && m.N == o.Cell.Gates()*o.Width && m.LDA == m.K && m.LDB == m.K && m.LDC == m.N {
			return m
		}
	}
	fail("its gates are not a linear layer of an input")
	return nil
}

// gates is a weight with a row per unit of each gate, in the order of the operators.
func (t *translator) gates(o *device.Recurrent, w *tensor, dims ...size) *tensor {
	if w.constant == nil {
		fail("its weights are computed")
	}
	part := len(w.constant.floats) / o.Cell.Gates()
	var data []float32
	for _, gate := range gateOrder[o.Cell] {
		data = append(data, w.constant.floats[gate*part:][:part]...)
	}
	return t.folded(fmt.Sprintf("%s.%v", w.name, o.Cell), dims, data)
}

// together is, for each sample, the matrix (steps, steps) that moves its real steps together: to the front, or to the end. The rest
// becomes zeros, and its transpose moves them back.
func (t *translator) together(masked *tensor, steps int, end bool) *tensor {
	real := t.cast(t.same("Not", masked), floats)
	reverse := 0
	if end {
		reverse = 1
	}
	rank := t.like("CumSum", real, []*tensor{t.integer("axis.1", 1)}, attribute{"reverse", reverse})
	var place *tensor
	if end {
		place = t.elementwise("Sub", t.number("steps", float32(steps)), rank)
	} else {
		place = t.elementwise("Sub", rank, t.number("one", 1))
	}
	place = t.add("Where", []*tensor{masked, t.number("nowhere", -1), place}, floats, place.dims)
	ramp := make([]float32, steps)
	for i := range ramp {
		ramp[i] = float32(i)
	}
	at := t.numbers("ramp", fixedAll(steps, 1), ramp)
	return t.cast(t.compare("Equal", at, t.reshape(place, []size{theBatch, fixed(1), fixed(steps)})), floats)
}
