package cpu

import (
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// layerNorm runs [device.LayerNorm].
type layerNorm struct {
	set                *simd.Set
	x, weight, bias, y []float32
	mean, rstd         []float32 // nil if they are not needed
	rows, width        int
	eps                float32
	compute            part
}

var _ = register(bindLayerNorm)

func bindLayerNorm(b *binder, o *device.LayerNorm) instruction {
	n := o.Rows * o.Width
	l := &layerNorm{set: b.set, x: b.memory(o.X, n), weight: b.memory(o.Weight, o.Width),
		bias: b.memory(o.Bias, o.Width), y: b.memory(o.Y, n), rows: o.Rows, width: o.Width, eps: float32(o.Eps)}
	if s := b.memory(o.Statistics, 2*o.Rows); s != nil {
		l.mean, l.rstd = s[:o.Rows], s[o.Rows:]
	}
	l.compute = l.part
	return l
}

func (l *layerNorm) run(t *turn) error {
	t.split(l.rows, grain(l.width), l.compute)
	return nil
}

func (l *layerNorm) part(w *worker, from, to int) {
	eachRows(from, to, func(i, j int) {
		mean, rstd := w.blocks[0][:j-i], w.blocks[1][:j-i]
		if l.mean != nil {
			mean, rstd = l.mean[i:j], l.rstd[i:j]
		}
		k, m := i*l.width, j*l.width
		l.set.LayerNorm(l.y[k:m], l.x[k:m], l.weight, l.bias, mean, rstd, j-i, l.width, l.eps)
	})
}

const fewRows = 64

// eachRows calls f for the rows from ≤ i < to, a few at a time. This keeps float32 sums over rows short, and also calls of
// assembly, which cannot be preempted.
func eachRows(from, to int, f func(i, j int)) {
	for i := from; i < to; i += fewRows {
		f(i, min(i+fewRows, to))
	}
}

// layerNormGrad runs [device.LayerNormGrad]. The gradients of weight and bias are sums over slices of rows.
type layerNormGrad struct {
	set                       *simd.Set
	x, weight, mean, rstd, dy []float32
	dx, plus                  []float32
	dweight, dbias            []float32
	plusWeight, plusBias      []float32
	rows                      rowSlices
	width                     int
	dweights, dbiases         []float32 // the sums of each slice, a row of width
	unwanted                  []float32 // room for each slice's gradient of x, if it is not needed
	blockWeight, blockBias    []float32 // the sums of a few rows of each slice, a row of width
	compute                   part
}

var _ = register(bindLayerNormGrad)

func bindLayerNormGrad(b *binder, o *device.LayerNormGrad) instruction {
	n := o.Rows * o.Width
	l := &layerNormGrad{set: b.set, x: b.memory(o.X, n), weight: b.memory(o.Weight, o.Width), dy: b.memory(o.DY, n),
		dx: b.memory(o.DX, n), dweight: b.memory(o.DWeight, o.Width), dbias: b.memory(o.DBias, o.Width),
		plus: b.memory(o.Plus, n), plusWeight: b.memory(o.PlusWeight, o.Width),
		plusBias: b.memory(o.PlusBias, o.Width), width: o.Width}
	s := b.memory(o.Statistics, 2*o.Rows)
	l.mean, l.rstd = s[:o.Rows], s[o.Rows:]
	l.rows = sliced(o.Rows, o.Width, o.Width)
	scratch := aligned(4 * l.rows.count * o.Width)
	for _, p := range []*[]float32{&l.dweights, &l.dbiases, &l.blockWeight, &l.blockBias} {
		*p, scratch = scratch[:l.rows.count*o.Width], scratch[l.rows.count*o.Width:]
	}
	if l.dx == nil {
		l.unwanted = aligned(l.rows.count * fewRows * o.Width)
	}
	l.compute = l.part
	return l
}

func (l *layerNormGrad) run(t *turn) error {
	t.split(l.rows.count, grain(l.rows.size*l.width), l.compute)
	addSlices(l.set, l.dweight, l.plusWeight, l.dweights)
	addSlices(l.set, l.dbias, l.plusBias, l.dbiases)
	return nil
}

func (l *layerNormGrad) part(_ *worker, from, to int) {
	for s := from; s < to; s++ {
		of := func(all []float32) []float32 { return all[s*l.width:][:l.width] }
		dweight, dbias, blockWeight, blockBias := of(l.dweights), of(l.dbiases), of(l.blockWeight), of(l.blockBias)
		clear(dweight)
		clear(dbias)
		first, last := l.rows.bounds(s)
		eachRows(first, last, func(i, j int) {
			clear(blockWeight)
			clear(blockBias)
			k, m := i*l.width, j*l.width
			dx, plus := l.dx, l.plus
			if dx == nil {
				dx = l.unwanted[s*fewRows*l.width:][:m-k]
			} else {
				dx = dx[k:m]
			}
			if plus != nil {
				plus = plus[k:m]
			}
			l.set.LayerNormGrad(dx, l.x[k:m], l.dy[k:m], l.weight, l.mean[i:j], l.rstd[i:j], plus, blockWeight, blockBias, j-i, l.width)
			l.set.Add(dweight, dweight, blockWeight)
			l.set.Add(dbias, dbias, blockBias)
		})
	}
}

// addSlices adds partial sums to y in slice order: y = plus + Σ partial, where plus may be absent or y itself,
// and y may be absent.
func addSlices(set *simd.Set, y, plus, partial []float32) {
	switch {
	case y == nil:
		return
	case plus == nil:
		clear(y)
	case !same(y, plus):
		copy(y, plus)
	}
	for ; len(partial) > 0; partial = partial[len(y):] {
		set.Add(y, y, partial[:len(y)])
	}
}
