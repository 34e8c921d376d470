package cpu

import (
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// im2col runs [device.Im2Col]. Its units are rows of patches.
type im2col struct {
	x, y []float32
	device.Maps
	compute part
}

var _ = register(bindIm2Col)

func bindIm2Col(b *binder, o *device.Im2Col) instruction {
	c := &im2col{x: b.memory(o.X, o.Size()), y: b.memory(o.Y, o.Columns()), Maps: o.Maps}
	c.compute = c.part
	return c
}

func (c *im2col) run(t *turn) error {
	n := c.Batch * c.OutHeight()
	t.split(n, grain(len(c.y)/n), c.compute)
	return nil
}

func (c *im2col) part(_ *worker, from, to int) {
	across, run := c.OutWidth(), c.Kernel*c.Channels
	y := c.y[from*across*c.Kernel*run:]
	for unit := from; unit < to; unit++ {
		image, down := unit/c.OutHeight(), unit%c.OutHeight()
		for i := range across {
			for k := range c.Kernel {
				dst := y[:run]
				y = y[run:]
				clear(dst)
				if row, first, last := c.clip(down, i, k); first < last {
					left := i*c.Stride - c.Padding
					x := c.x[(image*c.Height+row)*c.Width*c.Channels:]
					copy(dst[(first-left)*c.Channels:], x[first*c.Channels:last*c.Channels])
				}
			}
		}
	}
}

// clip returns the row of the map, and the cells first ≤ x < last of it, that row k of the patch at (down, across) covers.
func (c *im2col) clip(down, across, k int) (row, first, last int) {
	row = down*c.Stride - c.Padding + k
	if row < 0 || row >= c.Height {
		return 0, 0, 0
	}
	left := across*c.Stride - c.Padding
	return row, max(left, 0), min(left+c.Kernel, c.Width)
}

// col2im runs [device.Col2Im]. Its units are rows of maps. Each row gathers its elements from the patches.
type col2im struct {
	set     *simd.Set
	cells   im2col // x is the result, y the patches
	compute part
}

var _ = register(bindCol2Im)

func bindCol2Im(b *binder, o *device.Col2Im) instruction {
	c := &col2im{set: b.set, cells: im2col{x: b.memory(o.X, o.Size()), y: b.memory(o.Y, o.Columns()), Maps: o.Maps}}
	c.compute = c.part
	return c
}

func (c *col2im) run(t *turn) error {
	n := c.cells.Batch * c.cells.Height
	t.split(n, grain(len(c.cells.y)/n), c.compute)
	return nil
}

func (c *col2im) part(_ *worker, from, to int) {
	m := &c.cells
	run, across := m.Kernel*m.Channels, m.OutWidth()
	for unit := from; unit < to; unit++ {
		image, row := unit/m.Height, unit%m.Height
		x := m.x[unit*m.Width*m.Channels:][:m.Width*m.Channels]
		clear(x)
		for k := range m.Kernel {
			top := row + m.Padding - k
			if top < 0 || top%m.Stride != 0 || top/m.Stride >= m.OutHeight() {
				continue
			}
			down := top / m.Stride
			for i := range across {
				_, first, last := m.clip(down, i, k)
				if first >= last {
					continue
				}
				left := i*m.Stride - m.Padding
				patch := m.y[(((image*m.OutHeight()+down)*across+i)*m.Kernel+k)*run:]
				dst := x[first*m.Channels : last*m.Channels]
				c.set.Add(dst, dst, patch[(first-left)*m.Channels:][:len(dst)])
			}
		}
	}
}

// depthwise runs [device.DepthwiseConv]. Its units are rows of maps.
type depthwise struct {
	set             *simd.Set
	x, weight, plus []float32
	y               []float32
	device.Maps
	flip bool
	// places holds, for each place in the kernel, the channels' weights.
	places  []float32
	compute part
}

var _ = register(bindDepthwiseConv)

func bindDepthwiseConv(b *binder, o *device.DepthwiseConv) instruction {
	places := o.Kernel * o.Kernel
	d := &depthwise{set: b.set, x: b.memory(o.X, o.Size()), weight: b.memory(o.Weight, o.Channels*places), y: b.memory(o.Y, o.Size()),
		plus: b.memory(o.Plus, o.Size()), Maps: o.Maps, flip: o.Flip}
	d.places = aligned(places * o.Channels)
	d.compute = d.part
	return d
}

func (d *depthwise) run(t *turn) error {
	places := d.Kernel * d.Kernel
	d.set.Transpose(d.places, d.Channels, d.weight, places, d.Channels, places)
	for i, j := 0, places-1; d.flip && i < j; i, j = i+1, j-1 {
		swap(d.places[i*d.Channels:][:d.Channels], d.places[j*d.Channels:][:d.Channels])
	}
	n := d.Batch * d.Height
	t.split(n, grain(d.Width*d.Channels*places/4), d.compute)
	return nil
}

func swap(a, b []float32) {
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}

func (d *depthwise) part(w *worker, from, to int) {
	eachMap(d.Maps, from, to, func(image, from, to int) {
		size := d.Width * d.Channels
		first := image * d.Height * size
		y := d.y[first+from*size : first+to*size]
		switch {
		case d.plus == nil:
			clear(y)
		case !same(d.plus, d.y):
			copy(y, d.plus[first+from*size:])
		}
		w.depthwise = convolution(d.Maps, d.x[first:], d.y[first:], d.places)
		d.set.Depthwise(w.gemm, &w.depthwise, from, to)
	})
}

// eachMap calls f for each map that has some of the rows from ≤ row < to, with these rows. from and to are counted through
// the batch.
func eachMap(m device.Maps, from, to int, f func(image, from, to int)) {
	for from < to {
		image, row := from/m.Height, from%m.Height
		end := min(m.Height, row+to-from)
		f(image, row, end)
		from += end - row
	}
}

func convolution(m device.Maps, x, y, weight []float32) simd.Depthwise {
	return simd.Depthwise{Height: m.Height, Width: m.Width, Channels: m.Channels, Kernel: m.Kernel, X: x, Y: y, Weight: weight}
}

// depthwiseGrad runs [device.DepthwiseConvGrad]: sums over slices of map rows.
type depthwiseGrad struct {
	set      *simd.Set
	x, dy    []float32
	dw, plus []float32
	rows     rowSlices
	sums     []float64 // (slices, places, channels)
	block    []float32 // like sums, for a few rows
	device.Maps
	compute part
}

var _ = register(bindDepthwiseConvGrad)

func bindDepthwiseConvGrad(b *binder, o *device.DepthwiseConvGrad) instruction {
	n := o.Channels * o.Kernel * o.Kernel
	d := &depthwiseGrad{set: b.set, x: b.memory(o.X, o.Size()), dy: b.memory(o.DY, o.Size()), dw: b.memory(o.DWeight, n),
		plus: b.memory(o.Plus, n), Maps: o.Maps, rows: sliced(o.Batch*o.Height, o.Width*o.Channels, n)}
	d.sums = make([]float64, d.rows.count*n)
	d.block = aligned(d.rows.count * n)
	d.compute = d.part
	return d
}

func (d *depthwiseGrad) run(t *turn) error {
	places := d.Kernel * d.Kernel
	t.split(d.rows.count, grain(d.rows.size*d.Width*d.Channels*places/4), d.compute)
	total := d.sums[:places*d.Channels]
	for s := 1; s < d.rows.count; s++ {
		addTo(total, d.sums[s*len(total):][:len(total)])
	}
	for c := range d.Channels {
		for place := range places {
			i := c*places + place
			sum := total[place*d.Channels+c]
			if d.plus != nil {
				sum += float64(d.plus[i])
			}
			d.dw[i] = float32(sum)
		}
	}
	return nil
}

func (d *depthwiseGrad) part(w *worker, from, to int) {
	const cells = 256 // summed in float32
	n, size := d.Channels*d.Kernel*d.Kernel, d.Width*d.Channels
	high := ceil(cells, d.Width)
	for s := from; s < to; s++ {
		sum, block := d.sums[s*n:][:n], d.block[s*n:][:n]
		clear(sum)
		first, last := d.rows.bounds(s)
		for unit := first; unit < last; unit += high {
			clear(block)
			eachMap(d.Maps, unit, min(unit+high, last), func(image, from, to int) {
				first := image * d.Height * size
				w.depthwise = convolution(d.Maps, d.x[first:], d.dy[first:], block)
				d.set.DepthwiseGrad(w.gemm, &w.depthwise, from, to)
			})
			addTo(sum, block)
		}
	}
}

// addTo adds partial sums to float64 ones.
func addTo[T float32 | float64](sum []float64, x []T) {
	sum = sum[:len(x)]
	for i, v := range x {
		sum[i] += float64(v)
	}
}
