package simd

import "math"

// portableGelu uses Φ(x) = erfc(-x/√2)/2, which keeps its precision in both tails.
func portableGelu(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		t := float64(v)
		y[i] = float32(0.5 * t * math.Erfc(-t/math.Sqrt2))
	}
}

func portableGeluBoth(y, dx, x, dy []float32) {
	portableGelu(y, x)
	portableGeluGrad(dx, x, dy)
}

func portableGeluGrad(dx, x, dy []float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	const density = 0.3989422804014326779399460599343818684758586311649346576 // 1/√(2π)
	for i, v := range x {
		t := float64(v)
		slope := 0.5*math.Erfc(-t/math.Sqrt2) + t*density*math.Exp(-t*t/2)
		dx[i] = float32(float64(dy[i]) * slope)
	}
}

func portableRelu(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = max(v, 0)
	}
}

func portableReluGrad(dx, x, dy []float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		d := dy[i]
		if !(v > 0) {
			d = 0
		}
		dx[i] = d
	}
}

func portableSquaredRelu(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		r := max(v, 0)
		y[i] = r * r
	}
}

func portableSquaredReluGrad(dx, x, dy []float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		dx[i] = 2 * max(v, 0) * dy[i]
	}
}

// logistic is σ(x) for any x: far from zero it is 0 or 1.
func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func portableSigmoid(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = float32(logistic(float64(v)))
	}
}

func portableSigmoidGrad(dx, x, dy []float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		t := float64(v)
		dx[i] = float32(float64(dy[i]) * (logistic(t) * logistic(-t)))
	}
}

func portableTanh(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = float32(math.Tanh(float64(v)))
	}
}

// portableTanhGrad uses 1 - tanh(x)² = 4 σ(2x) σ(-2x), which keeps its precision in both tails.
func portableTanhGrad(dx, x, dy []float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		t := 2 * float64(v)
		dx[i] = float32(float64(dy[i]) * (4 * logistic(t) * logistic(-t)))
	}
}

// portableSilu and its gradient replace an x that is far from zero, where the tail is 0, so that an infinity gives no NaN.
func portableSilu(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		t := max(float64(v), -siluLimit)
		y[i] = float32(t * logistic(t))
	}
}

func portableSiluGrad(dx, x, dy []float32) {
	dx, dy = dx[:len(x)], dy[:len(x)]
	for i, v := range x {
		t := min(max(float64(v), -siluLimit), siluLimit)
		dx[i] = float32(float64(dy[i]) * (logistic(t) * (1 + t*logistic(-t))))
	}
}

// siluLimit is where x σ(-x) is 0 in float32.
const siluLimit = 128

func portableAdd(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] = a[i] + b[i]
	}
}

func portableMul(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] = a[i] * b[i]
	}
}

func portableDiv(y, a, b []float32) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] = a[i] / b[i]
	}
}

func portableAddScalar(y, x []float32, c float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] = x[i] + c
	}
}

func portableScale(y, x []float32, c float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] = c * x[i]
	}
}

func portableAxpy(y, x []float32, c float32) {
	x = x[:len(y)]
	for i := range y {
		y[i] += c * x[i]
	}
}

func portableMax(y, index, x []float32, position float32) {
	index, x = index[:len(y)], x[:len(y)]
	for i, v := range x {
		if v > y[i] || v != v { // a NaN counts as larger
			y[i], index[i] = v, position
		}
	}
}

func portableSum(x []float32) float32 {
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	return float32(sum)
}

func portableDot(a, b []float32) float32 {
	b = b[:len(a)]
	var sum float64
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return float32(sum)
}
