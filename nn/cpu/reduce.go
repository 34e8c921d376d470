package cpu

import (
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// columnUnit is the number of columns in a unit of work.
const columnUnit = 64

// reduce runs [device.Reduce]. Its units are pieces of rows of y.
type reduce struct {
	set                *simd.Set
	x, y, index, plus  []float32
	outer, axis, inner int
	scale              float32
	// kernel reduces columns c0 ≤ c < c1 of the outer index o.
	kernel         func(w *worker, o, c0, c1 int)
	columns, grain int
	compute        part
}

var _ = register(bindReduce)

func bindReduce(b *binder, o *device.Reduce) instruction {
	n := o.Outer * o.Inner
	r := &reduce{set: b.set, x: b.memory(o.X, n*o.Axis), y: b.memory(o.Y, n), index: b.memory(o.Index, n),
		plus: b.memory(o.Plus, n), outer: o.Outer, axis: o.Axis, inner: o.Inner, scale: o.Scale}
	switch {
	case o.Reduction == device.Sum && o.Inner == 1:
		r.kernel = r.sumRow
	case o.Reduction == device.Sum:
		r.kernel = r.sumColumns
	case o.Reduction != device.Max:
		b.fail("the cpu device does not support reduction %d", int(o.Reduction))
	case o.Inner == 1:
		r.kernel = r.maxRow
	default:
		r.kernel = r.maxColumns
	}
	r.columns = ceil(o.Inner, columnUnit)
	r.grain = grain(o.Axis * min(o.Inner, columnUnit))
	r.compute = r.part
	return r
}

func (r *reduce) run(t *turn) error {
	t.split(r.outer*r.columns, r.grain, r.compute)
	return nil
}

func (r *reduce) part(w *worker, from, to int) {
	for from < to {
		o, unit := from/r.columns, from%r.columns
		end := min(r.columns, unit+to-from)
		r.kernel(w, o, unit*columnUnit, min(end*columnUnit, r.inner))
		from += end - unit
	}
}

// put writes sums to y. sum must not be y.
func (r *reduce) put(at int, sum []float32) {
	y := r.y[at : at+len(sum)]
	if r.plus == nil {
		r.set.Scale(y, sum, r.scale)
		return
	}
	if !same(r.plus, r.y) {
		copy(y, r.plus[at:])
	}
	r.set.Axpy(y, sum, r.scale)
}

// sumRow adds short pieces in float32 and then the pieces in float64, since the terms of a sum over a whole map may cancel.
func (r *reduce) sumRow(w *worker, o, _, _ int) {
	const short = 64
	x := r.x[o*r.axis:][:r.axis]
	var sum float64
	for ; len(x) > short; x = x[short:] {
		sum += float64(r.set.Sum(x[:short]))
	}
	sum += float64(r.set.Sum(x))
	w.blocks[0][0] = float32(sum)
	r.put(o, w.blocks[0][:1])
}

// sumColumns adds the columns within blocks of rows, and then the blocks, so that rounding errors of long sums stay small.
func (r *reduce) sumColumns(w *worker, o, c0, c1 int) {
	const high = 64
	eachBlock(c0, c1, func(i, j int) {
		total, sum := w.blocks[0][:j-i], w.blocks[1][:j-i]
		clear(total)
		for k := 0; k < r.axis; k += high {
			clear(sum)
			r.set.ColumnSum(sum, r.x[(o*r.axis+k)*r.inner+i:], min(high, r.axis-k), j-i, r.inner)
			r.set.Add(total, total, sum)
		}
		r.put(o*r.inner+i, total)
	})
}

func (r *reduce) maxRow(_ *worker, o, _, _ int) {
	x := r.x[o*r.axis:][:r.axis]
	best := 0
	for i, v := range x {
		if v > x[best] || v != v { // like simd.Set.Max
			best = i
		}
	}
	r.y[o], r.index[o] = x[best], float32(best)
}

func (r *reduce) maxColumns(_ *worker, o, c0, c1 int) {
	y, index := r.y[o*r.inner:][c0:c1], r.index[o*r.inner:][c0:c1]
	copy(y, r.x[o*r.axis*r.inner:][c0:c1])
	clear(index)
	for k := 1; k < r.axis; k++ {
		r.set.Max(y, index, r.x[(o*r.axis+k)*r.inner:][c0:c1], float32(k))
	}
}

// maxGrad runs [device.MaxGrad]: it scatters dy.
type maxGrad struct {
	dy, index, dx []float32
	axis, inner   int
	outer         int
	compute       part
}

var _ = register(bindMaxGrad)

func bindMaxGrad(b *binder, o *device.MaxGrad) instruction {
	n := o.Outer * o.Inner
	g := &maxGrad{dy: b.memory(o.DY, n), index: b.memory(o.Index, n), dx: b.memory(o.DX, n*o.Axis),
		outer: o.Outer, axis: o.Axis, inner: o.Inner}
	g.compute = g.part
	return g
}

func (g *maxGrad) run(t *turn) error {
	t.split(g.outer, grain(g.axis*g.inner), g.compute)
	return nil
}

func (g *maxGrad) part(_ *worker, from, to int) {
	clear(g.dx[from*g.axis*g.inner : to*g.axis*g.inner])
	for o := from; o < to; o++ {
		dx := g.dx[o*g.axis*g.inner:][:g.axis*g.inner]
		for i, d := range g.dy[o*g.inner:][:g.inner] {
			if k := int(g.index[o*g.inner+i])*g.inner + i; uint(k) < uint(len(dx)) {
				dx[k] = d
			}
		}
	}
}
