package cpu

import (
	"mixmas/nn/cpu/simd"
	"mixmas/nn/device"
)

// convProduct runs [device.Conv] and [device.ConvInputGrad] as matrix products: the left operand is gathered from the maps a few
// rows at a time, so that it stays in the L2 cache, and the weight is packed into panels once per run. The input gradient with a
// stride is one product for each remainder of the cells by the stride, since these meet different places of the kernel.
//
// The bits of a result do not depend on the number of workers: a row has the same sums in every block.
type convProduct struct {
	set    *simd.Set
	phases []phase
	// out is the number of columns of the result.
	out             int
	weight          []float32
	bias, pre, plus []float32
	y               []float32
	activate        func(y, x []float32)
	// kernel is the number of places of the kernel; turned has, for each of them, the weight as (device.Windows.Out, Channels).
	kernel int
	turned []float32
	// toInput is set if the product goes from the result to the input.
	toInput bool
	// bare is set if there is no epilogue.
	bare bool
}

// phase is one of the products.
type phase struct {
	*convProduct
	unfolding
	// panels are the weight's: op(B) of the product.
	panels []float32
	// Row (map, i, j) of the product is cell map·area + first + i·lineStep + j·cellStep of the result.
	area, first, lineStep, cellStep int
	high                            int // rows of a block
	compute                         part
}

var (
	_ = register(bindConv)
	_ = register(bindConvInputGrad)
)

func bindConv(b *binder, o *device.Conv) instruction {
	c := &convProduct{set: b.set, out: o.Out, kernel: o.Places(), weight: b.memory(o.Weight, o.WeightSize()), bias: b.memory(o.Bias, o.Out),
		pre: b.memory(o.Pre, o.OutSize()), plus: b.memory(o.Plus, o.OutSize()), y: b.memory(o.Y, o.OutSize())}
	c.activate, _ = functions(b, o.Activation)
	c.add(unfold(b.memory(o.X, o.InSize()), &o.Windows), phase{area: o.OutHeight() * o.OutWidth(), lineStep: o.OutWidth(), cellStep: 1})
	return c.prepared()
}

// unfold returns the unfolding of the maps of a convolution, with all places of its kernel.
func unfold(x []float32, w *device.Windows) unfolding {
	g := unfolding{x: x, height: w.Height, width: w.Width, channels: w.Channels, down: w.OutHeight(), across: w.OutWidth(), step: w.Stride}
	var places []place
	for i := range w.Kernel[0] {
		for j := range w.Kernel[1] {
			places = append(places, place{i*w.Dilation[0] - w.Padding[0], j*w.Dilation[1] - w.Padding[1], i*w.Kernel[1] + j})
		}
	}
	g.at(places)
	return g
}

func bindConvInputGrad(b *binder, o *device.ConvInputGrad) instruction {
	c := &convProduct{set: b.set, out: o.Channels, kernel: o.Places(), toInput: true, weight: b.memory(o.Weight, o.WeightSize()),
		plus: b.memory(o.Plus, o.InSize()), y: b.memory(o.DX, o.InSize())}
	dy := b.memory(o.DY, o.OutSize())
	down, across := remainders(&o.Windows, 0, o.Height), remainders(&o.Windows, 1, o.Width)
	for _, d := range down {
		for _, a := range across {
			g := unfolding{x: dy, height: o.OutHeight(), width: o.OutWidth(), channels: o.Out, step: [2]int{1, 1}, down: d.cells, across: a.cells}
			var places []place
			for _, i := range d.distances {
				for _, j := range a.distances {
					places = append(places, place{i.cells, j.cells, i.place*o.Kernel[1] + j.place})
				}
			}
			g.at(places)
			c.add(g, phase{area: o.Height * o.Width, first: d.first*o.Width + a.first, lineStep: o.Stride[0] * o.Width, cellStep: o.Stride[1]})
		}
	}
	return c.prepared()
}

// remainder are the cells of an axis with the same remainder by the stride, from first on, and the distances of the results whose
// kernel covers them.
type remainder struct {
	first, cells int
	distances    []distance
}

// distance is the distance in cells of a result, and the place of its kernel that covers the cell.
type distance struct{ cells, place int }

func remainders(w *device.Windows, axis, n int) []remainder {
	var list []remainder
	stride := w.Stride[axis]
	for first := range min(stride, n) {
		r := remainder{first: first, cells: ceil(n-first, stride)}
		for place := w.Kernel[axis] - 1; place >= 0; place-- {
			from := first + w.Padding[axis] - place*w.Dilation[axis]
			if from%stride == 0 {
				r.distances = append(r.distances, distance{from / stride, place})
			}
		}
		list = append(list, r)
	}
	return list
}

// convRows bounds the elements of the gathered rows of a block, convOut those of the product's block.
const convRows, convOut = tileSize / 8 * 5, tileSize / 8 * 3

// add adds a product.
func (c *convProduct) add(g unfolding, p phase) {
	p.convProduct, p.unfolding = c, g
	p.panels = aligned(ceil(c.out, simd.PanelColumns) * simd.PanelColumns * g.columns())
	const kept = 1 << 16 // elements of a block that stay in the L2 cache
	high := kept / max(g.columns(), 1)
	p.high = max(rowUnit, min(high, kept/min(c.out, blockSize))/rowUnit*rowUnit)
	c.phases = append(c.phases, p)
}

