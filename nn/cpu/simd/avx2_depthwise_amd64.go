//go:build amd64 && !purego

package simd

// panel holds 16 channels of rows first ≤ i < last of a map, densely, with zeros at both ends of each row. In the map
// itself, with all channels, cells are so far apart that they evict each other from the L1 cache.
type panel struct {
	elements    []float32
	first, last int
	width       int // of a row, in elements
}

// panelElements is the largest size of a panel that stays in the L2 cache.
const panelElements = 1 << 15

// bandRows returns the number of rows of Y whose rows of X fit into a panel, or 0 if there is no kernel for panels or most
// elements would be zeros.
func bandRows(d *Depthwise) int {
	if d.Kernel != 3 && d.Kernel != 5 || d.Channels%stripColumns != 0 || d.Width < d.Kernel {
		return 0
	}
	return max(0, panelElements/(stripColumns*(d.Width+2*d.padding()))-2*d.padding())
}

// newPanel makes room in the scratch memory for the part of X that rows from ≤ i < to of Y need, and writes the zeros.
func newPanel(w *Workspace, d *Depthwise, from, to int) panel {
	pad := d.padding()
	p := panel{first: max(from-pad, 0), last: min(to+pad, d.Height), width: stripColumns * (d.Width + 2*pad)}
	p.elements = w.b[:(p.last-p.first)*p.width]
	for row := range p.last - p.first {
		row := p.elements[row*p.width:][:p.width]
		clear(row[:stripColumns*pad])
		clear(row[p.width-stripColumns*pad:])
	}
	return p
}

// load copies 16 channels, starting at channel c.
func (p *panel) load(d *Depthwise, c int) {
	for row := p.first; row < p.last; row++ {
		x := d.X[row*d.Width*d.Channels+c:]
		_ = x[(d.Width-1)*d.Channels+stripColumns-1]
		avx2Pack16(1, d.Width, &x[0], d.Channels, &p.elements[(row-p.first)*p.width+stripColumns*d.padding()], 0)
	}
}

// row returns the first element of a row, zeros included.
func (p *panel) row(i int) *float32 { return &p.elements[(i-p.first)*p.width] }

func nativeDepthwise(w *Workspace, d *Depthwise, from, to int) {
	inBands(w, d, from, to, depthwiseBand, func(_ *Workspace, d *Depthwise, from, to int) { d.addByTaps(from, to, nativeTaps) })
}

func nativeDepthwiseGrad(w *Workspace, d *Depthwise, from, to int) {
	inBands(w, d, from, to, depthwiseGradBand, func(_ *Workspace, d *Depthwise, from, to int) { d.addGradByTaps(from, to, nativeColumnDot) })
}

// inBands calls band for bands of rows whose panel fits, or byTaps for all rows if there are no panels.
func inBands(w *Workspace, d *Depthwise, from, to int, band, byTaps func(w *Workspace, d *Depthwise, from, to int)) {
	most := bandRows(d)
	if most == 0 {
		byTaps(w, d, from, to)
		return
	}
	for ; from < to; from += most {
		band(w, d, from, min(from+most, to))
	}
}

func depthwiseBand(w *Workspace, d *Depthwise, from, to int) {
	p, places := newPanel(w, d, from, to), d.Kernel*d.Kernel
	weights, size := d.Weight[:places*d.Channels], d.Width*d.Channels
	for c := 0; c < d.Channels; c += stripColumns {
		p.load(d, c)
		avx2Pack16(1, places, &weights[c], d.Channels, &w.a[0], 0)
		for row := from; row < to; row++ {
			first, last := d.kernelRows(row)
			x, weight, y := p.row(row+first-d.padding()), &w.a[first*d.Kernel*stripColumns], &d.Y[row*size:][:size][c]
			if d.Kernel == 3 {
				avx2Depthwise3(d.Width, last-first, x, p.width, weight, y, d.Channels)
			} else {
				avx2Depthwise5(d.Width, last-first, x, p.width, weight, y, d.Channels)
			}
		}
	}
}

func depthwiseGradBand(w *Workspace, d *Depthwise, from, to int) {
	p, pad, size := newPanel(w, d, from, to), d.padding(), d.Width*d.Channels
	dy, sums := d.Y[:to*size], d.Weight[:d.Kernel*d.Kernel*d.Channels]
	for c := 0; c < d.Channels; c += stripColumns {
		p.load(d, c)
		for i := range d.Kernel {
			first, last := max(from, pad-i), min(to, d.Height+pad-i) // rows of Y for which row i of the kernel overlaps the map
			if first >= last {
				continue
			}
			x, dy, sum := p.row(first+i-pad), &dy[first*size+c], &sums[i*d.Kernel*d.Channels+c]
			if d.Kernel == 3 {
				avx2DepthwiseGrad3(d.Width, last-first, x, p.width, dy, size, d.Channels, sum, d.Channels)
			} else {
				avx2DepthwiseGrad5(d.Width, last-first, x, p.width, dy, size, d.Channels, sum, d.Channels)
			}
		}
	}
}

func nativeTaps(y, x, weight []float32, cells, channels, taps int) {
	if cells == 0 || channels == 0 || taps == 0 {
		return
	}
	y, x, weight = y[:cells*channels], x[:(cells+taps-1)*channels], weight[:taps*channels]
	n := rowsPerCall(taps * channels)
	for i := 0; i < cells; i += n {
		avx2Taps(channels, min(n, cells-i), &y[i*channels], &x[i*channels], &weight[0], taps, channels)
	}
}
