package simd

func portableDepthwise(_ *Workspace, d *Depthwise, from, to int) { d.addByTaps(from, to, portableTaps) }

func portableDepthwiseGrad(_ *Workspace, d *Depthwise, from, to int) {
	d.addGradByTaps(from, to, portableColumnDot)
}

func portableTaps(y, x, weight []float32, cells, channels, taps int) {
	for i := range cells {
		for c := range channels {
			var sum float32
			for t := range taps {
				sum += x[(i+t)*channels+c] * weight[t*channels+c]
			}
			y[i*channels+c] += sum
		}
	}
}
