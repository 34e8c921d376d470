//go:build amd64 && !purego

package simd

import "math"

// rowsPerCall returns how many rows of width elements one assembly call takes.
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

func nativeColumnDot(sum, x, center, b []float32, rows, width int) {
	if width == 0 {
		return
	}
	sum, x, b = sum[:width], x[:rows*width], b[:rows*width]
	for i := 0; i < rows; i += rowsPerCall(width) {
		n := min(rows-i, rowsPerCall(width))
		if center == nil {
			avx2ColumnDot(width, &sum[0], &x[i*width], &b[i*width], n, width)
		} else {
			avx2ColumnCenteredDot(width, &sum[0], &x[i*width], &center[:width][0], &b[i*width], n, width)
		}
	}
}

func nativeNormalise(y, x, mean, gain, shift []float32, rows, width int) {
	if width == 0 {
		return
	}
	y, x, mean, gain, shift = y[:rows*width], x[:rows*width], mean[:width], gain[:width], shift[:width]
	for i := 0; i < rows; i += rowsPerCall(width) {
		avx2Normalise(min(rows-i, rowsPerCall(width)), width, &y[i*width], &x[i*width], &mean[0], &gain[0], &shift[0])
	}
}

func nativeNormaliseGrad(dx, x, dy, mean, slope, factor, shift []float32, rows, width int) {
	if width == 0 {
		return
	}
	dx, x, dy = dx[:rows*width], x[:rows*width], dy[:rows*width]
	mean, slope, factor, shift = mean[:width], slope[:width], factor[:width], shift[:width]
	for i := 0; i < rows; i += rowsPerCall(width) {
		avx2NormaliseGrad(min(rows-i, rowsPerCall(width)), width, &dx[i*width], &x[i*width], &dy[i*width],
			&mean[0], &slope[0], &factor[0], &shift[0])
	}
}

// nativeSoftmax sets masked elements to -∞, which the exponential turns into e⁻⁸⁷, and sets them to 0 at the end.
func nativeSoftmax(y, x, mask []float32) (top, total float32) {
	x = x[:len(y)]
	if mask != nil {
		masked(y, x, mask, float32(math.Inf(-1)))
		x = y
	}
	largest := float32(math.Inf(-1))
	for i := 0; i < len(x); i += callLimit {
		largest = max(largest, avx2Largest(min(callLimit, len(x)-i), &x[i]))
	}
	none := math.IsInf(float64(largest), -1)
	if none {
		largest = 0 // everything is masked, or the rest are NaN
	}
	var sum float64
	for i := 0; i < len(x); i += callLimit {
		sum += float64(avx2ExpSum(min(callLimit, len(x)-i), &y[i], &x[i], largest))
	}
	for i := 0; i < len(y); i += callLimit {
		avx2Scale(min(callLimit, len(y)-i), &y[i], &y[i], float32(1/sum))
	}
	if mask != nil {
		masked(y, y, mask, 0)
	}
	if none {
		return 0, 0
	}
	return largest, float32(sum)
}

func nativeExp(y, x []float32) {
	x = x[:len(y)]
	for i := 0; i < len(y); i += callLimit {
		avx2ExpSum(min(callLimit, len(y)-i), &y[i], &x[i], 0)
	}
}

// masked computes y = x where mask is not 0, and other elsewhere.
func masked(y, x, mask []float32, other float32) {
	mask = mask[:len(y)]
	for i := 0; i < len(y); i += callLimit {
		avx2Masked(min(callLimit, len(y)-i), &y[i], &x[i], &mask[i], other)
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

// nativeSoftCrossEntropy adds up what the targets lose to the largest logit, targets (largest - logits), from halves: the
// difference of two float32 numbers may be too large for one.
func nativeSoftCrossEntropy(delta, logits, targets []float32, scale float32) float32 {
	n := len(logits)
	targets = targets[:n]
	largest := avx2Largest(n, &logits[0])
	var gap float64
	var half [64]float32
	for i := 0; i < n; i += len(half) {
		m := min(n-i, len(half))
		avx2Scale(m, &half[0], &logits[i], 0.5)
		avx2AddScalar(m, &half[0], &half[0], -largest/2)
		gap -= 2 * float64(avx2Dot(m, &half[0], &targets[i]))
	}
	total := avx2Sum(n, &targets[0])
	if delta == nil {
		return float32(float64(total)*math.Log(float64(avx2ExpSum(n, nil, &logits[0], largest))) + gap)
	}
	delta = delta[:n]
	sum := avx2ExpSum(n, &delta[0], &logits[0], largest)
	avx2Scale(n, &delta[0], &delta[0], total/sum)
	avx2Axpy(n, &delta[0], &targets[0], -1)
	avx2Scale(n, &delta[0], &delta[0], scale)
	return float32(float64(total)*math.Log(float64(sum)) + gap)
}
