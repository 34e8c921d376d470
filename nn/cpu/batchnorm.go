package cpu

import (
	"math"

	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// channels sums over the channels of maps (outer, channels, inner). If inner is 1 (channels-last maps), the outer rows are
// cut into slices. Otherwise one worker sums a channel.
type channels struct {
	set                    *simd.Set
	outer, channels, inner int
	rows                   rowSlices
	// sums holds one sum per channel for each slice; block holds the sums of a few rows, which are added to them.
	sums  []float64
	block []float32
}

func newChannels(b *binder, outer, count, inner int) channels {
	c := channels{set: b.set, outer: outer, channels: count, inner: inner, rows: rowSlices{count: 1}}
	if inner == 1 {
		c.rows = sliced(outer, count, count)
	}
	c.sums, c.block = make([]float64, c.rows.count*count), aligned(c.rows.count*count)
	return c
}

// size returns the number of elements of a channel.
func (c *channels) size() int { return c.outer * c.inner }

// sum distributes the computation of one sum per channel, and adds the slices' sums to those of the first slice.
func (c *channels) sum(t *turn, f part) {
	if c.inner == 1 {
		t.split(c.rows.count, grain(c.rows.size*c.channels), f)
	} else {
		t.split(c.channels, grain(c.size()), f)
	}
	total := c.sums[:c.channels]
	for s := 1; s < c.rows.count; s++ {
		addTo(total, c.sums[s*c.channels:][:c.channels])
	}
}

// add computes the sums of some units. columns adds rows i ≤ r < j to one sum per channel. If inner is above 1, elements
// returns the sum over elements k ≤ e < m of a channel.
func (c *channels) add(from, to int, columns func(sum []float32, i, j int), elements func(channel, k, m int) float32) {
	if c.inner == 1 {
		for s := from; s < to; s++ {
			first, last := c.rows.bounds(s)
			sums := c.sums[s*c.channels:][:c.channels]
			clear(sums)
			addRows(sums, c.block[s*c.channels:][:c.channels], first, last, columns)
		}
		return
	}
	for channel := from; channel < to; channel++ {
		sum := 0.0
		for o := range c.outer {
			row := (o*c.channels + channel) * c.inner
			eachBlock(row, row+c.inner, func(k, m int) { sum += float64(elements(channel, k, m)) })
		}
		c.sums[channel] = sum
	}
}

// apply distributes an elementwise computation. Its units are rows over the channels, or, if inner is above 1, rows of one
// channel.
func (c *channels) apply(t *turn, f part) {
	if c.inner == 1 {
		t.split(c.outer, grain(c.channels), f)
	} else {
		t.split(c.outer*c.channels, grain(c.inner), f)
	}
}

// addRows adds the columns of rows from ≤ i < to of a matrix to sum. f adds a few rows to a block in float32, and the
// blocks are added in float64.
func addRows(sum []float64, block []float32, from, to int, f func(block []float32, i, j int)) {
	const few = 16
	for i := from; i < to; i += few {
		clear(block)
		f(block, i, min(i+few, to))
		addTo(sum, block)
	}
}

// batchNorm runs [device.BatchNorm].
type batchNorm struct {
	channels
	o                            *device.BatchNorm
	x, weight, bias, y           []float32
	mean, rstd                   []float32
	runningMean, runningVariance []float32
	// y = (x-mean) gain + bias
	gain []float32

	sumMean, sumSquares, normalise part
}

var _ = register(bindBatchNorm)

func bindBatchNorm(b *binder, o *device.BatchNorm) instruction {
	n, c := o.Outer*o.Channels*o.Inner, o.Channels
	l := &batchNorm{channels: newChannels(b, o.Outer, c, o.Inner), o: o, x: b.memory(o.X, n), weight: b.memory(o.Weight, c),
		bias: b.memory(o.Bias, c), y: b.memory(o.Y, n), runningMean: b.memory(o.RunningMean, c),
		runningVariance: b.memory(o.RunningVariance, c)}
	statistics := b.memory(o.Statistics, 2*c)
	if statistics == nil {
		statistics = make([]float32, 2*c)
	}
	l.mean, l.rstd = statistics[:c], statistics[c:]
	l.gain = aligned(c)
	l.sumMean, l.sumSquares, l.normalise = l.partMean, l.partSquares, l.partNormalise
	return l
}

func (l *batchNorm) run(t *turn) error {
	if l.o.Train {
		l.statistics(t)
	} else {
		for c, v := range l.runningVariance {
			l.mean[c], l.rstd[c] = l.runningMean[c], float32(1/math.Sqrt(float64(v)+l.o.Eps))
		}
	}
	l.set.Mul(l.gain, l.rstd, l.weight)
	l.apply(t, l.normalise)
	return nil
}

// statistics computes the batch's statistics and updates the running ones.
func (l *batchNorm) statistics(t *turn) {
	n := float64(l.size())
	l.sum(t, l.sumMean)
	for c, sum := range l.sums[:l.o.Channels] {
		l.mean[c] = float32(sum / n)
		l.runningMean[c] = float32((1-l.o.Momentum)*float64(l.runningMean[c]) + l.o.Momentum*sum/n)
	}
	l.sum(t, l.sumSquares)
	for c, sum := range l.sums[:l.o.Channels] {
		l.rstd[c] = float32(1 / math.Sqrt(sum/n+l.o.Eps))
		l.runningVariance[c] = float32((1-l.o.Momentum)*float64(l.runningVariance[c]) + l.o.Momentum*sum/(n-1))
	}
}

func (l *batchNorm) partMean(_ *worker, from, to int) {
	width := l.o.Channels
	l.add(from, to,
		func(sum []float32, i, j int) { l.set.ColumnSum(sum, l.x[i*width:j*width], j-i, width, width) },
		func(_, k, m int) float32 { return l.set.Sum(l.x[k:m]) })
}

func (l *batchNorm) partSquares(w *worker, from, to int) {
	width := l.o.Channels
	l.add(from, to,
		func(sum []float32, i, j int) {
			l.set.ColumnSquares(sum, l.x[i*width:j*width], l.mean, j-i, width, width)
		},
		func(c, k, m int) float32 {
			deviation := w.blocks[0][:m-k]
			l.set.AddScalar(deviation, l.x[k:m], -l.mean[c])
			return l.set.Dot(deviation, deviation)
		})
}

func (l *batchNorm) partNormalise(_ *worker, from, to int) {
	if l.inner == 1 {
		i, j := from*l.o.Channels, to*l.o.Channels
		l.set.Normalise(l.y[i:j], l.x[i:j], l.mean, l.gain, l.bias, to-from, l.o.Channels)
		return
	}
	for row := from; row < to; row++ {
		c := row % l.o.Channels
		y := l.y[row*l.inner:][:l.inner]
		l.set.AddScalar(y, l.x[row*l.inner:][:l.inner], -l.mean[c])
		l.set.Scale(y, y, l.gain[c])
		l.set.AddScalar(y, y, l.bias[c])
	}
}

// batchNormGrad runs [device.BatchNormGrad].
type batchNormGrad struct {
	channels
	o                    *device.BatchNormGrad
	x, weight, dy        []float32
	mean, rstd           []float32
	dx, plus             []float32
	dweight, dbias       []float32
	plusWeight, plusBias []float32
	// dx = (x-mean) slope + dy factor + shift
	factor, slope, shift []float32

	sumBias, sumWeight, distribute part
}

var _ = register(bindBatchNormGrad)

func bindBatchNormGrad(b *binder, o *device.BatchNormGrad) instruction {
	n, c := o.Outer*o.Channels*o.Inner, o.Channels
	g := &batchNormGrad{channels: newChannels(b, o.Outer, c, o.Inner), o: o, x: b.memory(o.X, n), weight: b.memory(o.Weight, c),
		dy: b.memory(o.DY, n), dx: b.memory(o.DX, n), plus: b.memory(o.Plus, n),
		dweight: b.memory(o.DWeight, c), dbias: b.memory(o.DBias, c),
		plusWeight: b.memory(o.PlusWeight, c), plusBias: b.memory(o.PlusBias, c)}
	statistics := b.memory(o.Statistics, 2*c)
	g.mean, g.rstd = statistics[:c], statistics[c:]
	g.factor, g.slope, g.shift = aligned(c), aligned(c), aligned(c)
	g.sumBias, g.sumWeight, g.distribute = g.partBias, g.partWeight, g.partDistribute
	return g
}

func (g *batchNormGrad) run(t *turn) error {
	n := float64(g.size())
	g.sum(t, g.sumBias)
	for c, sum := range g.sums[:g.o.Channels] {
		g.factor[c] = g.weight[c] * g.rstd[c]
		g.shift[c] = -g.factor[c] * float32(sum/n)
		if g.dbias != nil {
			g.dbias[c] = float32(sum + at(g.plusBias, c))
		}
	}
	g.sum(t, g.sumWeight)
	for c, sum := range g.sums[:g.o.Channels] {
		rstd := float64(g.rstd[c])
		g.slope[c] = -g.factor[c] * float32(rstd*rstd*sum/n)
		if g.dweight != nil {
			g.dweight[c] = float32(sum*rstd + at(g.plusWeight, c))
		}
	}
	if g.dx == nil {
		return nil
	}
	g.apply(t, g.distribute)
	return nil
}

// at returns element i, or 0 if the slice is absent.
func at(x []float32, i int) float64 {
	if x == nil {
		return 0
	}
	return float64(x[i])
}

func (g *batchNormGrad) partBias(_ *worker, from, to int) {
	width := g.o.Channels
	g.add(from, to,
		func(sum []float32, i, j int) { g.set.ColumnSum(sum, g.dy[i*width:j*width], j-i, width, width) },
		func(_, k, m int) float32 { return g.set.Sum(g.dy[k:m]) })
}

func (g *batchNormGrad) partWeight(w *worker, from, to int) {
	width := g.o.Channels
	g.add(from, to,
		func(sum []float32, i, j int) {
			g.set.ColumnDot(sum, g.x[i*width:j*width], g.mean, g.dy[i*width:j*width], j-i, width)
		},
		func(c, k, m int) float32 {
			deviation := w.blocks[0][:m-k]
			g.set.AddScalar(deviation, g.x[k:m], -g.mean[c])
			return g.set.Dot(deviation, g.dy[k:m])
		})
}

func (g *batchNormGrad) partDistribute(w *worker, from, to int) {
	if g.inner == 1 {
		width := g.o.Channels
		few := max(1, blockSize/width)
		for row := from; row < to; row += few {
			i, j := row*width, min(row+few, to)*width
			if g.o.Train {
				g.set.NormaliseGrad(g.dx[i:j], g.x[i:j], g.dy[i:j], g.mean, g.slope, g.factor, g.shift, (j-i)/width, width)
			} else {
				for k := i; k < j; k += width {
					g.set.Mul(g.dx[k:k+width], g.dy[k:k+width], g.factor)
				}
			}
			g.addPlus(i, j)
		}
		return
	}
	for row := from; row < to; row++ {
		c := row % g.o.Channels
		i, j := row*g.inner, (row+1)*g.inner
		dx, dy := g.dx[i:j], g.dy[i:j]
		if g.o.Train {
			g.set.AddScalar(dx, g.x[i:j], -g.mean[c])
			g.set.Scale(dx, dx, g.slope[c])
			g.set.Axpy(dx, dy, g.factor[c])
			g.set.AddScalar(dx, dx, g.shift[c])
		} else {
			g.set.Scale(dx, dy, g.factor[c])
		}
		g.addPlus(i, j)
	}
}

func (g *batchNormGrad) addPlus(i, j int) {
	if g.plus != nil {
		g.set.Add(g.dx[i:j], g.dx[i:j], g.plus[i:j])
	}
}
