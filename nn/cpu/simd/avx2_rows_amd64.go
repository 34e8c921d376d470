//go:build amd64 && !purego

package simd

import "math"

// rowsPerCall is how many rows of width elements one assembly call takes.
func rowsPerCall(width int) int { return max(1, callLimit/width) }

func nativeLayerNorm(y, x, weight, bias, mean, rstd []float32, rows, width int, eps float32) {
	if width == 0 {
		return
	}
	y, x, weight, bias, mean, rstd = y[:rows*width], x[:rows*width], weight[:width], bias[:width], mean[:rows], rstd[:rows]
	for n := 0; rows > 0; rows -= n {
		n = min(rows, rowsPerCall(width))
		avx2LayerNorm(n, width, &y[0], &x[0], &weight[0], &bias[0], &mean[0], &rstd[0], eps, 1/float32(width))
		y, x, mean, rstd = y[n*width:], x[n*width:], mean[n:], rstd[n:]
	}
}

func nativeLayerNormGrad(dx, x, dy, weight, mean, rstd, plus, dweight, dbias []float32, rows, width int) {
	if width == 0 {
		return
	}
	dx, x, dy, mean, rstd = dx[:rows*width], x[:rows*width], dy[:rows*width], mean[:rows], rstd[:rows]
	weight, dweight, dbias = weight[:width], dweight[:width], dbias[:width]
	for n := 0; rows > 0; rows -= n {
		n = min(rows, rowsPerCall(width))
		var add *float32
		if plus != nil {
			add = &plus[:n*width][0]
			plus = plus[n*width:]
		}
		avx2LayerNormGrad(n, width, &dx[0], &x[0], &dy[0], &weight[0], &mean[0], &rstd[0], add, &dweight[0], &dbias[0], 1/float32(width))
		dx, x, dy, mean, rstd = dx[n*width:], x[n*width:], dy[n*width:], mean[n:], rstd[n:]
	}
}

func nativeColumnSum(sum, x []float32, rows, width, stride int) {
	if width == 0 {
		return
	}
	sum = sum[:width]
	for i := 0; i < rows; i += rowsPerCall(width) {
		n := min(rows-i, rowsPerCall(width))
		x := x[i*stride : (i+n-1)*stride+width]
		avx2ColumnSum(width, &sum[0], &x[0], n, stride)
	}
}

func nativeColumnSquares(sum, x, center []float32, rows, width, stride int) {
	if width == 0 {
		return
	}
	sum, center = sum[:width], center[:width]
	for i := 0; i < rows; i += rowsPerCall(width) {
		n := min(rows-i, rowsPerCall(width))
		x := x[i*stride : (i+n-1)*stride+width]
		avx2ColumnSquares(width, &sum[0], &x[0], &center[0], n, stride)
	}
}

func nativeColumnDot(sum, a, b []float32, rows, width int) {
	if width == 0 {
		return
	}
	sum, a, b = sum[:width], a[:rows*width], b[:rows*width]
	for i := 0; i < rows; i += rowsPerCall(width) {
		avx2ColumnDot(width, &sum[0], &a[i*width], &b[i*width], min(rows-i, rowsPerCall(width)), width)
	}
}

func nativeSoftmaxCrossEntropy(delta, logits []float32, label int, scale float32) float32 {
	n := len(logits)
	largest := avx2Largest(n, &logits[0])
	gap := float64(largest) - float64(logits[label])
	if delta == nil {
		return float32(math.Log(float64(avx2ExpSum(n, nil, &logits[0], largest))) + gap)
	}
	delta = delta[:n]
	sum := avx2ExpSum(n, &delta[0], &logits[0], largest)
	avx2Scale(n, &delta[0], &delta[0], scale/sum)
	delta[label] -= scale
	return float32(math.Log(float64(sum)) + gap)
}
