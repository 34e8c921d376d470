package reference

import (
	"math"

	"mixmas/nn/device"
)

// each step of a sample, in the order in which the cell takes them.
func eachStep(steps int, reverse bool, visit func(t int)) {
	for i := range steps {
		if reverse {
			i = steps - 1 - i
		}
		visit(i)
	}
}

var _ = device.On(&operations, (*Runner).recurrent)

func (r *Runner) recurrent(o *device.Recurrent) {
	x, weight, bias, mask, y := r.Values(o.X), r.Values(o.Weight), r.Values(o.Bias), r.Values(o.Mask), r.Values(o.Y)
	kept, before, cellBefore := r.Values(o.Kept), r.Values(o.Before), r.Values(o.CellBefore)
	h, gates := o.Width, o.Cell.Gates()*o.Width
	for b := range o.Batch {
		state, cell := make([]float64, h), make([]float64, h)
		eachStep(o.Steps, o.Reverse, func(t int) {
			at := b*o.Steps + t
			if before != nil {
				copy(before[at*h:], state)
				clear(kept[at*4*h:][:4*h])
			}
			if cellBefore != nil {
				copy(cellBefore[at*h:], cell)
			}
			if mask != nil && mask[at] == 0 {
				clear(y[at*h:][:h])
				return
			}
			hidden := make([]float64, gates)
			for i := range gates {
				hidden[i] = bias[i]
				for k := range h {
					hidden[i] += weight[i*h+k] * state[k]
				}
			}
			share := x[at*gates:][:gates]
			for k := range h {
				sum := func(gate int) float64 { return share[gate*h+k] + hidden[gate*h+k] }
				var all [4]float64
				if o.Cell == device.GRU {
					reset, z, q := sigmoid(sum(0)), sigmoid(sum(1)), hidden[2*h+k]
					n := math.Tanh(share[2*h+k] + reset*q)
					all = [4]float64{reset, z, n, q}
					state[k] = (1-z)*n + z*state[k]
				} else {
					all = [4]float64{sigmoid(sum(0)), sigmoid(sum(1)), math.Tanh(sum(2)), sigmoid(sum(3))}
					cell[k] = all[1]*cell[k] + all[0]*all[2]
					state[k] = all[3] * math.Tanh(cell[k])
				}
				for i, v := range all {
					if kept != nil {
						kept[(at*4+i)*h+k] = v
					}
				}
			}
			copy(y[at*h:], state)
		})
	}
}

var _ = device.On(&operations, (*Runner).recurrentGrad)

func (r *Runner) recurrentGrad(o *device.RecurrentGrad) {
	weight, mask, dy, dx := r.Values(o.Weight), r.Values(o.Mask), r.Values(o.DY), r.Values(o.DX)
	kept, before, cellBefore := r.Values(o.Kept), r.Values(o.Before), r.Values(o.CellBefore)
	h, gates := o.Width, o.Cell.Gates()*o.Width
	dhidden := dx
	if o.DHidden != 0 {
		dhidden = r.Values(o.DHidden)
	}
	for b := range o.Batch {
		dstate, dcell := make([]float64, h), make([]float64, h)
		eachStep(o.Steps, !o.Reverse, func(t int) {
			at := b*o.Steps + t
			back, share := dhidden[at*gates:][:gates], dx[at*gates:][:gates]
			if mask != nil && mask[at] == 0 {
				clear(back)
				clear(share)
				return
			}
			for k := range h {
				gate := func(i int) float64 { return kept[(at*4+i)*h+k] }
				d := dstate[k] + dy[at*h+k]
				if o.Cell == device.GRU {
					reset, z, n, q := gate(0), gate(1), gate(2), gate(3)
					dn := d * (1 - z) * (1 - n*n)
					share[k] = dn * q * reset * (1 - reset)
					share[h+k] = d * (before[at*h+k] - n) * z * (1 - z)
					share[2*h+k] = dn
					back[k], back[h+k], back[2*h+k] = share[k], share[h+k], dn*reset
					dstate[k] = d * z
				} else {
					i, f, candidate, out := gate(0), gate(1), gate(2), gate(3)
					was := cellBefore[at*h+k]
					tanh := math.Tanh(f*was + i*candidate)
					dc := dcell[k] + d*out*(1-tanh*tanh)
					share[k], share[h+k] = dc*candidate*i*(1-i), dc*was*f*(1-f)
					share[2*h+k], share[3*h+k] = dc*i*(1-candidate*candidate), d*tanh*out*(1-out)
					dcell[k], dstate[k] = dc*f, 0
				}
			}
			for i := range gates {
				for k := range h {
					dstate[k] += weight[i*h+k] * back[i]
				}
			}
		})
	}
}