// prepared completes the phases.
func (c *convProduct) prepared() *convProduct {
	c.bare = c.bias == nil && c.activate == nil && c.pre == nil && c.plus == nil
	c.turned = c.weight
	if c.kernel > 1 {
		c.turned = aligned(len(c.weight))
	}
	for i := range c.phases {
		c.phases[i].compute = c.phases[i].part
	}
	return c
}

func (c *convProduct) run(t *turn) error {
	if c.kernel > 1 {
		n := len(c.weight) / c.kernel
		c.set.Transpose(c.turned, n, c.weight, c.kernel, n, c.kernel)
	}
	for i := range c.phases {
		p := &c.phases[i]
		p.pack()
		rows := len(c.y) / c.out / p.area * p.down * p.across
		t.split(ceil(rows, rowUnit), grain(rowUnit*c.out*max(p.columns(), 16)/16), p.compute)
	}
	return nil
}

// pack packs the weight: row (place, channel) and column out of op(B).
func (p *phase) pack() {
	stride := simd.PanelColumns * p.columns()
	for i, place := range p.places {
		w := p.turned[place.weight*p.channels*p.out:][:p.channels*p.out]
		to := p.panels[i*p.channels*simd.PanelColumns:]
		if p.toInput {
			p.set.Pack(to, stride, w, p.out, p.channels, p.out)
			continue
		}
		for j := 0; j < p.out; j += simd.PanelColumns {
			p.set.Transpose(to[j/simd.PanelColumns*stride:], simd.PanelColumns, w[j*p.channels:], p.channels, min(simd.PanelColumns, p.out-j), p.channels)
		}
	}
}

// part computes row units.
func (p *phase) part(w *worker, from, to int) {
	last := min(to*rowUnit, len(p.y)/p.out/p.area*p.down*p.across)
	for i := from * rowUnit; i < last; i += p.high {
		p.block(w, i, min(i+p.high, last))
	}
}

// block computes rows i0 ≤ i < i1.
func (p *phase) block(w *worker, i0, i1 int) {
	k, n := p.columns(), i1-i0
	wide := max(simd.PanelColumns, min(p.out, convOut/n)/simd.PanelColumns*simd.PanelColumns)
	if wide > p.out || n*p.out <= convOut {
		wide = p.out
	}
	deep := k
	if n*k > convRows {
		deep = max(convRows/n/convDepth*convDepth, convDepth)
	}
	gathered := false
	for j := 0; j < p.out; j += wide {
		columns := min(wide, p.out-j)
		c, ldc := w.tile[convRows:][:n*columns], columns
		direct := p.bare && p.cellStep == 1 && p.lineStep == p.across && p.area == p.down*p.across
		if direct {
			c, ldc = p.y[i0*p.out+j:], p.out
		}
		if k == 0 {
			clear(c[:n*columns])
		}
		for k0 := 0; k0 < k; k0 += deep {
			steps := min(deep, k-k0)
			q := &w.plain
			*q = simd.Product{M: n, N: columns, K: steps, LDA: steps, A: w.tile, C: c, LDC: ldc, Accumulate: k0 > 0,
				Panels: true, B: p.panels[j*k+k0*simd.PanelColumns:], LDB: simd.PanelColumns * k}
			switch {
			case p.plain():
				q.A, q.LDA = p.x[i0*k+k0:], k
			case p.channels == 1 && p.step[1] == 1 && deep == k:
				if q.TransA, q.LDA = true, n; !gathered {
					p.unfolding.transposed(w.tile, n, i0, i1)
				}
			case !gathered || deep < k:
				p.rows(w.tile, steps, i0, i1, k0, k0+steps)
			}
			gathered = true
			p.set.Gemm(w.gemm, q)
		}
		if !direct {
			p.finish(c, i0, i1, j, columns)
		}
	}
}

// convDepth is a multiple of the steps that all sets add together: if longer sums are divided at multiples of it, bits stay.
const convDepth = 256

// finish turns rows i0 ≤ i < i1 and columns j ≤ c < j+columns of the product into the result.
func (p *phase) finish(c []float32, i0, i1, j, columns int) {
	for i := i0; i < i1; {
		line, first := i/p.across, i%p.across
		cells := min(p.across-first, i1-i)
		at := (line/p.down*p.area+p.first+line%p.down*p.lineStep+first*p.cellStep)*p.out + j
		if p.bias != nil {
			for k := range cells {
				row := c[(i-i0+k)*columns:][:columns]
				p.set.Add(row, row, p.bias[j:j+columns])
			}
		}
		if p.cellStep == 1 && columns == p.out {
			p.put(c[(i-i0)*columns:][:cells*columns], at)
		} else {
			for k := range cells {
				p.put(c[(i-i0+k)*columns:][:columns], at+k*p.cellStep*p.out)
			}
		}
		i += cells
	}
}

// put finishes elements that follow each other in the result.
func (p *phase) put(c []float32, at int) {
	y := p.y[at : at+len(c)]
	if p.pre != nil {
		copy(p.pre[at:], c)
	}
	if p.activate != nil {
		p.activate(c, c)
	}
	if p.plus != nil {
		p.set.Add(y, c, p.plus[at:at+len(c)])
	} else {
		copy(y, c)
	}
}
