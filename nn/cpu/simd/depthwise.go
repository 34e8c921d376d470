package simd

// Depthwise is a depthwise convolution that keeps the size of a map: X and Y are (Height, Width, Channels), with zeros around
// X, and Weight is (Kernel·Kernel, Channels) with an odd Kernel.
type Depthwise struct {
	Height, Width, Channels, Kernel int
	X, Y, Weight                    []float32
}

// padding returns how far the kernel extends beyond a cell.
func (d *Depthwise) padding() int { return d.Kernel / 2 }

// kernelRows returns the rows first ≤ i < last of the kernel that overlap the map when the kernel is centred on row y.
func (d *Depthwise) kernelRows(y int) (first, last int) {
	return max(d.padding()-y, 0), min(d.Kernel, d.Height+d.padding()-y)
}

// addByTaps adds rows of the convolution one row of the kernel at a time. All cells except those at the ends of a row of
// the map use all of its taps.
func (d *Depthwise) addByTaps(from, to int, add func(y, x, weight []float32, cells, channels, taps int)) {
	pad, size := d.padding(), d.Width*d.Channels
	for row := from; row < to; row++ {
		y := d.Y[row*size:][:size]
		first, last := d.kernelRows(row)
		for i := first; i < last; i++ {
			x := d.X[(row+i-pad)*size:][:size]
			weight := d.Weight[i*d.Kernel*d.Channels:]
			for cell, cells := 0, 0; cell < d.Width; cell += cells {
				tap := max(pad-cell, 0)
				taps := min(d.Kernel, d.Width+pad-cell) - tap
				cells = 1
				if taps == d.Kernel {
					cells = d.Width - 2*pad
				}
				add(y[cell*d.Channels:], x[(cell+tap-pad)*d.Channels:], weight[tap*d.Channels:], cells, d.Channels, taps)
			}
		}
	}
}

// addGradByTaps adds the gradients of the weights one tap at a time.
func (d *Depthwise) addGradByTaps(from, to int, add func(sum, x, center, dy []float32, rows, width int)) {
	pad, size := d.padding(), d.Width*d.Channels
	for row := from; row < to; row++ {
		dy := d.Y[row*size:][:size]
		first, last := d.kernelRows(row)
		for i := first; i < last; i++ {
			x := d.X[(row+i-pad)*size:][:size]
			for j := range d.Kernel {
				shift := j - pad
				left, right := max(-shift, 0), min(d.Width-shift, d.Width)
				if left < right {
					add(d.Weight[(i*d.Kernel+j)*d.Channels:][:d.Channels], x[(left+shift)*d.Channels:(right+shift)*d.Channels], nil,
						dy[left*d.Channels:right*d.Channels], right-left, d.Channels)
				}
			}
		}
	}
}
