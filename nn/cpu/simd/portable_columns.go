package simd

func portableColumnSum(sum, x []float32, rows, width, stride int) {
	sum = sum[:width]
	for i := range rows {
		for j, v := range x[i*stride:][:width] {
			sum[j] += v
		}
	}
}

func portableColumnSquares(sum, x, center []float32, rows, width, stride int) {
	sum, center = sum[:width], center[:width]
	for i := range rows {
		for j, v := range x[i*stride:][:width] {
			d := v - center[j]
			sum[j] += d * d
		}
	}
}

func portableColumnDot(sum, x, center, b []float32, rows, width int) {
	sum = sum[:width]
	for i := range rows {
		b := b[i*width:][:width]
		for j, v := range x[i*width:][:width] {
			if center != nil {
				v -= center[j]
			}
			sum[j] += v * b[j]
		}
	}
}

func portableNormalise(y, x, mean, gain, shift []float32, rows, width int) {
	for i := range rows {
		y := y[i*width:][:width]
		for j, v := range x[i*width:][:width] {
			y[j] = (v-mean[j])*gain[j] + shift[j]
		}
	}
}

func portableNormaliseGrad(dx, x, dy, mean, slope, factor, shift []float32, rows, width int) {
	for i := range rows {
		dx, dy := dx[i*width:][:width], dy[i*width:][:width]
		for j, v := range x[i*width:][:width] {
			dx[j] = (v-mean[j])*slope[j] + dy[j]*factor[j] + shift[j]
		}
	}
}
