package reference

import "mixmas/nn/device"

// windows visits all products of a convolution: output element, input element, and weight element.
func windows(w *device.Windows, visit func(out, in, weight int)) {
	for b := range w.Batch {
		for oy := range w.OutHeight() {
			for ox := range w.OutWidth() {
				for ky := range w.Kernel[0] {
					for kx := range w.Kernel[1] {
						y := oy*w.Stride[0] + ky*w.Dilation[0] - w.Padding[0]
						x := ox*w.Stride[1] + kx*w.Dilation[1] - w.Padding[1]
						if y < 0 || y >= w.Height || x < 0 || x >= w.Width {
							continue
						}
						for o := range w.Out {
							for c := range w.Channels {
								visit(((b*w.OutHeight()+oy)*w.OutWidth()+ox)*w.Out+o, ((b*w.Height+y)*w.Width+x)*w.Channels+c,
									((o*w.Channels+c)*w.Kernel[0]+ky)*w.Kernel[1]+kx)
							}
						}
					}
				}
			}
		}
	}
}

var _ = device.On(&operations, func(r *Runner, o *device.Conv) {
	x, weight, y := r.rounded(o.X), r.rounded(o.Weight), r.Values(o.Y)
	bias, plus, pre := r.Values(o.Bias), r.Values(o.Plus), r.Values(o.Pre)
	p := make([]float64, o.OutSize())
	windows(&o.Windows, func(out, in, w int) { p[out] += x[in] * weight[w] })
	for i := range p {
		if bias != nil {
			p[i] += bias[i%o.Out]
		}
		if pre != nil {
			pre[i] = p[i]
		}
		y[i] = added(plus, i) + activate(o.Activation, p[i])
	}
})

var _ = device.On(&operations, func(r *Runner, o *device.ConvInputGrad) {
	dy, weight, dx, plus := r.rounded(o.DY), r.rounded(o.Weight), r.Values(o.DX), r.Values(o.Plus)
	for i := range o.InSize() {
		dx[i] = added(plus, i)
	}
	windows(&o.Windows, func(out, in, w int) { dx[in] += dy[out] * weight[w] })
})

var _ = device.On(&operations, func(r *Runner, o *device.ConvWeightGrad) {
	x, dy, dw, plus := r.rounded(o.X), r.rounded(o.DY), r.Values(o.DWeight), r.Values(o.Plus)
	for i := range o.WeightSize() {
		dw[i] = added(plus, i)
	}
	windows(&o.Windows, func(out, in, w int) { dw[w] += x[in] * dy[out] })
})

var _ = device.On(&operations, func(r *Runner, o *device.Im2Col) {
	r.im2Col(o.Maps, func(map_, column int) { r.Values(o.Y)[column] = at(r.Values(o.X), map_) })
})

var _ = device.On(&operations, func(r *Runner, o *device.Col2Im) {
	x, y := r.Values(o.X), r.Values(o.Y)
	clear(x)
	r.im2Col(o.Maps, func(map_, column int) {
		if map_ >= 0 {
			x[map_] += y[column]
		}
	})
})

// im2Col pairs each element of the patches with its element of the maps; the index is negative outside the map.
func (r *Runner) im2Col(m device.Maps, pair func(map_, column int)) {
	column := 0
	for b := range m.Batch {
		for oy := range m.OutHeight() {
			for ox := range m.OutWidth() {
				for ky := range m.Kernel {
					for kx := range m.Kernel {
						for c := range m.Channels {
							pair(cell(m, b, oy*m.Stride+ky-m.Padding, ox*m.Stride+kx-m.Padding, c), column)
							column++
						}
					}
				}
			}
		}
	}
}

// cell returns the index of an element of the maps, negative outside of them.
func cell(m device.Maps, b, y, x, c int) int {
	if y < 0 || y >= m.Height || x < 0 || x >= m.Width {
		return -1
	}
	return ((b*m.Height+y)*m.Width+x)*m.Channels + c
}

// taps visits all products of a depthwise convolution: output element, input element, and weight element.
func taps(m device.Maps, flip bool, visit func(out, in, weight int)) {
	for b := range m.Batch {
		for y := range m.Height {
			for x := range m.Width {
				for c := range m.Channels {
					for ky := range m.Kernel {
						for kx := range m.Kernel {
							in := cell(m, b, y+ky-m.Padding, x+kx-m.Padding, c)
							tap := ky*m.Kernel + kx
							if flip {
								tap = m.Kernel*m.Kernel - 1 - tap
							}
							if in >= 0 {
								visit(cell(m, b, y, x, c), in, c*m.Kernel*m.Kernel+tap)
							}
						}
					}
				}
			}
		}
	}
}

var _ = device.On(&operations, (*Runner).depthwise)

func (r *Runner) depthwise(o *device.DepthwiseConv) {
	x, w, y, plus := r.Values(o.X), r.Values(o.Weight), r.Values(o.Y), r.Values(o.Plus)
	for i := range o.Size() {
		y[i] = added(plus, i)
	}
	taps(o.Maps, o.Flip, func(out, in, weight int) { y[out] += x[in] * w[weight] })
}

var _ = device.On(&operations, (*Runner).depthwiseGrad)

func (r *Runner) depthwiseGrad(o *device.DepthwiseConvGrad) {
	x, dy, dw, plus := r.Values(o.X), r.Values(o.DY), r.Values(o.DWeight), r.Values(o.Plus)
	for i := range o.Channels * o.Kernel * o.Kernel {
		dw[i] = added(plus, i)
	}
	taps(o.Maps, false, func(out, in, weight int) { dw[weight] += x[in] * dy[out] })
}
