package cpu

import (
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// Samples do not depend on each other, so each worker takes some of them through all steps. A step is one product with the
// weight, which is packed once for all steps, and then one pass over the gates of each sample.

// recurrent are what both passes of a recurrent cell share. Its units are samples.
type recurrent struct {
	set  *simd.Set
	cell device.Cell
	// gates is the number of elements of a sample's gates.
	batch, steps, width, gates int
	reverse                    bool
	mask, kept                 []float32
	// product has the weight as op(B) of each step's product. If it is small enough, run packs it into panels for all steps;
	// transposed is a weight's plain form on the way.
	product            simd.Product
	panels, transposed []float32
	// state and memory, of an LSTM, are those of the samples at the current step, or their gradients.
	state, memory []float32
	compute       part
}

// mostPacked is the largest weight that is packed in memory of its own: 4 MiB. With a larger one, packing it in every step costs
// little beside the product. Tests lower it.
var mostPacked = 1 << 20

func newRecurrent(b *binder, cell device.Cell, batch, steps, width int, weight, mask, kept device.Buffer, forward bool) recurrent {
	r := recurrent{set: b.set, cell: cell, batch: batch, steps: steps, width: width, gates: cell.Gates() * width,
		mask: b.memory(mask, batch*steps), kept: b.memory(kept, 4*batch*steps*width)}
	r.product = simd.Product{N: width, K: r.gates, B: b.memory(weight, r.gates*width), LDB: width}
	if forward {
		r.product.TransB, r.product.N, r.product.K = true, r.gates, width
	}
	if n := simd.PanelsSize(r.product.N, r.product.K); n <= mostPacked {
		r.panels = make([]float32, n)
		if r.product.TransB {
			r.transposed = make([]float32, r.product.N*r.product.K)
		}
	}
	r.state = make([]float32, batch*width)
	if cell == device.LSTM {
		r.memory = make([]float32, batch*width)
	}
	return r
}

// grain returns the least number of samples that is worth calling a helper: a product of a few rows is slow.
func (r *recurrent) grain() int { return max(4, grain(r.steps*r.gates*r.width/16)) }

// run packs the weight and computes all samples.
func (r *recurrent) run(t *turn) error {
	if r.panels != nil {
		p := &r.product
		weight, ld := p.B, p.LDB
		if p.TransB {
			weight, ld = r.transposed, p.N
			r.set.Transpose(weight, ld, p.B, p.LDB, p.N, p.K)
		}
		r.set.Pack(r.panels, simd.PanelColumns*p.K, weight, ld, p.K, p.N)
	}
	t.split(r.batch, r.grain(), r.compute)
	return nil
}

// multiply computes a step's product with the weight for some rows.
func (r *recurrent) multiply(w *worker, rows int, a []float32, lda int, c []float32, ldc int, accumulate bool) {
	w.plain = r.product
	if r.panels != nil {
		w.plain.B, w.plain.LDB, w.plain.TransB, w.plain.Panels = r.panels, simd.PanelColumns*r.product.K, false, true
	}
	w.plain.M, w.plain.A, w.plain.LDA, w.plain.C, w.plain.LDC, w.plain.Accumulate = rows, a, lda, c, ldc, accumulate
	r.set.Gemm(w.gemm, &w.plain)
}

// together returns the number of samples whose gates fit into the L1 cache with the rows of the weight.
func (r *recurrent) together() int {
	const elements = 1 << 13
	return max(1, elements/r.gates/simd.TileRows) * simd.TileRows
}

// at returns the place of a sample's step among all steps.
func (r *recurrent) at(sample, step int, reverse bool) int {
	if reverse {
		step = r.steps - 1 - step
	}
	return sample*r.steps + step
}

// masked reports whether a step does not count.
func (r *recurrent) masked(at int) bool { return r.mask != nil && r.mask[at] == 0 }

// of returns a sample's units in a row-major matrix.
func (r *recurrent) of(x []float32, sample int) []float32 { return x[sample*r.width:][:r.width] }

// clear sets the states of the samples from ≤ i < to to zero.
func (r *recurrent) clear(from, to int) {
	clear(r.state[from*r.width : to*r.width])
	if r.memory != nil {
		clear(r.memory[from*r.width : to*r.width])
	}
}

// recurrentForward runs [device.Recurrent].
type recurrentForward struct {
	recurrent
	x, bias, y, before, memoryBefore []float32
	// hidden are the states' shares of the gates, and unkept those gates of the samples that no gradient needs.
	hidden, unkept []float32
}

var _ = register(bindRecurrent)

func bindRecurrent(b *binder, o *device.Recurrent) instruction {
	n := o.Batch * o.Steps * o.Width
	r := &recurrentForward{recurrent: newRecurrent(b, o.Cell, o.Batch, o.Steps, o.Width, o.Weight, o.Mask, o.Kept, true)}
	r.reverse = o.Reverse
	r.x, r.bias, r.y = b.memory(o.X, o.Cell.Gates()*n), b.memory(o.Bias, r.gates), b.memory(o.Y, n)
	r.before, r.memoryBefore = b.memory(o.Before, n), b.memory(o.CellBefore, n)
	r.hidden = make([]float32, r.batch*r.gates)
	if r.kept == nil {
		r.unkept = make([]float32, 4*r.batch*r.width)
	}
	r.compute = r.part
	return r
}

func (r *recurrentForward) part(w *worker, from, to int) {
	r.clear(from, to)
	for ; from < to; from += r.together() {
		end := min(from+r.together(), to)
		for step := range r.steps {
			r.multiply(w, end-from, r.state[from*r.width:], r.width, r.hidden[from*r.gates:], r.gates, false)
			for sample := from; sample < end; sample++ {
				r.step(sample, r.at(sample, step, r.reverse))
			}
		}
	}
}

// step computes a sample's step from its share of the gates.
func (r *recurrentForward) step(sample, at int) {
	state, y := r.of(r.state, sample), r.of(r.y, at)
	kept := r.unkept
	if r.kept != nil {
		kept = r.kept[at*4*r.width:][:4*r.width]
		copy(r.of(r.before, at), state)
	} else {
		kept = kept[sample*4*r.width:]
	}
	if r.memoryBefore != nil {
		copy(r.of(r.memoryBefore, at), r.of(r.memory, sample))
	}
	if r.masked(at) {
		clear(y)
		if r.kept != nil {
			clear(kept)
		}
		return
	}
	x, hidden := r.x[at*r.gates:][:r.gates], r.hidden[sample*r.gates:][:r.gates]
	if r.cell == device.GRU {
		r.set.Gru(state, kept, x, hidden, r.bias)
	} else {
		r.set.Lstm(state, r.of(r.memory, sample), kept, x, hidden, r.bias)
	}
	copy(y, state)
}

// recurrentGrad runs [device.RecurrentGrad]. The state and the memory are gradients.
type recurrentGrad struct {
	recurrent
	dy, dx, dhidden, before []float32
}

var _ = register(bindRecurrentGrad)

func bindRecurrentGrad(b *binder, o *device.RecurrentGrad) instruction {
	n := o.Batch * o.Steps * o.Width
	r := &recurrentGrad{recurrent: newRecurrent(b, o.Cell, o.Batch, o.Steps, o.Width, o.Weight, o.Mask, o.Kept, false)}
	r.reverse = !o.Reverse
	r.dy, r.dx, r.dhidden = b.memory(o.DY, n), b.memory(o.DX, o.Cell.Gates()*n), b.memory(o.DHidden, o.Cell.Gates()*n)
	if r.before = b.memory(o.Before, n); o.Cell == device.LSTM {
		r.before, r.dhidden = b.memory(o.CellBefore, n), r.dx
	}
	r.compute = r.part
	return r
}

func (r *recurrentGrad) part(w *worker, from, to int) {
	r.clear(from, to)
	for ; from < to; from += r.together() {
		end := min(from+r.together(), to)
		for step := range r.steps {
			for sample := from; sample < end; sample++ {
				r.step(sample, r.at(sample, step, r.reverse))
			}
			if step == r.steps-1 {
				break
			}
			first := r.at(from, step, r.reverse)
			r.multiply(w, end-from, r.dhidden[first*r.gates:], r.steps*r.gates, r.state[from*r.width:], r.width, true)
		}
	}
}

// step computes the gradient of a sample's step, but for what passes through the weight.
func (r *recurrentGrad) step(sample, at int) {
	dx, dhidden := r.dx[at*r.gates:][:r.gates], r.dhidden[at*r.gates:][:r.gates]
	if r.masked(at) {
		clear(dx)
		clear(dhidden)
		return
	}
	state := r.of(r.state, sample)
	r.set.Add(state, state, r.of(r.dy, at))
	kept, before := r.kept[at*4*r.width:][:4*r.width], r.of(r.before, at)
	if r.cell == device.GRU {
		r.set.GruGrad(state, dx, dhidden, kept, before)
	} else {
		r.set.LstmGrad(state, r.of(r.memory, sample), dx, kept, before)
	}
}
