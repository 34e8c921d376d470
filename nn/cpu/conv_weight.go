package cpu

import (
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// convWeightGrad runs [device.ConvWeightGrad]: dyᵀ times what the places of the kernel cover of the maps, which is packed into
// the panels of the product on the way. Its units are panels of columns, so that each worker gathers only its own columns. With
// one channel the columns are few, and the product is computed transposed.
type convWeightGrad struct {
	unfolding
	set          *simd.Set
	dy, dw, plus []float32
	out, total   int
	flipped      bool
	// sums is (out, places, channels), or (places, out) if flipped; row is one output's weight.
	sums, row []float32
	compute   part
}

var _ = register(bindConvWeightGrad)

func bindConvWeightGrad(b *binder, o *device.ConvWeightGrad) instruction {
	c := &convWeightGrad{unfolding: unfold(b.memory(o.X, o.InSize()), &o.Windows), set: b.set, out: o.Out, dy: b.memory(o.DY, o.OutSize()),
		dw: b.memory(o.DWeight, o.WeightSize()), plus: b.memory(o.Plus, o.WeightSize()), sums: aligned(o.WeightSize())}
	c.row = aligned(c.columns())
	c.total = o.OutSize() / o.Out
	c.flipped = o.Channels == 1 && o.Stride[1] == 1 && c.columns() <= 64
	c.compute = c.part
	if c.flipped {
		c.compute = c.partFlipped
	}
	return c
}

func (c *convWeightGrad) run(t *turn) error {
	n := c.columns()
	if c.flipped {
		n = c.out
	}
	t.split(ceil(n, simd.PanelColumns), grain(c.total*len(c.sums)/n), c.compute)
	k := c.columns()
	for o := range c.out {
		row, dw := c.row, c.dw[o*k:][:k]
		switch {
		case c.flipped:
			for i := range row {
				row[i] = c.sums[i*c.out+o]
			}
		case c.channels == 1 || len(c.places) == 1:
			row = c.sums[o*k:][:k]
		default:
			c.set.Transpose(row, len(c.places), c.sums[o*k:], c.channels, len(c.places), c.channels)
		}
		if c.plus != nil {
			c.set.Add(dw, row, c.plus[o*k:][:k])
		} else {
			copy(dw, row)
		}
	}
	return nil
}

// part computes panels of columns of the sums.
func (c *convWeightGrad) part(w *worker, from, to int) {
	last := min(to*simd.PanelColumns, c.columns())
	packed := c.channels%simd.PanelColumns == 0
	for j := from * simd.PanelColumns; j < last; {
		wide := min(last-j, tileSize/convDepth)
		high := max(tileSize/4/wide/convDepth, 1) * convDepth
		for i := 0; i < c.total; i += high {
			n := min(high, c.total-i)
			q := &w.plain
			*q = simd.Product{TransA: true, M: c.out, N: wide, K: n, A: c.dy[i*c.out:], LDA: c.out, B: w.tile, C: c.sums[j:], LDC: c.columns(), Accumulate: i > 0}
			switch {
			case c.plain():
				q.B, q.LDB = c.x[i*c.channels+j:], c.channels
			case packed:
				q.Panels, q.LDB = true, simd.PanelColumns*n
				c.panels(c.set, w.tile, q.LDB, i, i+n, j, j+wide)
			default:
				q.LDB = wide
				c.rows(w.tile, wide, i, i+n, j, j+wide)
			}
			c.set.Gemm(w.gemm, q)
		}
		j += wide
	}
}

// partFlipped computes columns of the outputs for all places.
func (c *convWeightGrad) partFlipped(w *worker, from, to int) {
	j, last := from*simd.PanelColumns, min(to*simd.PanelColumns, c.out)
	k := c.columns()
	high := max(tileSize/8/k/convDepth, 1) * convDepth
	for i := 0; i < c.total; i += high {
		n := min(high, c.total-i)
		c.transposed(w.tile, n, i, i+n)
		q := &w.plain
		*q = simd.Product{M: k, N: last - j, K: n, A: w.tile, LDA: n, B: c.dy[i*c.out+j:], LDB: c.out, C: c.sums[j:], LDC: c.out, Accumulate: i > 0}
		c.set.Gemm(w.gemm, q)
	}
}
