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

func portableColumnDot(sum, a, b []float32, rows, width int) {
	sum = sum[:width]
	for i := range rows {
		b := b[i*width:][:width]
		for j, v := range a[i*width:][:width] {
			sum[j] += v * b[j]
		}
	}
}
