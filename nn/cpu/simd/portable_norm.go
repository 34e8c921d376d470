package simd

import "math"

func portableLayerNorm(y, x, weight, bias, mean, rstd []float32, rows, width int, eps float32) {
	weight, bias = weight[:width], bias[:width]
	for i := range rows {
		x, y := x[i*width:][:width], y[i*width:][:width]
		var sum, squares float64
		for _, v := range x {
			sum += float64(v)
		}
		center := sum / float64(width)
		for _, v := range x {
			d := float64(v) - center
			squares += d * d
		}
		scale := 1 / math.Sqrt(squares/float64(width)+float64(eps))
		for j, v := range x {
			y[j] = float32((float64(v)-center)*scale)*weight[j] + bias[j]
		}
		mean[i], rstd[i] = float32(center), float32(scale)
	}
}

func portableLayerNormGrad(dx, x, dy, weight, mean, rstd, plus, dweight, dbias []float32, rows, width int) {
	weight, dweight, dbias = weight[:width], dweight[:width], dbias[:width]
	for i := range rows {
		x, dy, dx := x[i*width:][:width], dy[i*width:][:width], dx[i*width:][:width]
		m, r := mean[i], rstd[i]
		var sum, dot float64
		for j, d := range dy {
			normal := (x[j] - m) * r
			dweight[j] += d * normal
			dbias[j] += d
			sum += float64(weight[j] * d)
			dot += float64(weight[j] * d * normal)
		}
		a, b := float32(sum/float64(width)), float32(dot/float64(width))
		for j, d := range dy {
			v := r * (weight[j]*d - a - (x[j]-m)*r*b)
			if plus != nil {
				v += plus[i*width+j]
			}
			dx[j] = v
		}
	}
}
